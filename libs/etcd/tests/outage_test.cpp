#include "outage.hpp"

#include <gantryd/runtime/simulation.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <vector>

namespace gantryd::etcd {
namespace {

using namespace std::chrono_literals;
using runtime::duration;
using runtime::time_point;

const base::error no_leader(base::errc::unavailable, "etcdserver: no leader");

/// Calls of one client, on a cluster that works or not.
class crowd {
public:
    /// Calls that still wait are ended before what they wait in.
    ~crowd() { sim.loop.shutdown(); }

    runtime::simulation sim;
    std::mt19937 random{7};
    outage all{sim.clock, random};
    bool works = false;
    duration answer_takes = 1ms;
    std::vector<time_point> asked;  ///< when the cluster was asked
    int done = 0;
    int given_up = 0;

    void call(duration patience) { sim.start(ask_until(sim.clock.now() + patience)); }

    int asked_since(time_point when) const
    {
        return static_cast<int>(std::ranges::count_if(asked, [&](time_point at) { return at >= when; }));
    }

private:
    boost::asio::awaitable<void> ask_until(time_point limit)
    {
        for (;;) {
            const auto turn = co_await all.next_turn(limit);
            if (!turn) {
                ++given_up;
                co_return;
            }
            asked.push_back(sim.clock.now());
            co_await sim.clock.sleep_until(sim.clock.now() + answer_takes);
            if (!works) {
                all.begin(no_leader);
                continue;
            }
            all.end();
            ++done;
            co_return;
        }
    }
};

TEST(outage, is_none_while_the_cluster_works)
{
    crowd c;
    c.works = true;
    for (int i = 0; i < 10; ++i)
        c.call(1s);
    c.sim.clock.advance(1ms);
    EXPECT_EQ(c.done, 10) << "nobody waits for anybody";
    EXPECT_FALSE(c.all.is_on());
}

TEST(outage, lets_one_call_at_a_time_ask_and_ever_more_rarely)
{
    crowd c;
    for (int i = 0; i < 20; ++i)
        c.call(1h);
    c.sim.clock.advance(1ms);
    EXPECT_EQ(c.asked.size(), 20U) << "nobody knew yet";
    EXPECT_TRUE(c.all.is_on());
    EXPECT_EQ(c.all.why().context(), no_leader.context());
    c.sim.clock.advance(1min);
    const auto from = c.sim.clock.now();
    c.sim.clock.advance(2min);
    EXPECT_GE(c.asked_since(from), 120 / 4);
    EXPECT_LE(c.asked_since(from), 120 / 2) << "of twenty calls together";
    duration shortest = 1h;
    duration longest{};
    for (std::size_t i = c.asked.size() - 20; i + 1 < c.asked.size(); ++i) {
        shortest = std::min(shortest, c.asked[i + 1] - c.asked[i]);
        longest = std::max(longest, c.asked[i + 1] - c.asked[i]);
    }
    EXPECT_GE(shortest, outage::longest_pause / 2);
    EXPECT_LE(longest, outage::longest_pause + c.answer_takes);
    EXPECT_GT(longest - shortest, 500ms) << "not all clients ask in step";
    EXPECT_EQ(c.given_up, 0);
}

TEST(outage, is_no_longer_for_being_found_out_by_many_calls_at_once)
{
    crowd c;
    for (int i = 0; i < 20; ++i)
        c.call(1h);
    c.sim.clock.advance(1ms);
    const auto found_out = c.sim.clock.now();
    c.sim.clock.advance(100ms);
    EXPECT_EQ(c.asked_since(found_out), 1) << "after the first, short pause";
}

TEST(outage, grows_from_a_tenth_of_a_second)
{
    crowd c;
    c.call(1h);
    c.sim.clock.advance(3s);
    ASSERT_GE(c.asked.size(), 5U);
    EXPECT_LE(c.asked[1] - c.asked[0], 101ms);
    EXPECT_LE(c.asked[2] - c.asked[1], 201ms);
    EXPECT_GE(c.asked[3] - c.asked[2], 200ms);
    EXPECT_GE(c.asked[4] - c.asked[3], 400ms);
}

TEST(outage, ends_for_all_with_the_first_answer)
{
    crowd c;
    for (int i = 0; i < 20; ++i)
        c.call(1h);
    c.sim.clock.advance(1min);
    c.works = true;
    const auto from = c.sim.clock.now();
    c.sim.clock.advance(outage::longest_pause + c.answer_takes);
    EXPECT_EQ(c.asked_since(from), 20) << "one, and then the others at once";
    c.sim.clock.advance(c.answer_takes);
    EXPECT_EQ(c.done, 20);
    EXPECT_FALSE(c.all.is_on());
    c.works = false;
    c.call(1h);
    c.sim.clock.advance(2ms);
    const auto again = c.asked.size();
    c.sim.clock.advance(100ms);
    EXPECT_EQ(c.asked.size(), again + 1) << "the next outage begins with a short pause";
}

TEST(outage, lets_a_call_give_up_in_time)
{
    crowd c;
    c.call(1h);
    c.sim.clock.advance(1min);
    const auto asked = c.asked.size();
    c.answer_takes = 1h;  // somebody asks, and hears nothing
    c.sim.clock.advance(outage::longest_pause);
    EXPECT_EQ(c.asked.size(), asked + 1);
    c.call(2s);
    c.sim.clock.advance(1900ms);
    EXPECT_EQ(c.given_up, 0);
    c.sim.clock.advance(100ms);
    EXPECT_EQ(c.given_up, 1);
    EXPECT_EQ(c.asked.size(), asked + 1);
}

TEST(outage, goes_on_with_another_call_when_the_one_that_asks_is_cancelled)
{
    crowd c;
    c.all.begin(no_leader);
    c.sim.clock.advance(1s);
    auto first = c.sim.outcome_after(0ms, c.all.next_turn(c.sim.clock.now() + 1s));
    ASSERT_TRUE(first && *first);
    c.works = true;
    c.call(1h);
    c.sim.clock.advance(1s);
    EXPECT_EQ(c.done, 0) << "one asks already";
    first.reset();
    c.sim.clock.advance(c.answer_takes);
    EXPECT_EQ(c.done, 1);
}

}  // namespace
}  // namespace gantryd::etcd
