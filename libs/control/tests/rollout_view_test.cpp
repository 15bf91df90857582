// What somebody sees who follows a rollout.
#include "fleet_fixture.hpp"

#include <gantryd/control/rollout_view.hpp>

#include <gtest/gtest.h>

namespace gantryd::control {
namespace {

using outcome = model::release_outcome;
using stage = rollout_stage;
using verdict = model::rollout_verdict;

class rollout_views : public testing::Test {
protected:
    hand_written_fleet fleet_{3};

    rollout_view view(int release = 2) const
    {
        return view_rollout(fleet_.all, fleet_.web.name, hand_written_fleet::number(release));
    }
    /// "done changing waiting": the machines' standings in the order of their ids.
    std::string standings() const
    {
        std::string out;
        for (const auto& machine : view().machines)
            out += (out.empty() ? "" : " ") + std::string(text_of(machine.standing));
        return out;
    }
};

TEST_F(rollout_views, show_every_machine_on_its_way)
{
    fleet_.runs(1, 2);
    fleet_.serves(2, 2);
    fleet_.web.slots[0] = {hand_written_fleet::id(2), hand_written_fleet::number(2), {}};
    fleet_.rollout(verdict::running);
    EXPECT_EQ(view().stage, stage::under_way);
    EXPECT_EQ(view().text, "release 2 is under way; 1 of 3 machines have it");
    EXPECT_EQ(standings(), "done changing waiting");
    EXPECT_EQ(view().machines.at(2).name, "host3");
    EXPECT_EQ(view().machines.at(2).text, "runs release 1");
    EXPECT_EQ(view().machines.at(2).running, hand_written_fleet::number(1));
    fleet_.serves(3, 2, "prepared");
    EXPECT_EQ(standings(), "done changing waiting") << "a container that waits changes nothing";

    auto& waits = fleet_.report(3);
    waits.wanted = hand_written_fleet::number(2);
    waits.conditions.push_back({.code = "waiting_slot", .text = "one machine changes at a time"});
    EXPECT_EQ(view().machines.at(2).text, "one machine changes at a time");
}

TEST_F(rollout_views, say_which_machine_could_not_run_the_release_before_one_is_touched)
{
    const auto id = hand_written_fleet::id;
    const auto two = hand_written_fleet::number(2);
    fleet_.web.preflights[id(1)] = {two, model::preparation::ready, {}};
    fleet_.web.preflights[id(2)] = {two, model::preparation::blocked, "no room"};
    fleet_.web.preflights[id(3)] = {
        hand_written_fleet::number(1), model::preparation::blocked, "of another release"};
    EXPECT_EQ(view().text, "release 2 is under way; 0 of 3 machines have it; none is touched before all of "
                           "them could run it: host2: no room");
    EXPECT_EQ(view().stage, stage::under_way);
    fleet_.all.draining.insert(id(2));
    EXPECT_EQ(view().text, "release 2 is under way; 0 of 3 machines have it");
    fleet_.all.draining.clear();
    fleet_.rollout(verdict::running);
    EXPECT_EQ(view().text, "release 2 is under way; 0 of 3 machines have it");
}

TEST_F(rollout_views, are_done_when_it_is_live_and_every_machine_runs_nothing_else)
{
    for (int machine = 1; machine <= 3; ++machine)
        fleet_.runs(machine, 2);
    EXPECT_EQ(view().stage, stage::under_way) << "the verdict has not fallen";
    fleet_.rollout(verdict::done);
    fleet_.release(2).outcome = outcome::live;
    EXPECT_EQ(view().stage, stage::done);
    EXPECT_EQ(view().text, "release 2 is live");

    fleet_.serves(2, 1);
    EXPECT_EQ(view().stage, stage::under_way);
    EXPECT_EQ(view().text, "release 2 takes over; 2 of 3 machines have it");
}

TEST_F(rollout_views, await_nobody_who_is_lost_or_drains)
{
    fleet_.runs(1, 2);
    fleet_.lose(2);
    fleet_.all.draining.insert(hand_written_fleet::id(3));
    fleet_.release(2).outcome = outcome::live;
    EXPECT_EQ(standings(), "done lost draining");
    EXPECT_EQ(view().stage, stage::done);
    EXPECT_EQ(view().machines.at(1).name, "host2");
    EXPECT_EQ(view().machines.at(1).text, "runs release 1, when it told last");
    EXPECT_EQ(view().machines.at(2).text, "runs release 1, and is drained");
}

TEST_F(rollout_views, await_a_machine_that_has_not_told_anything)
{
    for (int machine = 1; machine <= 3; ++machine)
        fleet_.runs(machine, 2);
    fleet_.release(2).outcome = outcome::live;
    std::erase_if(
        fleet_.web.reports, [](const auto& report) { return report.machine == hand_written_fleet::id(3); });
    EXPECT_EQ(view().stage, stage::under_way);
    EXPECT_EQ(view().machines.at(2).text, "has not told anything yet");
}

TEST_F(rollout_views, leave_out_machines_that_do_not_look_after_the_component)
{
    fleet_.runs(1, 2);
    fleet_.runs(2, 2);
    fleet_.release(2).outcome = outcome::live;
    fleet_.all.machines[2].components = {model::component_name("worker")};
    EXPECT_EQ(view().machines.size(), 2U);
    EXPECT_EQ(view().stage, stage::done);
}

TEST_F(rollout_views, tell_who_failed_and_who_goes_back)
{
    fleet_.serves(1, 2);
    fleet_.runs(2, 2);
    auto& record = fleet_.rollout(verdict::failed);
    record.machine = hand_written_fleet::id(2);
    record.why = "exited with code 3";
    fleet_.release(2).outcome = outcome::failed;
    EXPECT_EQ(view().stage, stage::going_back);
    EXPECT_EQ(view().text,
        "release 2 failed on host2: exited with code 3; machines that have it go back to release 1");
    EXPECT_EQ(standings(), "going back going back back");

    fleet_.runs(1, 1);
    fleet_.runs(2, 1);
    EXPECT_EQ(view().stage, stage::failed);
    EXPECT_EQ(view().text, "release 2 failed on host2: exited with code 3");
    EXPECT_EQ(standings(), "back back back");
}

TEST_F(rollout_views, do_not_wait_for_a_way_back_that_is_not_there)
{
    fleet_.runs(1, 2);
    fleet_.release(1).outcome = outcome::failed;
    fleet_.release(2).outcome = outcome::failed;
    EXPECT_EQ(view().stage, stage::failed) << "there is nothing to go back to";
    fleet_.release(1).outcome = outcome::live;
    EXPECT_EQ(view().stage, stage::going_back);
    fleet_.web.state->status = model::intent::stopped;
    EXPECT_EQ(view().stage, stage::failed);
}

TEST_F(rollout_views, tell_of_pauses)
{
    fleet_.rollout(verdict::running).held = true;
    EXPECT_EQ(view().stage, stage::held);
    EXPECT_EQ(view().text, "release 2 is paused by an operator; 0 of 3 machines have it");
    auto& held = fleet_.rollout(verdict::running);
    held.held = true;
    held.held_by = "ann@box";
    EXPECT_EQ(view().text, "release 2 is paused by ann@box; 0 of 3 machines have it");

    auto& record = fleet_.rollout(verdict::paused);
    record.machine = hand_written_fleet::id(1);
    record.why = "not ready within 10s";
    EXPECT_EQ(view().stage, stage::paused);
    EXPECT_EQ(view().text, "release 2 failed on host1: not ready within 10s; every machine stays as it is");

    fleet_.web.rollout->release = hand_written_fleet::number(1);
    EXPECT_EQ(view().stage, stage::under_way) << "that was of another release";
}

TEST_F(rollout_views, tell_that_the_release_is_not_wanted_any_more)
{
    fleet_.web.state->status = model::intent::killed;
    EXPECT_EQ(view().stage, stage::ended);
    EXPECT_EQ(view().text, "release 2: the component was killed");
    fleet_.web.state->status = model::intent::ready;
    fleet_.add_release(3, outcome::pending);
    fleet_.web.state->release = hand_written_fleet::number(3);
    EXPECT_EQ(view().stage, stage::superseded);
    EXPECT_EQ(view().text, "release 2 was superseded by release 3");
    EXPECT_EQ(view(7).stage, stage::unknown);
    EXPECT_EQ(view(7).text, "release 7 is gone from the store");
}

TEST_F(rollout_views, tell_when_nobody_can_take_the_release)
{
    for (int machine = 1; machine <= 3; ++machine)
        fleet_.all.draining.insert(hand_written_fleet::id(machine));
    EXPECT_EQ(view().stage, stage::under_way);
    EXPECT_NE(view().text.find("every machine that is there is drained"), std::string::npos) << view().text;
    for (int machine = 1; machine <= 3; ++machine)
        fleet_.lose(machine);
    EXPECT_NE(view().text.find("no daemon looks after it"), std::string::npos) << view().text;
    fleet_.release(2).outcome = outcome::live;
    EXPECT_EQ(view().stage, stage::under_way) << "nobody runs it";
}

TEST_F(rollout_views, name_two_machines_of_one_host_by_their_ids)
{
    fleet_.all.machines[1].host = "host1";
    EXPECT_EQ(view().machines.at(0).name, "host1 (m1)");
    EXPECT_EQ(view().machines.at(1).name, "host1 (m2)");
    EXPECT_EQ(view().machines.at(2).name, "host3");
}

}  // namespace
}  // namespace gantryd::control
