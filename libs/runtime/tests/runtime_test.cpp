#include <gantryd/runtime/backoff.hpp>
#include <gantryd/runtime/dirty_flag.hpp>
#include <gantryd/runtime/simulation.hpp>
#include <gantryd/runtime/task_scope.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace asio = boost::asio;
namespace base = gantryd::base;
namespace runtime = gantryd::runtime;
using base::errc;
using base::result;
using namespace std::chrono_literals;

namespace {

asio::awaitable<result<int>> answer_after(runtime::clock& clk, runtime::duration d)
{
    co_await clk.sleep_until(clk.now() + d);
    co_return 42;
}

asio::awaitable<result<int>> fail_after(runtime::clock& clk, runtime::duration d)
{
    co_await clk.sleep_until(clk.now() + d);
    co_return base::fail(errc::unavailable, "connection refused");
}

asio::awaitable<result<int>> throw_after(runtime::clock& clk, runtime::duration d)
{
    co_await clk.sleep_until(clk.now() + d);
    throw std::logic_error("bug");
}

asio::awaitable<void> wait_a_day(runtime::clock& clk, int& finished)
{
    co_await clk.sleep_until(clk.now() + 24h);
    ++finished;
}

}  // namespace

TEST(with_deadline, returns_what_the_operation_returned)
{
    runtime::simulation sim;
    auto got = sim.outcome_after(
        1s, runtime::with_deadline(sim.clock, sim.clock.now() + 5s, "get", answer_after(sim.clock, 1s)));
    ASSERT_TRUE(got && *got);
    EXPECT_EQ(**got, 42);
}

TEST(with_deadline, an_error_is_reported_at_once_not_at_the_deadline)
{
    runtime::simulation sim;
    auto got = sim.outcome_after(
        10ms, runtime::with_deadline(sim.clock, sim.clock.now() + 1h, "get", fail_after(sim.clock, 10ms)));
    ASSERT_TRUE(got && !*got);
    EXPECT_EQ(got->error(), errc::unavailable);
}

TEST(with_deadline, an_exception_is_reported_at_once)
{
    runtime::simulation sim;
    EXPECT_THROW((void)sim.outcome_after(10ms, runtime::with_deadline(sim.clock, sim.clock.now() + 1h, "get",
                                                   throw_after(sim.clock, 10ms))),
        std::logic_error);
}

TEST(with_deadline, an_hour_of_waiting_ends_with_the_sentence_it_was_given)
{
    runtime::simulation sim;
    auto got = sim.outcome_after(1h, runtime::with_deadline(sim.clock, sim.clock.now() + 1h, "docker inspect",
                                         answer_after(sim.clock, 2h)));
    ASSERT_TRUE(got && !*got);
    EXPECT_EQ(got->error(), errc::timed_out);
    EXPECT_EQ(got->error().context(), "docker inspect");
}

TEST(with_deadline, its_own_end_is_passed_on_to_the_operation)
{
    runtime::simulation sim;
    bool ended = false;
    bool joined = false;
    auto work = [&]() -> asio::awaitable<result<int>> {
        const std::unique_ptr<bool, void (*)(bool*)> guard(&ended, [](bool* flag) { *flag = true; });
        co_await sim.clock.sleep_until(sim.clock.now() + 24h);
        co_return 42;
    };
    auto waiting = [&]() -> asio::awaitable<void> {
        (void)co_await runtime::with_deadline(sim.clock, sim.clock.now() + 1h, "get", work());
    };
    auto main_task = [&]() -> asio::awaitable<void> {
        runtime::task_scope scope(co_await asio::this_coro::executor);
        scope.spawn("waiting", waiting());
        co_await sim.clock.sleep_until(sim.clock.now() + 1s);
        scope.stop();
        co_await scope.join();
        joined = true;
    };
    sim.start(main_task());
    sim.clock.advance(999ms);
    EXPECT_FALSE(ended);
    sim.clock.advance(1ms);
    EXPECT_TRUE(ended);
    EXPECT_TRUE(joined);
    EXPECT_FALSE(sim.clock.next().has_value()) << "an alarm is left";
}

TEST(with_deadline, a_result_that_comes_while_it_is_cancelled_is_not_lost)
{
    runtime::simulation sim;
    auto work = [&]() -> asio::awaitable<result<int>> {
        try {
            co_await sim.clock.sleep_until(sim.clock.now() + 24h);
        } catch (const boost::system::system_error&) {
        }
        co_return 42;
    };
    auto got = sim.outcome_after(1s, runtime::with_deadline(sim.clock, sim.clock.now() + 1s, "get", work()));
    ASSERT_TRUE(got && *got);
    EXPECT_EQ(**got, 42);
}

TEST(an_alarm, rings_once_when_its_time_has_come)
{
    runtime::simulation sim;
    int rung = 0;
    const auto due = sim.clock.ring_at(sim.clock.now() + 1s, sim.loop.get_executor(), [&] { ++rung; });
    sim.clock.advance(999ms);
    EXPECT_EQ(rung, 0);
    sim.clock.advance(1ms);
    EXPECT_EQ(rung, 1);
    sim.clock.advance(1h);
    EXPECT_EQ(rung, 1);
    const auto late = sim.clock.ring_at(sim.clock.now() - 1s, sim.loop.get_executor(), [&] { ++rung; });
    EXPECT_EQ(rung, 1) << "from the loop, not from the call";
    sim.clock.settle();
    EXPECT_EQ(rung, 2);
}

TEST(an_alarm, that_is_gone_does_not_ring)
{
    runtime::simulation sim;
    int rung = 0;
    (void)sim.clock.ring_at(sim.clock.now() + 1s, sim.loop.get_executor(), [&] { ++rung; });
    (void)sim.clock.ring_at(sim.clock.now(), sim.loop.get_executor(), [&] { ++rung; });
    sim.clock.advance(1h);
    EXPECT_EQ(rung, 0);
}

TEST(an_alarm, of_the_machines_clock_rings_once_or_not_at_all)
{
    asio::io_context loop(1);
    const auto clock = runtime::make_system_clock();
    int rung = 0;
    auto kept = clock->ring_at(clock->now() - 1s, loop.get_executor(), [&] { ++rung; });
    auto dropped = clock->ring_at(clock->now() - 1s, loop.get_executor(), [&] { rung += 100; });
    const auto far = clock->ring_at(clock->now() + 24h, loop.get_executor(), [&] { rung += 100; });
    dropped.reset();
    while (rung == 0)
        loop.run_one();
    loop.poll();
    EXPECT_EQ(rung, 1);
}

TEST(task_scope, stop_and_join_wait_for_every_child_and_its_cleanup)
{
    runtime::simulation sim;
    std::vector<std::string> seen;
    auto child = [&](std::string name) -> asio::awaitable<void> {
        try {
            co_await sim.clock.sleep_until(sim.clock.now() + 24h);
        } catch (const boost::system::system_error&) {
            seen.push_back(name + " cancelled");
        }
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        co_await sim.clock.sleep_until(sim.clock.now() + 2s);
        seen.push_back(name + " cleaned up");
    };
    auto main_task = [&]() -> asio::awaitable<void> {
        runtime::task_scope scope(co_await asio::this_coro::executor);
        scope.spawn("a", child("a"));
        scope.spawn("b", child("b"));
        co_await sim.clock.sleep_until(sim.clock.now() + 1s);
        scope.stop();
        co_await scope.join();
        seen.push_back("joined");
    };
    sim.start(main_task());
    sim.clock.advance(1s);
    EXPECT_EQ(seen, (std::vector<std::string>{"a cancelled", "b cancelled"}));
    sim.clock.advance(2s);
    EXPECT_EQ(seen.size(), 5u);
    EXPECT_EQ(seen.back(), "joined");
}

TEST(task_scope, a_failing_child_stops_its_siblings_and_join_rethrows)
{
    runtime::simulation sim;
    int finished = 0;
    std::string caught;
    auto broken = [&]() -> asio::awaitable<void> {
        co_await sim.clock.sleep_until(sim.clock.now() + 1s);
        throw std::runtime_error("watch died");
    };
    auto main_task = [&]() -> asio::awaitable<void> {
        runtime::task_scope scope(co_await asio::this_coro::executor);
        scope.spawn("sibling", wait_a_day(sim.clock, finished));
        scope.spawn("broken", broken());
        try {
            co_await scope.join();
        } catch (const std::runtime_error& e) {
            caught = e.what();
        }
    };
    sim.start(main_task());
    sim.clock.advance(5s);
    EXPECT_EQ(caught, "watch died");
    EXPECT_EQ(finished, 0);
}

TEST(task_scope, one_child_can_be_stopped_by_name_and_the_others_go_on)
{
    runtime::simulation sim;
    int finished_a = 0;
    int finished_b = 0;
    bool joined = false;
    auto main_task = [&]() -> asio::awaitable<void> {
        runtime::task_scope scope(co_await asio::this_coro::executor);
        scope.spawn("a", wait_a_day(sim.clock, finished_a));
        scope.spawn("b", wait_a_day(sim.clock, finished_b));
        scope.stop("a");
        co_await scope.join();
        joined = true;
    };
    sim.start(main_task());
    sim.clock.advance(1s);
    EXPECT_FALSE(joined);
    sim.clock.advance(24h);
    EXPECT_TRUE(joined);
    EXPECT_EQ(finished_a, 0);
    EXPECT_EQ(finished_b, 1);
}

TEST(task_scope, that_is_stopped_from_outside_when_a_child_is_about_to_end_anyway_lets_it_end)
{
    runtime::simulation sim;
    runtime::task_scope scope(sim.loop.get_executor());
    asio::steady_timer news(sim.loop, asio::steady_timer::time_point::max());
    auto hears = [&]() -> asio::awaitable<result<int>> {
        co_await news.async_wait(asio::as_tuple(asio::use_awaitable));
        co_return 42;
    };
    auto child = [&]() -> asio::awaitable<void> {
        (void)co_await runtime::with_deadline(sim.clock, sim.clock.now() + 1h, "listen", hears());
    };
    scope.spawn("plain", [](auto& of) -> asio::awaitable<void> {
        co_await of.async_wait(asio::as_tuple(asio::use_awaitable));
    }(news));
    scope.spawn("in time", child());
    sim.clock.settle();
    news.cancel();  // is heard in the loop's next turn,
    scope.stop();   // before this
    sim.clock.settle();
    EXPECT_EQ(scope.size(), 0U);
    EXPECT_FALSE(sim.clock.next().has_value()) << "an alarm is left";
}

TEST(task_scope, a_child_that_comes_after_stop_is_not_started)
{
    runtime::simulation sim;
    int finished = 0;
    bool joined = false;
    auto main_task = [&]() -> asio::awaitable<void> {
        runtime::task_scope scope(co_await asio::this_coro::executor);
        scope.stop();
        scope.spawn("late", wait_a_day(sim.clock, finished));
        co_await scope.join();
        joined = true;
    };
    sim.start(main_task());
    sim.clock.advance(1s);
    EXPECT_TRUE(joined);
}

TEST(dirty_flag, many_sets_are_one_wake_up_and_none_is_lost)
{
    runtime::simulation sim;
    runtime::dirty_flag dirty(sim.loop.get_executor());
    int wakes = 0;
    auto reconcile = [&]() -> asio::awaitable<void> {
        for (;;) {
            co_await dirty.wait();
            ++wakes;
            co_await sim.clock.sleep_until(sim.clock.now() + 1s);
        }
    };
    auto main_task = [&]() -> asio::awaitable<void> {
        runtime::task_scope scope(co_await asio::this_coro::executor);
        scope.spawn("reconcile", reconcile());
        co_await sim.clock.sleep_until(sim.clock.now() + 1h);
        scope.stop();
        co_await scope.join();
    };
    sim.start(main_task());
    dirty.set();
    dirty.set();
    dirty.set();
    sim.clock.advance(500ms);
    EXPECT_EQ(wakes, 1);
    dirty.set();  // while busy
    sim.clock.advance(1s);
    EXPECT_EQ(wakes, 2);
    sim.clock.advance(1h);
    EXPECT_EQ(wakes, 2);
}

TEST(dirty_flag, that_is_waited_for_until_a_deadline_tells_whether_it_was_set)
{
    runtime::simulation sim;
    runtime::dirty_flag dirty(sim.loop.get_executor());
    auto got = sim.outcome_after(1s, dirty.wait_until(sim.clock, sim.clock.now() + 1s));
    EXPECT_EQ(got, false);
    dirty.set();
    got = sim.outcome_after(0s, dirty.wait_until(sim.clock, sim.clock.now() + 1s));
    EXPECT_EQ(got, true);
    got = sim.outcome_after(0s, dirty.wait_until(sim.clock, sim.clock.now()));
    EXPECT_EQ(got, false) << "it was cleared";
    dirty.set();
    got = sim.outcome_after(0s, dirty.wait_until(sim.clock, sim.clock.now() - 1s));
    EXPECT_EQ(got, true) << "set counts more than late";
    EXPECT_FALSE(sim.clock.next().has_value()) << "an alarm is left";
}

TEST(dirty_flag, that_is_set_again_each_time_leaves_the_loop_to_others_too)
{
    runtime::simulation sim;
    runtime::dirty_flag dirty(sim.loop.get_executor());
    bool is_over = false;
    int rounds = 0;
    auto eager = [&]() -> asio::awaitable<void> {
        for (; !is_over && rounds < 1'000; ++rounds) {
            dirty.set();
            (void)co_await dirty.wait_until(sim.clock, sim.clock.now() + 1h);
        }
    };
    auto other = [&]() -> asio::awaitable<void> {
        is_over = true;
        co_return;
    };
    sim.start(eager());
    sim.start(other());
    sim.clock.settle();
    EXPECT_TRUE(is_over);
    EXPECT_LT(rounds, 10);
}

TEST(dirty_flag, that_is_set_while_it_is_waited_for_wakes_at_once)
{
    runtime::simulation sim;
    runtime::dirty_flag dirty(sim.loop.get_executor());
    std::optional<bool> woken;
    auto waiting = [&]() -> asio::awaitable<void> {
        woken = co_await dirty.wait_until(sim.clock, sim.clock.now() + 1h);
    };
    sim.start(waiting());
    sim.clock.advance(1s);
    EXPECT_FALSE(woken);
    dirty.set();
    sim.clock.settle();
    EXPECT_EQ(woken, true);
}

TEST(backoff, doubles_within_half_and_full_and_is_capped)
{
    std::mt19937 random(7);
    runtime::backoff wait(100ms, 1s, random);
    for (const auto full : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
        const auto d = wait.next();
        EXPECT_GE(d, full / 2);
        EXPECT_LE(d, full);
    }
    wait.reset();
    EXPECT_LE(wait.next(), 100ms);
}
