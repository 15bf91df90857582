#include "ledger.hpp"

#include "machine.hpp"
#include "moody_store.hpp"

#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

namespace gantryd::daemon {
namespace {

boost::asio::awaitable<bool> joined(runtime::task_scope& tasks)
{
    co_await tasks.join();
    co_return true;
}

class the_ledger : public ::testing::Test {
protected:
    the_ledger()
    {
        of.name = model::instance_name("shop-web-1-1");
        of.container = model::container_id("c1");
        auto hear = [this](const base::result<void>& done) { results.push_back(done.has_value()); };
        tasks_.spawn("ledger", memory.write_behind(hear));
    }
    void TearDown() override
    {
        auto stop = [this] { tasks_.stop(); };
        boost::asio::post(sim.loop, stop);
        EXPECT_TRUE(sim.outcome_after(1s, joined(tasks_)));
    }
    /// What a gantryd that starts now would remember.
    planner::instance remembered()
    {
        ledger next(kept, sim.clock, logger_, sim.loop.get_executor());
        auto read = [&]() -> boost::asio::awaitable<bool> {
            co_await next.load("boot");
            co_return true;
        };
        EXPECT_TRUE(sim.outcome_after(0ms, read()));
        planner::instance out;
        out.container = of.container;
        next.recall(out);
        return out;
    }
    void load()
    {
        auto read = [&]() -> boost::asio::awaitable<bool> {
            co_await memory.load("boot");
            co_return true;
        };
        EXPECT_TRUE(sim.outcome_after(1s, read()));
    }

    runtime::simulation sim;
    moody_store kept{sim.clock};
    kept_log lines;

private:
    base::logger logger_{lines, base::log_level::debug};

protected:
    ledger memory{kept, sim.clock, logger_, sim.loop.get_executor()};
    planner::instance of;
    std::vector<bool> results;

private:
    runtime::task_scope tasks_{sim.loop.get_executor()};
};

TEST_F(the_ledger, says_when_a_fact_is_kept)
{
    load();
    kept.latency = 30ms;
    of.signals_begun = 1;
    of.started_at = sim.clock.now() - 7s;
    memory.save(of);
    EXPECT_FALSE(sim.outcome_after(20ms, memory.written(sim.clock.now() + 1s))) << "it is not written yet";
    const auto done = sim.outcome_after(20ms, memory.written(sim.clock.now() + 1s));
    ASSERT_TRUE(done);
    EXPECT_TRUE(done->has_value());
    EXPECT_EQ(remembered().signals_begun, 1);
    EXPECT_EQ(remembered().started_at, of.started_at);
}

TEST_F(the_ledger, is_not_satisfied_by_an_older_write_of_the_same_fact)
{
    load();
    kept.latency = 30ms;
    of.signals_begun = 1;
    memory.save(of);
    sim.clock.advance(10ms);  // the write of 1 is under way
    of.signals_begun = 2;
    memory.save(of);
    EXPECT_FALSE(sim.outcome_after(25ms, memory.written(sim.clock.now() + 1s))) << "only 1 is written";
    const auto done = sim.outcome_after(40ms, memory.written(sim.clock.now() + 1s));
    ASSERT_TRUE(done && done->has_value());
    EXPECT_EQ(remembered().signals_begun, 2);
}

TEST_F(the_ledger, does_not_wait_for_what_is_saved_later)
{
    load();
    kept.latency = 30ms;
    of.signals_begun = 1;
    memory.save(of);
    bool kept_it = false;
    auto wait = [&]() -> boost::asio::awaitable<void> {
        auto done = co_await memory.written(sim.clock.now() + 1s);
        kept_it = done.has_value();
    };
    sim.start(wait());
    for (int i = 0; i < 8; ++i) {
        sim.clock.advance(10ms);
        of.stop_since = sim.clock.now();
        memory.save(of);
    }
    EXPECT_TRUE(kept_it);
}

TEST_F(the_ledger, gives_up_waiting_at_the_deadline_and_writes_all_the_same)
{
    load();
    kept.refuses_writes = base::error(base::errc::unavailable, "no room");
    of.signals_begun = 1;
    memory.save(of);
    const auto late = sim.outcome_after(3s, memory.written(sim.clock.now() + 2s));
    ASSERT_TRUE(late);
    ASSERT_FALSE(late->has_value());
    EXPECT_EQ(late->error(), base::errc::timed_out);
    kept.refuses_writes.reset();
    const auto done = sim.outcome_after(10s, memory.written(sim.clock.now() + 10s));
    EXPECT_TRUE(done && done->has_value());
    EXPECT_EQ(results.front(), true) << "the boot's name";
    EXPECT_EQ(std::ranges::count(results, false), 1);
    EXPECT_EQ(remembered().signals_begun, 1);
}

}  // namespace
}  // namespace gantryd::daemon
