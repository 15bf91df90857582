#include "plan_text.hpp"
#include "scene.hpp"

#include <gantryd/planner/preflight.hpp>
#include <gantryd/planner/rollout.hpp>

#include <fmt/format.h>

#include <gtest/gtest.h>

#include <algorithm>

using namespace gantryd::planner;
namespace model = gantryd::model;
using namespace std::chrono_literals;
using model::preparation;
using model::release_outcome;

namespace {

constexpr auto two = static_cast<model::release_number>(2);

/// Release 1 is live and serves on "m1", one of three machines; release 2 is wanted, and nobody has looked
/// yet whether it could run it.
scene release_two(const model::component_spec& spec = scene::web())
{
    auto s = running_in_fleet({"m2", "m3"});
    s.release(2, release_outcome::pending, spec);
    for (const auto* machine : {"m1", "m2", "m3"})
        s.says_nothing(machine);
    return s;
}

const lines claims{"claim web release 2 slot 0 of 1"};
const lines claims_and_makes{claims.front(), "create shop-web-2-1 ahead"};

/// The same with so many machines before "m1" in the line, all of which are prepared; "m1" knows that of
/// itself alone.
scene release_two_behind(int others)
{
    scene s;
    s.release(1, release_outcome::live);
    s.serving(1, 1);
    s.settle_proxy();
    lines names;
    for (int i = 0; i < others; ++i)
        names.push_back(fmt::format("a{:03}", i));
    s.join_fleet(names);
    s.release(2, release_outcome::pending);
    s.w.fleet->knows_preflights = false;
    for (const auto& name : names)
        s.says_nothing(name);
    return s;
}

bool wants_to_know(scene& s)
{
    assign_releases(s.w);
    return s.w.fleet->wants_preflights;
}

}  // namespace

TEST(preflight, comes_before_the_first_slot_and_waits_for_every_machine)
{
    auto s = release_two();
    EXPECT_EQ(s.does(), lines{"prepare web 2"});
    EXPECT_EQ(s.does(), lines{}) << "the others have not looked yet";
    s.says("m2", preparation::ready);
    s.says("m3", preparation::fetching, "it fetches web:2");
    EXPECT_EQ(s.does(), lines{});
    s.says("m3", preparation::ready);
    EXPECT_EQ(s.does(), claims_and_makes);
}

TEST(preflight, is_left_out_by_a_machine_alone)
{
    auto s = running_in_fleet();
    s.release(2, release_outcome::pending);
    s.says_nothing("m1");
    EXPECT_EQ(s.does(), claims);
}

TEST(preflight, says_who_could_not_run_the_release)
{
    auto s = release_two();
    s.says("m1", preparation::ready);
    s.says("m2", preparation::blocked, "port 8888 is taken by nc (pid 7)");
    s.says("m3", preparation::fetching, "it fetches web:2");
    EXPECT_EQ(s.does(), lines{});
    const auto told = s.because(reason::waiting_preflight);
    EXPECT_EQ(told.text, "no machine is touched before all of them could run release 2; host-m2 (m2): port "
                         "8888 is taken by nc (pid 7)");
    EXPECT_EQ(told.until, s.of().wished_at + 30min);
    EXPECT_FALSE(s.is_told(reason::waiting_slot));
}

TEST(preflight, of_machines_that_are_at_work_changes_no_report_of_others)
{
    auto s = release_two();
    s.says("m1", preparation::ready);
    const auto before = s.because(reason::waiting_preflight);
    s.says("m2", preparation::fetching, "it fetches web:2");
    EXPECT_EQ(s.because(reason::waiting_preflight), before);
    s.says("m2", preparation::ready);
    EXPECT_EQ(s.because(reason::waiting_preflight), before);
}

TEST(preflight, does_not_wait_for_a_machine_that_drains_or_is_lost)
{
    auto s = release_two();
    s.says("m1", preparation::ready);
    s.w.fleet->machines[model::machine_id("m2")].drains = true;
    auto& third = s.w.fleet->machines[model::machine_id("m3")];
    third.present = false;
    third.gone_since = s.w.now - 20s;
    const auto waits = s.planned();
    EXPECT_EQ(texts(waits), lines{"create shop-web-1-2"}) << "m2's work, and no slot";
    EXPECT_EQ(waits.wake_at, s.w.now + 40s) << "lostAfter, counted from its last sign";
    EXPECT_TRUE(s.because(reason::waiting_preflight).text.ends_with("; host-m3 (m3) is away"));
    s.later(40s);
    s.w.fleet->confirmed_at = s.w.now;
    EXPECT_EQ(s.does().front(), claims.front());
}

TEST(preflight, of_others_is_not_asked_for_when_the_first_machine_has_begun)
{
    auto s = release_two();
    s.takes_slot("m2", 0, 2);
    EXPECT_EQ(s.does(), lines{"prepare web 2"}) << "its own is";
    s.is_done("m2", 2);
    EXPECT_EQ(s.does(), claims_and_makes) << "m3 has not looked yet";
}

TEST(preflight, of_this_machine_is_asked_for_before_each_slot)
{
    auto s = release_two();
    s.takes_slot("m2", 0, 2);
    s.is_done("m2", 2);
    s.says("m1", preparation::blocked, "no route to the registry");
    EXPECT_EQ(texts(s.planned()), lines{"prepare web 2"});
    EXPECT_EQ(s.because(reason::waiting_preflight).text,
        "this machine runs release 1 until it is sure that it could run release 2");
}

TEST(preflight, of_another_release_says_nothing)
{
    auto s = release_two();
    for (const auto* machine : {"m1", "m2", "m3"})
        s.says(machine, preparation::ready);
    s.release(3, release_outcome::pending);
    s.of().rollout.preflights.clear();
    for (const auto* machine : {"m1", "m2", "m3"})
        s.of().rollout.preflights[model::machine_id(machine)] = {two, preparation::ready, {}};
    EXPECT_EQ(s.does(), lines{"prepare web 3"});
    EXPECT_EQ(s.does(), lines{});
}

TEST(preflight, ends_with_the_rollouts_deadline)
{
    auto s = release_two();
    s.says("m1", preparation::ready);
    s.says("m2", preparation::ready);
    s.says("m3", preparation::blocked, "manifest unknown");
    s.later(30min - 1s);
    s.w.fleet->confirmed_at = s.w.now;
    const auto waits = s.planned();
    EXPECT_EQ(texts(waits), lines{});
    EXPECT_EQ(waits.wake_at, s.w.now + 1s);
    s.later(1s);
    EXPECT_EQ(
        s.does(), lines{"fail web release 2 slot 0 of 0: no machine was touched, because not all of them "
                        "could run it within 30m 0s: host-m3 (m3): manifest unknown"});
    EXPECT_EQ(s.of().releases.at(two)->outcome, release_outcome::failed);
    EXPECT_EQ(s.does(), lines{}) << "everything is as it was";
}

TEST(preflight, has_no_deadline_while_an_operator_holds_the_rollout_or_nothing_was_live_before)
{
    auto s = release_two();
    s.of().rollout.record = model::rollout{.release = two, .held = true};
    s.later(2h);
    s.w.fleet->confirmed_at = s.w.now;
    EXPECT_EQ(texts(s.planned()), lines{"prepare web 2"});
    scene first;
    first.join_fleet({"m2"});
    first.settle_proxy();
    first.release(1, release_outcome::pending);
    first.says("m2", preparation::blocked, "manifest unknown");
    (void)first.does();
    first.later(2h);
    first.w.fleet->confirmed_at = first.w.now;
    EXPECT_EQ(texts(first.planned()), lines{});
    EXPECT_FALSE(first.because(reason::waiting_preflight).until);
}

TEST(preflight, of_a_newer_release_holds_a_machine_in_the_middle_of_its_change)
{
    auto s = release_two();
    for (const auto* machine : {"m1", "m2", "m3"})
        s.says(machine, preparation::ready);
    EXPECT_EQ(s.does(), claims_and_makes);
    s.starts("shop-web-2-1");
    s.release(3, release_outcome::pending);
    s.says_nothing("m1");
    s.says_nothing("m2");
    EXPECT_EQ(s.does(), lines{"prepare web 3"});
    EXPECT_EQ(s.does(), lines{}) << "nothing is begun or ended before m2 has looked";
    EXPECT_TRUE(s.is_told(reason::waiting_preflight));
    s.says("m2", preparation::ready);
    EXPECT_EQ(s.does(), lines{"pass_on web release 3 slot 0 of 1"});
}

TEST(preflight, is_made_for_a_drained_machine_that_is_in_the_middle_of_its_change)
{
    auto s = running_in_fleet({"m2"});
    s.release(2, release_outcome::pending);
    s.takes_slot("m2", 0, 2);
    s.w.fleet->machines.at(model::machine_id("m2")).drains = true;
    s.release(3, release_outcome::pending);
    s.says_nothing("m1");
    const auto done = s.does();
    EXPECT_NE(std::ranges::find(done, "prepare web 3"), done.end()) << "m2 waits for what this machine says";
}

TEST(preflight, is_not_asked_for_on_the_way_back)
{
    auto s = release_two();
    for (const auto* machine : {"m1", "m2", "m3"})
        s.says_nothing(machine);
    s.of().rollout.record =
        model::rollout{.release = two, .slots = 1, .verdict = model::rollout_verdict::failed};
    s.w.instances.clear();
    s.serving(2, 1);
    s.settle_proxy();
    s.of().rollout.steps[model::machine_id("m1")] = {two, {}};
    EXPECT_EQ(s.does(), claims) << "to go back takes a slot, and nothing else";
}

TEST(preflight, names_three_machines_at_the_most)
{
    auto s = running_in_fleet({"m2", "m3", "m4", "m5", "m6"});
    s.release(2, release_outcome::pending);
    for (const auto* machine : {"m2", "m3", "m4", "m5", "m6"})
        s.says(machine, preparation::blocked, "no room");
    EXPECT_EQ(text_of_unprepared(s.w, s.of(), true),
        "host-m2 (m2): no room; host-m3 (m3): no room; host-m4 (m4): no room; and 2 more");
}

TEST(preflight, tells_of_an_image_on_its_way_and_of_one_that_cannot_be_fetched)
{
    auto s = release_two();
    s.of().fetching = pull{"web@sha256:1234", "abc: Downloading", s.w.now, s.w.now + 15min};
    const auto told = s.because(reason::pulling);
    EXPECT_EQ(told.text, "image web@sha256:1234 is not on this machine and is fetched: abc: Downloading");
    EXPECT_EQ(told.instance, "");
    s.of().fetching.reset();
    s.w.setbacks.push_back({.component = s.of().name,
        .instance = {},
        .action = "prepare release 2",
        .error = "docker pull web@sha256:1234: connection refused",
        .failures = 3,
        .since = s.w.now - 5s,
        .until = s.w.now + 2s,
        .code = reason::pull_failed});
    const auto failed = s.because(reason::pull_failed);
    EXPECT_EQ(failed.text, "docker pull web@sha256:1234: connection refused");
    EXPECT_EQ(failed.until, s.w.now + 2s);
    EXPECT_FALSE(s.is_told(reason::retrying));
}

TEST(preflight, of_others_is_followed_by_the_head_of_the_line)
{
    auto last = release_two_behind(3);
    EXPECT_TRUE(wants_to_know(last));
    auto behind = release_two_behind(4);
    EXPECT_FALSE(wants_to_know(behind));
    behind.w.fleet->machines[model::machine_id("a001")].drains = true;
    EXPECT_TRUE(wants_to_know(behind)) << "one before it takes no work";
    behind.w.fleet->known = false;
    EXPECT_FALSE(wants_to_know(behind)) << "where the line is not known nobody is at its head";
}

TEST(preflight, of_others_is_followed_by_those_behind_while_nobody_begins)
{
    auto near = release_two_behind(7);
    EXPECT_EQ(near.planned().wake_at, near.w.now + 10s);
    auto far = release_two_behind(20);
    far.later(20s);
    EXPECT_FALSE(wants_to_know(far));
    far.w.fleet->confirmed_at = far.w.now;
    EXPECT_EQ(far.planned().wake_at, far.w.now + 10s);
    far.later(10s);
    EXPECT_TRUE(wants_to_know(far));
    far.of().rollout.record = model::rollout{.release = two, .held = true};
    EXPECT_FALSE(wants_to_know(far)) << "an operator holds it";
    far.of().rollout.record->held = false;
    far.of().rollout.moved_at = far.w.now;
    EXPECT_FALSE(wants_to_know(far)) << "he has let it go just now";
    far.later(30s);
    EXPECT_TRUE(wants_to_know(far));
    far.of().rollout.record->slots = 1;
    far.takes_slot("a000", 0, 2);
    EXPECT_FALSE(wants_to_know(far)) << "somebody has begun";
}

TEST(preflight, of_others_is_followed_by_who_passes_his_slot_on)
{
    auto s = release_two_behind(20);
    s.takes_slot("m1", 0, 2);
    EXPECT_FALSE(wants_to_know(s));
    s.release(3, release_outcome::pending);
    EXPECT_TRUE(wants_to_know(s));
}

TEST(preflight, of_others_that_is_not_known_lets_nobody_begin_and_nobody_fail_the_release)
{
    auto s = release_two_behind(4);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.because(reason::waiting_preflight).text,
        "no machine is touched before all of them could run release 2");
    s.later(31min);
    s.w.fleet->confirmed_at = s.w.now;
    EXPECT_EQ(s.does(), lines{}) << "those that know it may have begun";
    s.takes_slot("a000", 0, 2);
    s.is_done("a000", 2);
    s.later(1s);
    EXPECT_EQ(s.does(), claims) << "somebody could begin, so all could";
}
