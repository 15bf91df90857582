// Rollouts while machines end, start, and lose their way to the store.
#include "fleet.hpp"
#include "gremlin.hpp"

#include <gantryd/records/keys.hpp>

#include <gtest/gtest.h>

namespace gantryd::daemon {
namespace {

using model::release_outcome;

model::component_spec slow_to_prove()
{
    auto out = machine::web();
    out.rollout.min_healthy_time = 5s;
    return out;
}

TEST(a_holder, that_ends_and_is_back_in_time_goes_on_with_its_slot)
{
    running_fleet f(3);
    f.always("every machine serves", [&] { return f.all_serve(); });
    const auto two = f.release(slow_to_prove(), "2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m2"; }));
    f.run_for(1s);
    const auto token = f.slots().at(0).created;
    f.crash(2);
    f.run_for(40s, 20ms);
    EXPECT_EQ(f.slots().at(0).created, token) << "nobody takes it away";
    EXPECT_EQ(f.running_on(3), std::set<int>{1}) << "and nobody else changes";
    EXPECT_TRUE(f.at(3).reason("machine_lost"));
    f.at(2).start();
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m3"; }));
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }));
    f.run_for(1s);
    EXPECT_EQ(f.at(2).told("slot_taken").size(), 2U) << "one for each release";
    EXPECT_EQ(f.at(2).told("slot_freed").size(), 2U);
    EXPECT_TRUE(f.at(1).told("slot_lost").empty() && f.at(3).told("slot_lost").empty());
}

TEST(a_holder, that_is_away_for_too_long_is_passed_over_and_converges_when_it_is_back)
{
    running_fleet f(3);
    f.always("every machine serves", [&] { return f.all_serve(); });
    f.always("there is one slot", [&] { return f.slots().size() <= 1; });
    const auto two = f.release(slow_to_prove(), "2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m2"; }));
    f.crash(2);
    const auto gone = f.sim.clock.now();
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m3"; }));
    EXPECT_GE(f.sim.clock.now() - gone, 60s);
    EXPECT_LE(f.sim.clock.now() - gone, 80s) << "the lease, and what the rule says";
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::live; }));
    EXPECT_EQ(f.running_on(2).contains(1), true);
    f.at(2).start();
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }));
}

TEST(a_holder, that_is_away_is_passed_over_in_time_when_the_others_lose_sight_of_the_store_meanwhile)
{
    running_fleet f(3);
    (void)f.release(slow_to_prove(), "2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m2"; }));
    f.crash(2);
    const auto gone = f.sim.clock.now();
    f.run_for(40s, 20ms);
    for (const std::size_t other : {1U, 3U})
        f.link(other).cut();
    f.run_for(5s, 20ms);
    for (const std::size_t other : {1U, 3U})
        f.link(other).heal();
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m3"; }));
    EXPECT_GE(f.sim.clock.now() - gone, 60s);
    EXPECT_LE(f.sim.clock.now() - gone, 85s) << "its time does not begin anew";
}

TEST(a_deadline, is_no_verdict_of_a_machine_that_does_not_see_how_the_others_get_done)
{
    running_fleet f(4);
    auto spec = machine::web();
    spec.rollout.min_healthy_time = 20s;
    spec.rollout.deadline = 30s;
    const auto two = f.release(spec, "2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m2"; }));
    f.run_for(1s);
    f.link(1).watches_stall = true;
    f.always("nobody fails it", [&] { return f.outcome_of(two) != release_outcome::failed; });
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::live; }, 2min, 20ms));
    f.link(1).watches_stall = false;
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }));
}

TEST(a_holder, that_is_cut_off_begins_nothing_more_and_is_powerless_when_it_is_back)
{
    running_fleet f(3);
    f.always("every machine serves", [&] { return f.all_serve(); });
    auto spec = machine::web();
    spec.rollout.min_healthy_time = 50s;
    const auto two = f.release(spec, "2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m1"; }));
    f.run_for(1s);
    const auto token = f.slots().at(0).created;
    EXPECT_EQ(f.running_on(1), (std::set<int>{1, two}));
    f.link(1).cut();
    // It would be proven after 50 s; by then it must not act on its slot any more.
    f.run_for(66s, 20ms);
    EXPECT_EQ(f.running_on(1), (std::set<int>{1, two})) << "the old one is not drained";
    EXPECT_EQ(f.slots().at(0).created, token);
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m2"; }, 15s));
    f.run_for(20s, 20ms);
    EXPECT_EQ(f.running_on(1), (std::set<int>{1, two}));
    f.link(1).heal();
    ASSERT_TRUE(f.run_until([&] { return f.running_on(1) == std::set<int>{1}; }, 30s))
        << "without a slot it goes back to what it ran";
    EXPECT_EQ(f.holder(), "m2");
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }, 10min));
    EXPECT_EQ(f.at(1).told("slot_taken").size(), 3U) << "it took a new slot";
}

TEST(a_holder, that_is_cut_off_for_a_moment_goes_on)
{
    running_fleet f(3);
    f.always("every machine serves", [&] { return f.all_serve(); });
    const auto two = f.release(slow_to_prove(), "2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m1"; }));
    const auto token = f.slots().at(0).created;
    f.link(1).cut();
    f.run_for(30s, 20ms);
    EXPECT_EQ(f.slots().at(0).created, token);
    EXPECT_EQ(f.running_on(1), std::set<int>{two}) << "it goes on with what it may do";
    f.link(1).heal();
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }));
    EXPECT_EQ(f.at(1).told("slot_taken").size(), 2U);
}

TEST(a_fleet, that_loses_its_store_in_a_rollout_goes_on_when_it_is_back)
{
    running_fleet f(3);
    f.always("every machine serves", [&] { return f.all_serve(); });
    const auto two = f.release("2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m2"; }));
    for (std::size_t i = 1; i <= 3; ++i)
        f.link(i).cut();
    f.run_for(10s);
    const auto before = f.changes();
    f.run_for(1min, 20ms);
    EXPECT_EQ(f.changes(), before) << "nothing restarts";
    for (std::size_t i = 1; i <= 3; ++i)
        f.link(i).heal();
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }));
    EXPECT_TRUE(f.at(3).told("slot_lost").empty());
}

class random_trouble : public testing::TestWithParam<unsigned> {};

TEST_P(random_trouble, ends_converged_and_quiet)
{
    SCOPED_TRACE(fmt::format("seed {}", GetParam()));
    running_fleet f(3 + static_cast<int>(GetParam() % 3), GetParam());
    f.always("every machine serves", [&] { return f.all_serve(); });
    f.always("never more slots than two", [&] { return f.slots().size() <= 2; });
    gremlin trouble(f, GetParam());
    for (int i = 0; i < 25 && !HasFailure(); ++i) {
        f.run_for(trouble.pause(), 50ms);
        trouble.meddle();
    }
    for (std::size_t i = 1; i <= f.size(); ++i)
        trouble.mend(i);
    const auto last = trouble.tag();
    ASSERT_TRUE(f.run_until([&] { return f.is_over(last); }, 15min, 100ms)) << "release " << last << "\n"
                                                                            << f.describe();
    f.expect_quiet(10s, 100ms);
    for (std::size_t i = 1; i <= f.size(); ++i)
        EXPECT_TRUE(f.has_copy(i)) << "m" << i;
}

INSTANTIATE_TEST_SUITE_P(seeds, random_trouble, testing::Range(1U, 21U));

}  // namespace
}  // namespace gantryd::daemon
