// The machines of a project, and who takes no work.
#include "control_fixture.hpp"
#include "fleet_fixture.hpp"

#include <gantryd/control/machines.hpp>

namespace gantryd::control {
namespace {

TEST(machines, are_here_draining_or_lost)
{
    hand_written_fleet fleet(3);
    fleet.all.machines[0].started_at = base::wall_time(10s);
    fleet.all.draining = {hand_written_fleet::id(2), hand_written_fleet::id(3)};
    fleet.lose(3);
    fleet.report(3).reported_at = base::wall_time(7s);
    const auto machines = machines_of(fleet.all);
    ASSERT_EQ(machines.size(), 3U);
    EXPECT_EQ(machines[0].state, machine_state::here);
    EXPECT_EQ(machines[0].since, base::wall_time(10s));
    EXPECT_FALSE(machines[0].drains);
    EXPECT_EQ(machines[1].state, machine_state::draining);
    EXPECT_EQ(machines[2].state, machine_state::lost);
    EXPECT_TRUE(machines[2].drains);
    EXPECT_EQ(machines[2].host, "host3") << "its last report has it";
    EXPECT_EQ(machines[2].since, base::wall_time(7s));
    EXPECT_FALSE(machines[2].daemon);
    ASSERT_EQ(machines[2].runs.size(), 1U);
    EXPECT_EQ(machines[2].runs[0].component.text(), "web");
    EXPECT_EQ(machines[2].runs[0].release, hand_written_fleet::number(1));
    EXPECT_EQ(machines[2].runs[0].state, "running");
}

TEST(machines, are_found_by_what_people_call_them)
{
    hand_written_fleet fleet(2);
    fleet.all.machines.push_back({.id = model::machine_id("0123456789abcdef"), .host = "host2"});
    fleet.all.machines.push_back({.id = model::machine_id("0123ffff"), .host = "m2"});
    EXPECT_EQ(find_machine(fleet.all, "host1")->text(), "m1");
    EXPECT_EQ(find_machine(fleet.all, "01234")->text(), "0123456789abcdef");
    EXPECT_EQ(find_machine(fleet.all, "m2")->text(), "m2") << "an id before a host";
    EXPECT_EQ(find_machine(fleet.all, "0123").error().context(),
        "\"0123\" may be any of 0123456789abcdef, 0123ffff; give the id");
    EXPECT_EQ(find_machine(fleet.all, "host2").error().code(), base::errc::rejected);
    EXPECT_EQ(find_machine(fleet.all, "host9").error().code(), base::errc::not_found);
    EXPECT_EQ(find_machine(fleet.all, "").error().code(), base::errc::not_found);
}

TEST(machines, know_what_no_other_machine_could_take)
{
    hand_written_fleet fleet(2);
    const auto first = hand_written_fleet::id(1);
    EXPECT_TRUE(only_there(fleet.all, first).empty());
    fleet.all.draining.insert(hand_written_fleet::id(2));
    ASSERT_EQ(only_there(fleet.all, first).size(), 1U);
    EXPECT_EQ(only_there(fleet.all, first)[0].text(), "web");
    fleet.all.draining.clear();
    fleet.all.machines[1].components = {model::component_name("worker")};
    EXPECT_EQ(only_there(fleet.all, first).size(), 1U);
    EXPECT_TRUE(only_there(fleet.all, hand_written_fleet::id(2)).empty()) << "it does not look after web";
    fleet.web.state->status = model::intent::stopped;
    EXPECT_TRUE(only_there(fleet.all, first).empty()) << "nothing is to run";
}

class drains : public control_test {
protected:
    base::result<bool> drain(bool drains)
    {
        return ask(set_drain(
            store_, shop_, model::machine_id("m1"), drains, "bob@beta", sim_.clock, sim_.clock.now() + 5s));
    }
    bool is_draining()
    {
        const auto all = ask(read_overview(store_, shop_, sim_.clock.now() + 5s));
        return all && all->draining.contains(model::machine_id("m1"));
    }
};

TEST_F(drains, are_set_and_taken_back_once)
{
    EXPECT_FALSE(is_draining());
    EXPECT_EQ(drain(true), true);
    EXPECT_TRUE(is_draining());
    EXPECT_NE(value_of(records::drain_key(shop_, model::machine_id("m1"))).value_or("").find("bob@beta"),
        std::string::npos);
    EXPECT_EQ(drain(true), false);
    EXPECT_EQ(drain(false), true);
    EXPECT_FALSE(is_draining());
    EXPECT_EQ(drain(false), false);
}

TEST_F(control_test, an_overview_shows_rollouts_slots_and_machines)
{
    (void)release_web("a");
    model::rollout record;
    record.release = model::release_number(1);
    record.verdict = model::rollout_verdict::failed;
    put(records::rollout_key(shop_, web_), records::encode(record));
    const model::slot slot{model::machine_id("m1"), model::release_number(1), {}};
    put(records::slot_key(shop_, web_, 2), records::encode(slot));
    const model::rollout_step step{model::release_number(1), {}};
    put(records::step_key(shop_, web_, model::machine_id("m1")), records::encode(step));
    put(release_key(9), "nonsense");
    model::machine_report machine;
    machine.id = model::machine_id("m1");
    machine.address = "10.0.0.7";
    put(records::machine_key(shop_, machine.id), records::encode(machine));
    const auto all = ask(read_overview(store_, shop_, sim_.clock.now() + 5s));
    ASSERT_TRUE(all);
    ASSERT_EQ(all->components.size(), 1U);
    const auto& of = all->components.front();
    ASSERT_NE(of.wanted_rollout(), nullptr);
    EXPECT_EQ(*of.wanted_rollout(), record);
    EXPECT_EQ(of.rollout_of(model::release_number(2)), nullptr);
    EXPECT_EQ(of.slots.at(2), slot);
    EXPECT_EQ(of.last, model::release_number(9))
        << "numbers of records that cannot be read are not used again";
    EXPECT_EQ(all->find_machine(machine.id)->address, "10.0.0.7");
}

}  // namespace
}  // namespace gantryd::control
