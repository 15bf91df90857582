// The first container of a release may be made before the machine's turn; nothing runs before it.
#include "plan_text.hpp"
#include "scene.hpp"

#include <gtest/gtest.h>

#include <algorithm>

using namespace gantryd::planner;
namespace model = gantryd::model;
using namespace std::chrono_literals;
using model::release_outcome;

namespace {

const lines nothing;
const lines makes{"create shop-web-2-1 ahead"};

/// Release 1 serves on "m1", one of three machines; "m2" changes to release 2.
scene waiting(const model::component_spec& spec = scene::web())
{
    scene s;
    s.release(1, release_outcome::live);
    s.serving(1, 1);
    s.settle_proxy();
    s.join_fleet({"m2", "m3"});
    s.release(2, release_outcome::pending, spec);
    s.takes_slot("m2", 0, 2);
    return s;
}

/// The same, and the container has been made.
scene prepared()
{
    auto s = waiting();
    EXPECT_EQ(s.does(), makes);
    s.at("shop-web-2-1").now = phase::created;
    EXPECT_EQ(s.does(), nothing);
    return s;
}

/// Every step until nothing is left to do.
lines all_done(scene& s)
{
    lines out;
    for (auto now = s.does(); !now.empty() && out.size() < 20; now = s.does())
        std::ranges::move(now, std::back_inserter(out));
    return out;
}

const lines goes{
    "begin_drain shop-web-2-1: it was made for a turn that does not come now", "remove shop-web-2-1"};

}  // namespace

TEST(a_container_made_ahead, waits_for_the_slot_and_is_started_in_it)
{
    auto s = prepared();
    s.is_done("m2", 2);
    EXPECT_EQ(s.does(), lines{"claim web release 2 slot 0 of 1"});
    EXPECT_EQ(s.does(), lines{"start shop-web-2-1"});
    EXPECT_EQ(s.does(), nothing) << "and no other one is made";
}

TEST(a_container_made_ahead, may_be_on_its_way_when_the_turn_comes)
{
    auto s = waiting();
    EXPECT_EQ(s.does(), makes);
    s.is_done("m2", 2);
    EXPECT_EQ(s.does(), lines{"claim web release 2 slot 0 of 1"});
    EXPECT_EQ(s.does(), nothing) << "it is being made";
    s.at("shop-web-2-1").now = phase::created;
    EXPECT_EQ(s.does(), lines{"start shop-web-2-1"});
}

TEST(a_container_made_ahead, is_of_those_that_change_next)
{
    auto s = waiting();
    s.w.fleet->machines[model::machine_id("m0")] = {.present = true};
    EXPECT_EQ(s.does(), nothing) << "m0 is the next";

    auto third = waiting();
    third.w.fleet->machines[model::machine_id("m0")] = {.present = true};
    third.of().rollout.record->slots = 2;
    third.takes_slot("m3", 1, 2);
    EXPECT_EQ(third.does(), makes) << "two change at a time, and m0 and m1 are next";
}

TEST(a_container_made_ahead, counts_for_nothing_also_when_its_release_went_live_elsewhere)
{
    auto s = prepared();
    s.release(2, release_outcome::live);
    EXPECT_EQ(s.does(), nothing) << "m2 still holds the slot";
    EXPECT_EQ(s.planned().components.at(model::component_name("web")).running, model::release_number(1));
    s.exits("shop-web-1-1", 1);
    const auto then = all_done(s);
    EXPECT_EQ(std::ranges::count(then, "start shop-web-2-1"), 1) << "an empty machine starts what is good";
}

TEST(a_container_made_ahead, does_not_stand_in_for_what_ran_here)
{
    auto s = prepared();
    s.exits("shop-web-1-1", 1);
    const auto healed = all_done(s);
    EXPECT_EQ(std::ranges::count(healed, "create shop-web-1-2"), 1);
    EXPECT_EQ(std::ranges::count(healed, "start shop-web-2-1"), 0);
}

TEST(a_container_made_ahead, goes_when_its_turn_does_not_come)
{
    auto superseded = prepared();
    superseded.release(2, release_outcome::superseded);
    superseded.release(3, release_outcome::pending);
    superseded.says("m1", model::preparation::blocked, "no room");
    const auto changes = all_done(superseded);
    EXPECT_EQ(std::ranges::count(changes, goes[0]), 1);
    EXPECT_EQ(std::ranges::count(changes, goes[1]), 1);

    auto failed = prepared();
    failed.of().rollout.record->verdict = model::rollout_verdict::failed;
    failed.release(2, release_outcome::failed);
    EXPECT_EQ(all_done(failed), goes);

    auto held = prepared();
    held.of().rollout.record->held = true;
    EXPECT_EQ(all_done(held), goes);
    held.of().rollout.record->held = false;
    EXPECT_EQ(held.does(), makes) << "it is made anew when the rollout goes on";

    auto stopped = prepared();
    stopped.of().intent = model::intent::stopped;
    const auto all = all_done(stopped);
    EXPECT_EQ(std::ranges::count(all, "remove shop-web-2-1"), 1);

    auto drained = prepared();
    drained.w.fleet->machines.at(model::machine_id("m1")).drains = true;
    EXPECT_EQ(std::ranges::count(drained.does(), goes[0]), 1);
}

TEST(a_container_made_ahead, stays_while_something_is_away)
{
    auto s = prepared();
    s.w.haproxy.reachable = false;
    EXPECT_EQ(s.does(), nothing);
    s.w.haproxy.reachable = true;
    s.later(45s);
    EXPECT_EQ(s.does(), nothing) << "the store does not confirm that this machine is there";
    auto unmade = waiting();
    unmade.later(45s);
    EXPECT_EQ(unmade.does(), nothing) << "nor is one made";
}

TEST(a_container_made_ahead, is_not_started_in_a_slot_that_may_not_be_used)
{
    auto s = prepared();
    s.is_done("m2", 2);
    EXPECT_EQ(s.does(), lines{"claim web release 2 slot 0 of 1"});
    s.later(45s);
    EXPECT_EQ(s.does(), nothing);
    s.w.fleet->confirmed_at = s.w.now;
    EXPECT_EQ(s.does(), lines{"start shop-web-2-1"});
}

TEST(a_container_made_ahead, is_none_of_what_may_change_until_the_turn)
{
    auto with_volumes = scene::web();
    with_volumes.volumes_from = {"data"};
    EXPECT_EQ(waiting(with_volumes).does(), nothing);

    auto with_link = scene::web();
    with_link.define_component_links = {{.name = "web", .port = 80}};
    auto linked = waiting(with_link);
    EXPECT_EQ(std::ranges::count(linked.does(), makes[0]), 0);

    auto refused = waiting();
    refused.of().not_ahead = model::release_number(2);
    EXPECT_EQ(refused.does(), nothing) << "Docker has refused to make one";

    auto unprepared = waiting();
    unprepared.says("m1", model::preparation::blocked, "no room");
    EXPECT_EQ(std::ranges::count(unprepared.does(), makes[0]), 0);
}

TEST(a_container_made_ahead, is_one_also_where_several_instances_are_wanted)
{
    auto spec = scene::web();
    spec.instances = 3;
    auto s = waiting(spec);
    EXPECT_EQ(s.does(), makes);
    EXPECT_EQ(s.does(), nothing);
}

TEST(a_container_made_ahead, is_told_with_what_the_machine_waits_for)
{
    auto s = waiting();
    EXPECT_EQ(s.because(reason::waiting_slot).then, "it changes when a slot is free");
    EXPECT_EQ(s.does(), makes);
    EXPECT_FALSE(s.is_told(reason::creating));
    EXPECT_EQ(s.because(reason::waiting_slot).then,
        "it changes when a slot is free; the new container is made already");
    EXPECT_EQ(s.planned().components.at(model::component_name("web")).state, "running");
}
