#include <gantryd/drain/drain.hpp>

#include <gtest/gtest.h>

#include <random>

using namespace gantryd::drain;
namespace model = gantryd::model;
using namespace std::chrono_literals;

namespace {

constexpr time_point t0{1h};

facts begun()
{
    facts f;
    f.since = t0;
    return f;
}

}  // namespace

TEST(drain, takes_the_steps_in_the_order_that_loses_nothing)
{
    const policy rules{.timeout = 30s, .stop_grace = 10s};
    auto f = begun();
    f.has_signals = true;
    f.checks_passed = false;
    f.connections = 3;
    EXPECT_EQ(decide(f, rules, t0).next, step::leave_routes);
    f.routed_out = true;
    EXPECT_EQ(decide(f, rules, t0 + 1ms).next, step::send_signals);
    f.signals_done = true;
    EXPECT_EQ(decide(f, rules, t0 + 2ms).next, step::await_idle);
    f.connections = 0;
    f.checks_passed = true;
    EXPECT_EQ(decide(f, rules, t0 + 1s).next, step::await_idle) << "one look is not enough";
    f.idle_for = settle_time;
    EXPECT_EQ(decide(f, rules, t0 + 1s).next, step::stop);
    f.stop_since = t0 + 2s;
    EXPECT_EQ(decide(f, rules, t0 + 2s).next, step::await_exit);
    f.running = false;
    EXPECT_EQ(decide(f, rules, t0 + 3s).next, step::remove);
}

TEST(drain, an_idle_instance_waits_for_its_termination_checks)
{
    auto f = begun();
    f.routed_out = true;
    f.checks_passed = false;
    f.idle_for = 1s;
    EXPECT_EQ(decide(f, {}, t0 + 10s).next, step::await_idle);
}

TEST(drain, at_the_deadline_kill_stops_and_keep_keeps)
{
    auto f = begun();
    f.routed_out = true;
    f.connections = 5;
    EXPECT_EQ(decide(f, {.timeout = 30s}, t0 + 29s).next, step::await_idle);
    EXPECT_EQ(decide(f, {.timeout = 30s}, t0 + 29s).wake_at, t0 + 30s);
    EXPECT_EQ(decide(f, {.timeout = 30s}, t0 + 30s).next, step::stop);
    const policy keep{.timeout = 30s, .on_timeout = model::drain_timeout_action::keep};
    EXPECT_EQ(decide(f, keep, t0 + 31s).next, step::keep);
    f.connections = 0;
    f.idle_for = 1s;
    EXPECT_EQ(decide(f, keep, t0 + 41s).next, step::stop);
}

TEST(drain, a_proxy_that_does_not_answer_cannot_hold_it_for_ever)
{
    const auto f = begun();
    EXPECT_EQ(decide(f, {.timeout = 30s}, t0 + 30s).next, step::stop);
}

TEST(drain, one_that_ignores_its_stop_signal_is_killed_after_the_grace)
{
    auto f = begun();
    f.stop_since = t0;
    const policy rules{.stop_grace = 10s};
    EXPECT_EQ(decide(f, rules, t0 + 14s).next, step::await_exit);
    EXPECT_EQ(decide(f, rules, t0 + 15s).next, step::kill);
}

TEST(drain, never_stops_a_busy_instance_before_the_deadline)
{
    std::mt19937 random(11);
    const auto coin = [&] { return std::uniform_int_distribution<int>(0, 1)(random) == 1; };
    const policy rules{.timeout = 30s};
    for (int i = 0; i < 20'000; ++i) {
        auto f = begun();
        f.routed_out = coin();
        f.has_signals = coin();
        f.signals_done = coin();
        f.checks_passed = coin();
        f.connections = std::uniform_int_distribution<int>(0, 2)(random);
        f.idle_for = std::chrono::milliseconds(std::uniform_int_distribution<int>(0, 20)(random));
        const auto now = t0 + std::chrono::seconds(std::uniform_int_distribution<int>(0, 29)(random));
        const auto d = decide(f, rules, now);
        if (d.next == step::stop)
            ASSERT_TRUE(f.routed_out && f.connections == 0 && f.idle_for >= settle_time && f.checks_passed &&
                        (!f.has_signals || f.signals_done));
        else if (d.wake_at)
            ASSERT_GT(*d.wake_at, now);
    }
}
