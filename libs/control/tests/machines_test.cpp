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

TEST(machines, tell_why_they_still_have_their_work)
{
    hand_written_fleet fleet(2);
    fleet.report(1).conditions = {{.code = "too_few_serving", .text = "1 of 2"},
        {.code = "waiting_carrier", .text = "host2 (m2) serves 0 of 1: port 80 is taken"}};
    EXPECT_EQ(machines_of(fleet.all)[0].runs[0].waits, "host2 (m2) serves 0 of 1: port 80 is taken");
    EXPECT_EQ(machines_of(fleet.all)[1].runs[0].waits, "");
    fleet.report(1).conditions[1].code = "no_carrier";
    EXPECT_EQ(machines_of(fleet.all)[0].runs[0].waits, "host2 (m2) serves 0 of 1: port 80 is taken");
    fleet.lose(1);
    EXPECT_EQ(machines_of(fleet.all)[0].runs[0].waits, "") << "that is old";
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
    const model::machine_id m1_{"m1"};

    base::result<bool> drain(bool drains)
    {
        std::vector<model::component_name> work{web_};
        return ask(set_drain(
            store_, shop_, m1_, drains, std::move(work), "bob@beta", sim_.clock, sim_.clock.now() + 5s));
    }
    project_overview overview() { return ask(read_overview(store_, shop_, sim_.clock.now() + 5s)).value(); }
    bool is_draining() { return overview().draining.contains(m1_); }
    bool is_returning() { return overview().returning.contains(m1_); }
    model::drain_mark mark()
    {
        return records::decode_drain_mark(value_of(records::drain_key(shop_, m1_)).value_or("")).value();
    }
    base::result<std::size_t> forget()
    {
        return ask(forget_machine(store_, shop_, m1_, sim_.clock.now() + 5s));
    }
};

TEST_F(drains, are_set_and_taken_back_once)
{
    EXPECT_FALSE(is_draining());
    EXPECT_EQ(drain(false), false) << "nothing was handed over";
    EXPECT_EQ(drain(true), true);
    EXPECT_TRUE(is_draining());
    EXPECT_EQ(mark().by, "bob@beta");
    EXPECT_EQ(mark().components, std::vector<model::component_name>{web_});
    EXPECT_EQ(drain(true), false);
    EXPECT_EQ(drain(false), true);
    EXPECT_FALSE(is_draining());
    EXPECT_TRUE(is_returning()) << "until the machine itself ends it";
    EXPECT_EQ(mark().components, std::vector<model::component_name>{web_});
    EXPECT_EQ(drain(false), false);
    EXPECT_EQ(drain(true), true);
    EXPECT_TRUE(is_draining());
    EXPECT_FALSE(is_returning());
}

TEST_F(drains, that_are_taken_back_leave_the_work_where_it_is)
{
    EXPECT_EQ(drain(true), true);
    auto passed_over = mark();
    passed_over.failed[web_][model::machine_id("m2")] = {1, "port 80 is taken"};
    put(records::drain_key(shop_, m1_), records::encode(passed_over));
    for (const bool drains : {false, true}) {
        EXPECT_EQ(drain(drains), true);
        EXPECT_EQ(mark().failed, passed_over.failed) << "others would be asked for it else";
    }
}

TEST_F(drains, that_cannot_be_read_are_drains)
{
    put(records::drain_key(shop_, m1_), R"({"by": "ann", "at": "2024-01-01T00:00:00Z"})");
    EXPECT_TRUE(is_draining());
    put(records::drain_key(shop_, m1_), "nonsense");
    EXPECT_TRUE(is_draining());
    EXPECT_EQ(drain(false), true);
    EXPECT_TRUE(is_returning());
}

TEST_F(drains, show_what_is_left_on_the_machine)
{
    hand_written_fleet fleet(2);
    fleet.all.draining = {hand_written_fleet::id(1)};
    EXPECT_EQ(machines_of(fleet.all)[0].state, machine_state::draining);
    fleet.report(1).instances.clear();
    EXPECT_EQ(machines_of(fleet.all)[0].state, machine_state::drained);
    fleet.all.draining.clear();
    fleet.all.returning = {hand_written_fleet::id(1)};
    EXPECT_EQ(machines_of(fleet.all)[0].state, machine_state::returning);
    fleet.lose(1);
    EXPECT_EQ(machines_of(fleet.all)[0].state, machine_state::lost);
    EXPECT_TRUE(machines_of(fleet.all)[0].returns);
    EXPECT_EQ(work_of(fleet.all, hand_written_fleet::id(1)).size(), 1U) << "as it told last";
    EXPECT_TRUE(work_of(fleet.all, hand_written_fleet::id(2)).empty()) << "it is there, and looks after all";
}

TEST_F(drains, and_all_else_of_a_machine_that_is_gone_can_be_forgotten)
{
    (void)release_web("a");
    const model::rollout_step step{model::release_number(1), {}};
    model::component_report report;
    for (const auto& id : {m1_, model::machine_id("m10")}) {
        report.machine = id;
        report.component = web_;
        put(records::step_key(shop_, web_, id), records::encode(step));
        put(records::report_key(shop_, id, web_), records::encode(report));
    }
    EXPECT_EQ(drain(true), true);
    const model::slot slot{m1_, model::release_number(1), {}};
    put(records::slot_key(shop_, web_, 0), records::encode(slot));
    model::machine_report there;
    there.id = m1_;
    put(records::machine_key(shop_, m1_), records::encode(there));
    ASSERT_FALSE(forget());
    EXPECT_EQ(forget().error().code(), base::errc::rejected) << "it is there";
    EXPECT_EQ(overview().hosts().size(), 2U);

    put(records::preflight_key(shop_, web_, m1_),
        records::encode(model::preflight{model::release_number(1), model::preparation::ready, {}}));
    store::transaction gone;
    gone.operations.push_back({store::operation::kind::erase, records::machine_key(shop_, m1_), {}, {}});
    ASSERT_TRUE(ask(store_.commit(std::move(gone), sim_.clock.now() + 5s)));
    EXPECT_EQ(forget(), 4U);
    EXPECT_FALSE(value_of(records::preflight_key(shop_, web_, m1_)));
    const auto known = overview().hosts();
    ASSERT_EQ(known.size(), 1U);
    EXPECT_EQ(known.begin()->first.text(), "m10");
    EXPECT_FALSE(value_of(records::step_key(shop_, web_, m1_)));
    EXPECT_TRUE(value_of(records::step_key(shop_, web_, model::machine_id("m10"))));
    EXPECT_TRUE(value_of(records::slot_key(shop_, web_, 0))) << "whoever is there frees it in its time";
    EXPECT_EQ(forget(), 0U);
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
    put(records::presence_key(shop_, machine.id), records::encode(machine));
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
