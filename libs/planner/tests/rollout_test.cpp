#include "plan_text.hpp"
#include "scene.hpp"

#include <gantryd/planner/rollout.hpp>

#include <gtest/gtest.h>

#include <algorithm>

using namespace gantryd::planner;
namespace model = gantryd::model;
using namespace std::chrono_literals;
using model::release_outcome;

namespace {

constexpr auto one = static_cast<model::release_number>(1);
constexpr auto two = static_cast<model::release_number>(2);

/// What a machine does that changes next, and what it does in its turn where it has not done that before.
const lines ahead{"create shop-web-2-1 ahead"};
const lines claim{"claim web release 2 slot 0 of 1"};
const lines claim_and_make{"claim web release 2 slot 0 of 1", "create shop-web-2-1 ahead"};

model::component_spec proven_after(std::chrono::milliseconds time)
{
    auto spec = scene::web();
    spec.rollout.min_healthy_time = time;
    return spec;
}

/// Version 1 is live and serves on "m1", one of three machines.
scene three_machines()
{
    auto s = running_in_fleet({"m2", "m3"});
    EXPECT_EQ(s.does(), lines{});
    return s;
}

/// The new instance that "m1" made in its slot serves, beside the old one.
void start_second(scene& s)
{
    const bool is_alone = s.w.fleet->machines.size() == 1;
    EXPECT_EQ(s.does(), is_alone ? claim : claim_and_make);
    EXPECT_EQ(s.does(), is_alone ? lines{"create shop-web-2-1"} : lines{});
    s.starts("shop-web-2-1");
    s.passes("shop-web-2-1");
    EXPECT_EQ(s.does(), (lines{"mark_ready shop-web-2-1"}));
    EXPECT_EQ(s.does().size(), 1U) << "the proxy is told";
}

/// What happens in the next rounds, all together.
lines happening(scene& s, int rounds)
{
    lines out;
    for (int i = 0; i < rounds; ++i)
        for (auto& line : s.does())
            out.push_back(std::move(line));
    return out;
}

/// All that happens from the drain of an instance to its end.
void let_go(scene& s, const std::string& name)
{
    for (int i = 0; i < 10 && s.w.instances.contains(model::instance_name(name)); ++i) {
        (void)s.does();
        const auto there = s.w.instances.find(model::instance_name(name));
        if (there == s.w.instances.end())
            break;
        there->second.idle_for = 1s;
        there->second.direct = 0;
        there->second.termination = verdict::passing;
        if (there->second.stop_since) {
            s.exits(name, 0);
            s.later(1s);
        }
    }
    EXPECT_FALSE(s.w.instances.contains(model::instance_name(name)));
}

}  // namespace

TEST(rollout, of_one_machine_is_one_transaction_before_and_one_behind)
{
    auto s = running_in_fleet();
    s.release(2, release_outcome::pending);
    start_second(s);
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-1-1: release 2 takes its place"}));
    const auto next = s.does();
    EXPECT_EQ(next.size(), 1U) << "routed out first";
    const auto then = s.does();
    EXPECT_EQ(then.front(), "leave web release 2 slot 0 of 0, the last");
    EXPECT_EQ(s.of().releases.at(two)->outcome, release_outcome::live);
    EXPECT_EQ(s.of().rollout.record->verdict, model::rollout_verdict::done);
    EXPECT_TRUE(s.of().rollout.slots.empty());
}

TEST(rollout, waits_for_its_turn_and_says_so)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending);
    s.takes_slot("m2", 0, 2);
    EXPECT_EQ(s.does(), ahead);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.release_to_run(), one);
    EXPECT_EQ(s.because(reason::waiting_slot).text,
        "this machine runs release 1 until its turn for release 2 comes; one machine changes at a time");
    s.is_done("m2", 2);
    EXPECT_EQ(s.does(), claim);
    EXPECT_FALSE(s.is_told(reason::waiting_slot));
    s.at("shop-web-2-1").now = phase::created;
    EXPECT_EQ(s.does(), (lines{"start shop-web-2-1"}));
}

TEST(rollout, goes_by_the_order_of_the_machines_for_a_second)
{
    auto s = three_machines();
    s.w.fleet->machines[model::machine_id("m0")] = {.present = true};
    s.of().wished_at = s.w.now;
    s.release(2, release_outcome::pending);
    EXPECT_EQ(s.does(), lines{}) << "m0 comes first";
    EXPECT_EQ(s.planned().wake_at, s.w.now + 1s);
    s.later(1s);
    EXPECT_EQ(s.does(), claim) << "and has not taken its turn";
}

TEST(rollout, takes_as_many_slots_as_the_policy_says)
{
    auto s = three_machines();
    auto spec = scene::web();
    spec.rollout.max_parallel = {50, true};
    s.w.fleet->machines[model::machine_id("m4")] = {.present = true};
    s.release(2, release_outcome::pending, spec);
    EXPECT_EQ(texts(s.planned()), (lines{"claim web release 2 slot 0 of 2", ahead.front()}));
    s.takes_slot("m2", 0, 2);
    s.of().rollout.record->slots = 2;
    EXPECT_EQ(texts(s.planned()), (lines{"claim web release 2 slot 1 of 2", ahead.front()}));
    s.takes_slot("m3", 1, 2);
    EXPECT_EQ(texts(s.planned()), ahead);
}

TEST(rollout, pauses_between_machines_and_for_an_operator)
{
    auto s = three_machines();
    auto spec = scene::web();
    spec.rollout.pause = 30s;
    s.release(2, release_outcome::pending, spec);
    s.takes_slot("m2", 0, 2);
    s.is_done("m2", 2);
    EXPECT_EQ(s.does(), ahead);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.because(reason::waiting_slot).until, s.w.now + 30s);
    s.later(30s);
    s.of().rollout.record->held = true;
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-2-1: it was made for a turn that does not come now"}));
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.because(reason::rollout_paused).text, "an operator has paused the rollout of release 2");
    s.of().rollout.record->held = false;
    EXPECT_EQ(s.does(), (lines{claim.front(), "create shop-web-2-2 ahead"}));
}

TEST(rollout, keeps_the_old_one_until_the_new_one_has_lasted)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending, proven_after(10s));
    start_second(s);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.because(reason::waiting_healthy).until, s.w.now + 10s);
    s.later(9s);
    EXPECT_EQ(s.does(), lines{});
    s.later(1s);
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-1-1: release 2 takes its place"}));
}

TEST(rollout, ends_with_a_death_within_the_time_to_last_and_the_old_one_serves_on)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending, proven_after(10s));
    start_second(s);
    s.later(5s);
    s.exits("shop-web-2-1", 3);
    const auto now = happening(s, 1);
    EXPECT_TRUE(has(now, "condemn shop-web-2-1: exited with code 3"));
    const auto next = happening(s, 1);
    EXPECT_TRUE(has(next, "fail web release 2 slot 0 of 0: exited with code 3"));
    EXPECT_TRUE(has(next, "remove shop-web-2-1"));
    EXPECT_EQ(s.of().releases.at(two)->outcome, release_outcome::failed);
    EXPECT_EQ(s.release_to_run(), one);
    const auto then = happening(s, 3);
    EXPECT_TRUE(has(then, "leave web release 1 slot 0 of 0"));
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().components.at(model::component_name("web")), (summary{"running", one}));
}

TEST(rollout, that_failed_elsewhere_leaves_the_untouched_alone_and_brings_the_others_back_one_by_one)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending);
    start_second(s);
    s.of().rollout.steps[model::machine_id("m2")] = {};
    let_go(s, "shop-web-1-1");
    EXPECT_TRUE(s.of().rollout.slots.empty()) << "m1 is done";
    s.takes_slot("m2", 0, 2);
    s.of().rollout.record->verdict = model::rollout_verdict::failed;
    s.of().rollout.record->machine = model::machine_id("m2");
    s.release(2, release_outcome::failed);

    EXPECT_EQ(s.does(), lines{}) << "m2 goes back first";
    EXPECT_EQ(s.release_to_run(), two);
    EXPECT_EQ(s.because(reason::release_failed).then,
        "it serves here until the machine has gone back to release 1");
    EXPECT_EQ(s.because(reason::rollout_stopped).text,
        "release 2 failed on host-m2 (m2); this machine runs release 2");
    s.is_done("m2", 1);
    EXPECT_EQ(s.does(), claim);
    EXPECT_EQ(s.does(), (lines{"create shop-web-1-1"}));
    s.starts("shop-web-1-1");
    s.passes("shop-web-1-1");
    for (int i = 0; i < 3; ++i)
        (void)s.does();
    let_go(s, "shop-web-2-1");
    EXPECT_TRUE(s.of().rollout.slots.empty());
    EXPECT_EQ(s.does(), lines{}) << "and that is the end of it";
    EXPECT_EQ(s.release_to_run(), one);

    auto untouched = three_machines();
    untouched.release(2, release_outcome::failed);
    EXPECT_EQ(untouched.does(), lines{});
    EXPECT_EQ(untouched.release_to_run(), one);
}

TEST(rollout, is_not_ended_by_a_crash_on_a_machine_that_is_done)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending);
    start_second(s);
    let_go(s, "shop-web-1-1");
    s.takes_slot("m2", 0, 2);
    s.exits("shop-web-2-1", 1);
    const auto all = happening(s, 3);
    EXPECT_TRUE(has(all, "create shop-web-2-2")) << "it is healed without a slot";
    EXPECT_FALSE(has(all, "fail"));
    EXPECT_EQ(s.of().releases.at(two)->outcome, release_outcome::pending);
}

TEST(rollout, does_not_hold_up_the_healing_of_a_machine_whose_turn_comes_when_the_store_is_away)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending);
    s.w.instances.clear();
    EXPECT_FALSE(has(texts(s.planned()), "create shop-web-1")) << "it takes its turn at once";
    s.w.store = {.known = true, .reachable = false, .since = s.w.now, .error = "no leader"};
    EXPECT_TRUE(has(texts(s.planned()), "create shop-web-1"));
}

TEST(rollout, that_is_superseded_passes_its_slot_on)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending);
    EXPECT_EQ(s.does(), claim_and_make);
    EXPECT_EQ(s.does(), lines{});
    s.starts("shop-web-2-1");
    s.release(2, release_outcome::superseded);
    s.release(3, release_outcome::pending);
    EXPECT_EQ(s.does(), (lines{"pass_on web release 3 slot 0 of 1"}));
    EXPECT_EQ(
        s.does(), (lines{"create shop-web-3-1", "begin_drain shop-web-2-1: release 3 takes its place"}));
    EXPECT_EQ(s.of().rollout.record->release, static_cast<model::release_number>(3));
}

TEST(rollout, declares_a_machine_lost_when_it_is_away_for_too_long)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending);
    s.takes_slot("m2", 0, 2);
    auto& m2 = s.w.fleet->machines.at(model::machine_id("m2"));
    m2.present = false;
    m2.gone_since = s.w.now;
    EXPECT_EQ(s.does(), ahead);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.because(reason::machine_lost).until, s.w.now + 60s);
    EXPECT_EQ(s.planned().wake_at, s.w.now + 60s);
    s.later(59s);
    s.w.fleet->confirmed_at = s.w.now;
    EXPECT_EQ(s.does(), lines{});
    m2.present = true;
    s.later(2s);
    EXPECT_EQ(s.does(), lines{}) << "it came back in time";
    m2.present = false;
    EXPECT_EQ(s.does(), (lines{"declare_lost web release 2 slot 0 of 0"}));
    EXPECT_EQ(s.does(), claim);
}

TEST(rollout, begins_and_ends_nothing_while_the_holders_presence_is_not_confirmed)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending);
    start_second(s);
    s.later(45s);
    EXPECT_EQ(s.does(), lines{}) << "the old one is not drained";
    EXPECT_TRUE(s.is_told(reason::presence_unconfirmed));
    s.exits("shop-web-1-1", 137);
    EXPECT_FALSE(has(happening(s, 3), "create")) << "the new one serves";
    s.exits("shop-web-2-1", 1);
    const auto healed = happening(s, 3);
    EXPECT_TRUE(has(healed, "create shop-web-1-")) << "what ran before is healed";
    EXPECT_FALSE(has(healed, "fail"));

    auto again = three_machines();
    again.release(2, release_outcome::pending);
    start_second(again);
    again.later(45s);
    again.w.fleet->confirmed_at = again.w.now;
    EXPECT_EQ(again.does(), (lines{"begin_drain shop-web-1-1: release 2 takes its place"}));
}

TEST(rollout, takes_no_part_while_another_has_its_id)
{
    auto s = three_machines();
    s.w.fleet->id_held_by = "beta";
    s.release(2, release_outcome::pending);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.because(reason::machine_id_taken).text, "another gantryd, on beta, is there as machine m1");
}

TEST(rollout, starts_an_empty_machine_with_the_good_release)
{
    scene s;
    s.release(1, release_outcome::live);
    s.release(2, release_outcome::pending);
    s.join_fleet({"m2", "m3"});
    s.takes_slot("m2", 0, 2);
    EXPECT_EQ(s.does().back(), "create shop-web-1-1");

    scene first;
    first.release(1, release_outcome::pending);
    first.join_fleet({"m2"});
    first.says("m1", model::preparation::ready);
    first.takes_slot("m2", 0, 1);
    EXPECT_EQ(first.does(), (lines{"proxy web_8888[s1 serving 127.0.0.1:1]"})) << "there is no good one";
    EXPECT_EQ(first.because(reason::waiting_slot).text,
        "this machine runs nothing until its turn for release 1 comes; one machine changes at a time");
    first.is_done("m2", 1);
    EXPECT_EQ(first.does(), (lines{"claim web release 1 slot 0 of 1"}));
    EXPECT_EQ(first.does(), (lines{"create shop-web-1-1"}));

    scene late;
    late.release(1, release_outcome::live);
    late.release(2, release_outcome::live);
    late.join_fleet({"m2"});
    EXPECT_EQ(late.does().back(), "create shop-web-2-1") << "without a slot";
}

TEST(rollout, is_no_hindrance_to_a_stop)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending);
    start_second(s);
    s.of().intent = model::intent::stopped;
    const auto now = s.does();
    EXPECT_EQ(
        now, (lines{"leave web release 0 slot 0 of 0", "begin_drain shop-web-2-1: the component is to stop",
                 "begin_drain shop-web-1-1: the component is to stop"}));
}

TEST(rollout, ends_at_its_deadline_when_there_is_something_to_go_back_to)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending);
    s.takes_slot("m2", 0, 2);
    s.later(30min - 1s);
    s.w.fleet->confirmed_at = s.w.now;
    EXPECT_EQ(s.does(), ahead);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().wake_at, s.w.now + 1s);
    s.later(1s);
    EXPECT_EQ(s.does(), (lines{"fail web release 2 slot 0 of 0: no machine got done with it within 30m 0s"}));
    EXPECT_EQ(s.release_to_run(), one);
}

TEST(rollout, is_not_ended_by_a_machine_that_does_not_hear_of_the_others)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending);
    s.takes_slot("m2", 0, 2);
    s.w.fleet->confirmed_at = s.w.now;
    s.does();
    s.later(1h);
    EXPECT_EQ(s.does(), lines{}) << "the store has not answered for an hour";
}

TEST(rollout, is_finished_without_a_machine_that_does_not_come_back)
{
    auto s = three_machines();
    s.release(2, release_outcome::pending);
    s.is_done("m3", 2);
    start_second(s);
    let_go(s, "shop-web-1-1");
    EXPECT_EQ(s.of().releases.at(two)->outcome, release_outcome::pending) << "m2 is awaited";
    auto& m2 = s.w.fleet->machines.at(model::machine_id("m2"));
    m2.present = false;
    m2.gone_since = s.w.now;
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().wake_at, s.w.now + 60s);
    s.later(60s);
    s.w.fleet->confirmed_at = s.w.now;
    EXPECT_EQ(s.does(), (lines{"finish web release 2 slot 0 of 0"}));
    EXPECT_EQ(s.does(), lines{});
}

TEST(rollout, leaves_a_machine_alone_that_takes_no_work)
{
    auto s = three_machines();
    s.w.fleet->machines.at(model::machine_id("m1")).drains = true;
    s.release(2, release_outcome::pending);
    EXPECT_EQ(s.does(), lines{});

    auto other = three_machines();
    other.w.fleet->machines.at(model::machine_id("m3")).drains = true;  // m2 carries its work
    other.release(2, release_outcome::pending);
    other.is_done("m2", 2);
    start_second(other);
    let_go(other, "shop-web-1-1");
    EXPECT_EQ(other.of().releases.at(two)->outcome, release_outcome::live) << "m3 is not awaited";
}

TEST(rollout, of_nothing_leaves_what_an_unknown_release_runs)
{
    scene s;
    s.release(0, release_outcome::live);  // known from a container's labels alone
    s.serving(0, 1);
    s.of().wanted.reset();
    s.settle_proxy();
    s.join_fleet({"m2"});
    EXPECT_EQ(s.does(), lines{});
    EXPECT_TRUE(s.is_told(reason::no_release));
}
