// The work of drained machines: who carries it, and when it moves.
#include "moving_scene.hpp"
#include "plan_text.hpp"

#include <gantryd/planner/rollout.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

using namespace gantryd::planner;
namespace model = gantryd::model;
using namespace std::chrono_literals;
using model::release_outcome;

namespace {

/// m1 was drained, and m2 has its one instance.
scene left_to_m2()
{
    auto s = fleet_of({"m2"});
    machine(s, "m1").drains = true;
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 2});
    for (int i = 0; i < 10 && !s.w.instances.empty(); ++i) {
        (void)s.does();
        for (auto& [name, there] : s.w.instances) {
            there.idle_for = 1s;
            there.direct = 0;
            there.termination = verdict::passing;
            if (there.stop_since)
                there.now = phase::exited;
        }
    }
    EXPECT_TRUE(s.w.instances.empty());
    (void)s.does();
    return s;
}

shares carriers(scene& s) { return carriers_of(s.w, s.of()); }

bool makes_one(const lines& of)
{
    return std::ranges::any_of(of, [](const std::string& line) { return line.starts_with("create "); });
}

std::string state(const scene& s) { return s.planned().components.at(web).state; }

/// A component that web needs.
model::component_spec db()
{
    model::component_spec spec;
    spec.name = model::component_name("db");
    spec.define_component_links = {{.name = "data", .port = 5432}};
    return spec;
}

}  // namespace

TEST(carriers, are_nobody_while_nobody_is_drained)
{
    auto s = fleet_of({"m2", "m3"});
    EXPECT_EQ(carriers(s), shares{});
    EXPECT_FALSE(s.w.fleet->wants_reports);
    EXPECT_FALSE(s.w.components.at(web).task->keeps_surplus);
}

TEST(carriers, share_what_is_left_evenly)
{
    auto s = fleet_of({"m2", "m3", "m4"}, 2);
    machine(s, "m1").drains = true;
    auto all = carriers(s);
    EXPECT_EQ(all.size(), 2U) << "two instances, one each";
    EXPECT_FALSE(all.contains(id("m1")));
    machine(s, "m2").drains = true;
    EXPECT_EQ(carriers(s), (shares{{id("m3"), 2}, {id("m4"), 2}}));
    machine(s, "m3").drains = true;
    EXPECT_EQ(carriers(s), (shares{{id("m4"), 6}}));
    machine(s, "m4").drains = true;
    EXPECT_EQ(carriers(s), shares{}) << "nobody can take anything";
}

TEST(carriers, are_the_same_for_every_machine)
{
    auto s = fleet_of({"m2", "m3", "m4"}, 3);
    machine(s, "m3").drains = true;
    const auto here = carriers(s);
    s.w.fleet->me = id("m4");
    s.w.instances.clear();
    reports(s, "m2", {.carries = 3, .asked = 6, .serving = 0});
    EXPECT_EQ(carriers(s), here) << "whatever they run or report";
}

TEST(carriers, are_others_for_other_components)
{
    std::set<model::machine_id> used;
    for (const std::string name : {"api", "web", "db", "mail", "shop", "auth"}) {
        scene s;
        auto spec = scene::web();
        spec.name = model::component_name(name);
        s.release(1, release_outcome::live, spec);
        s.join_fleet({"m2", "m3", "m4"});
        machine(s, "m1").drains = true;
        used.insert(carriers_of(s.w, s.of(name)).begin()->first);
    }
    EXPECT_GT(used.size(), 1U);
}

TEST(carriers, look_after_the_component_and_are_there)
{
    auto s = fleet_of({"m2", "m3"});
    machine(s, "m1").drains = true;
    machine(s, "m3").components = {model::component_name("other")};
    EXPECT_EQ(carriers(s), (shares{{id("m2"), 1}}));
    machine(s, "m2").present = false;
    machine(s, "m2").gone_since = s.w.now;
    EXPECT_EQ(carriers(s), (shares{{id("m2"), 1}})) << "it may be back in a moment";
    s.later(60s);
    EXPECT_EQ(carriers(s), shares{});
    machine(s, "m3").components.clear();
    EXPECT_EQ(carriers(s), (shares{{id("m3"), 1}}));
    machine(s, "m1").components = {model::component_name("other")};
    EXPECT_EQ(carriers(s), shares{}) << "it never did this work";
}

TEST(carriers, carry_for_machines_that_are_gone_or_on_their_way_back)
{
    auto s = fleet_of({"m2", "m3"});
    machine(s, "m2").drains = true;
    machine(s, "m2").present = false;
    s.later(24h);
    EXPECT_EQ(carriers(s).size(), 1U);
    machine(s, "m2").drains = false;
    machine(s, "m2").returns = true;
    EXPECT_EQ(carriers(s).size(), 1U);
    EXPECT_FALSE(carriers(s).contains(id("m2")));
}

TEST(carriers, are_asked_for_as_many_as_the_release_to_come_has)
{
    auto s = fleet_of({"m2"});
    machine(s, "m1").drains = true;
    s.release(2, release_outcome::pending, instances(3));
    EXPECT_EQ(carriers(s), (shares{{id("m2"), 3}}));
    s.of().intent = model::intent::stopped;
    EXPECT_EQ(carriers(s), shares{});
}

TEST(a_drained_machine, serves_on_until_others_serve_its_work)
{
    auto s = fleet_of({"m2"});
    machine(s, "m1").drains = true;
    EXPECT_EQ(s.does(), lines{});
    EXPECT_TRUE(s.w.fleet->wants_reports);
    EXPECT_EQ(state(s), "running");
    EXPECT_EQ(s.because(reason::waiting_carrier).text, "the machine is drained; host-m2 (m2) has not begun");
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 1});
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.because(reason::waiting_carrier).text, "the machine is drained; host-m2 (m2) serves 1 of 2");
    machine(s, "m2").present = false;
    machine(s, "m2").gone_since = s.w.now;
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 2});
    EXPECT_EQ(s.does(), lines{}) << "what it reported is old";
    machine(s, "m2").present = true;
    EXPECT_EQ(
        s.does(), (lines{"begin_drain shop-web-1-1: the machine is drained; its work is on host-m2 (m2)"}));
    EXPECT_EQ(state(s), "draining");
    EXPECT_EQ(s.because(reason::work_moved).text, "the machine is drained; its work is on host-m2 (m2)");
    EXPECT_EQ(s.because(reason::work_moved).command, "gantryd machine undrain shop m1");
}

TEST(a_drained_machine, stays_while_its_carrier_is_asked_for_nothing)
{
    auto s = fleet_of({"m2"});
    machine(s, "m1").drains = true;
    reports(s, "m2", {.carries = 1, .asked = 0, .serving = 0});
    EXPECT_EQ(s.does(), lines{}) << "nobody else would serve";
    EXPECT_EQ(s.because(reason::waiting_carrier).text, "the machine is drained; host-m2 (m2) serves 0 of 0");
}

TEST(a_drained_machine, is_empty_and_stays_so)
{
    auto s = left_to_m2();
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(state(s), "drained");
    EXPECT_FALSE(s.is_told(reason::too_few_serving));
    EXPECT_EQ(s.w.routes_applied.size(), 1U) << "the port stays its own, and nothing is behind it";
    EXPECT_TRUE(std::ranges::all_of(s.w.routes_applied.front().slots,
        [](const auto& slot) { return slot.mode == gantryd::haproxy_config::slot_mode::empty; }));
    s.later(10min);
    EXPECT_EQ(s.does(), lines{});
    s.release(2, release_outcome::live);
    EXPECT_EQ(s.does(), lines{}) << "an update passes it by";
    EXPECT_EQ(state(s), "drained");
}

TEST(a_drained_machine, heals_what_it_has_while_others_do_not_serve)
{
    auto s = fleet_of({"m2"});
    machine(s, "m1").drains = true;
    (void)s.does();
    s.later(1min);
    s.w.fleet->confirmed_at = s.w.now;
    s.exits("shop-web-1-1", 1);
    EXPECT_TRUE(makes_one(s.does()));
}

TEST(a_drained_machine, lets_the_others_last_before_it_goes)
{
    auto s = fleet_of({"m2"});
    auto spec = scene::web();
    spec.rollout.min_healthy_time = 10s;
    s.release(1, release_outcome::live, spec);
    machine(s, "m1").drains = true;
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 2});
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.because(reason::waiting_carrier).text,
        "the machine is drained; host-m2 (m2) took its work, and has to last");
    EXPECT_EQ(s.planned().wake_at, s.w.now + 10s);
    s.later(9s);
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 1});
    EXPECT_EQ(s.does(), lines{});
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 2});
    s.later(1s);
    EXPECT_EQ(s.does(), lines{}) << "it counts anew";
    s.later(10s);
    s.w.fleet->confirmed_at = s.w.now;
    EXPECT_EQ(s.does().size(), 1U);
}

TEST(a_drained_machine, does_not_go_by_what_was_reported_long_ago)
{
    auto s = fleet_of({"m2"});
    machine(s, "m1").drains = true;
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 2});
    s.later(45s);
    EXPECT_EQ(s.does(), lines{}) << "the store has not confirmed it for three quarters of a minute";
    s.w.fleet->confirmed_at = s.w.now;
    EXPECT_EQ(s.does().size(), 1U);
}

TEST(a_drained_machine, that_is_in_the_middle_of_a_change_finishes_it_first)
{
    auto s = fleet_of({"m2"});
    s.release(2, release_outcome::pending);
    EXPECT_EQ(s.does(), (lines{"claim web release 2 slot 0 of 1", "create shop-web-2-1 ahead"}));
    machine(s, "m1").drains = true;
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 2});
    s.at("shop-web-2-1").now = phase::created;
    EXPECT_EQ(s.does(), (lines{"start shop-web-2-1"}));
    EXPECT_EQ(s.because(reason::waiting_carrier).text,
        "the machine is drained; it is in the middle of a change, and finishes that first");
}

TEST(a_drained_machine, waits_for_a_carrier_that_changes)
{
    auto s = fleet_of({"m2"});
    machine(s, "m1").drains = true;
    s.takes_slot("m2", 0, 1);
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 3});
    EXPECT_EQ(s.does(), lines{}) << "old and new ones count together while it does";
    s.of().rollout.slots.clear();
    EXPECT_EQ(s.does().size(), 1U);
}

TEST(a_drained_machine, keeps_its_work_when_nobody_can_take_it)
{
    auto s = fleet_of({"m2"});
    machine(s, "m1").drains = true;
    machine(s, "m2").drains = true;
    EXPECT_EQ(s.does(), lines{});
    EXPECT_TRUE(s.is_told(reason::no_carrier));
    s.exits("shop-web-1-1", 1);
    EXPECT_TRUE(makes_one(s.does())) << "and heals it";

    auto alone = fleet_of({});
    machine(alone, "m1").drains = true;
    EXPECT_EQ(alone.does(), lines{});
    EXPECT_TRUE(alone.is_told(reason::no_carrier));
}

TEST(a_drained_machine, takes_its_work_back_when_the_others_are_short_of_it_for_a_while)
{
    auto s = left_to_m2();
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 1});
    EXPECT_EQ(s.does(), lines{}) << "m2 heals it";
    EXPECT_EQ(s.planned().wake_at, s.w.now + take_back_after);
    s.later(take_back_after - 1s);
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 2});
    EXPECT_EQ(s.does(), lines{});
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 1});
    EXPECT_EQ(s.does(), lines{});
    s.later(2s);
    EXPECT_EQ(s.does(), lines{}) << "it counts anew";
    s.later(take_back_after);
    const auto now = s.does();
    EXPECT_TRUE(makes_one(now));
    s.starts("shop-web-1-1");
    s.passes("shop-web-1-1");
    for (int i = 0; i < 3; ++i)
        (void)s.does();
    EXPECT_EQ(s.does(), lines{}) << "and keeps it";
    s.w.fleet->confirmed_at = s.w.now;
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 2});
    EXPECT_EQ(s.does().size(), 1U) << "until m2 is whole again";
}

TEST(a_drained_machine, takes_its_work_back_when_its_only_carrier_is_gone)
{
    auto s = left_to_m2();
    machine(s, "m2").present = false;
    machine(s, "m2").gone_since = s.w.now;
    EXPECT_EQ(s.does(), lines{});
    s.later(take_back_after);
    EXPECT_TRUE(makes_one(s.does()));
}

TEST(a_drained_machine, is_not_called_back_by_an_update_of_its_carrier)
{
    auto s = left_to_m2();
    s.takes_slot("m2", 0, 1);
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 1});
    for (int i = 0; i < 5; ++i) {
        s.later(10s);
        EXPECT_EQ(s.does(), lines{});
    }
}

TEST(a_drained_machine, that_comes_back_gets_its_own_first)
{
    auto s = left_to_m2();
    machine(s, "m1").drains = false;
    machine(s, "m1").returns = true;
    EXPECT_TRUE(makes_one(s.does()));
    EXPECT_EQ(
        s.because(reason::work_returning).text, "the machine takes its work back; it is on host-m2 (m2)");
    s.starts("shop-web-1-1");
    s.passes("shop-web-1-1");
    lines all;
    for (int i = 0; i < 4; ++i)
        for (auto& line : s.does())
            all.push_back(std::move(line));
    EXPECT_EQ(all.back(), "end_return") << "when it was read back as serving";
    EXPECT_EQ(std::ranges::count(all, "end_return"), 1);
    EXPECT_FALSE(s.is_told(reason::work_returning));
    EXPECT_EQ(s.does(), lines{});
}

TEST(a_drained_machine, that_has_no_work_is_back_at_once)
{
    auto s = fleet_of({"m2"});
    machine(s, "m1").returns = true;
    EXPECT_EQ(s.does(), (lines{"end_return"})) << "it never let go of it";
    s.of().intent = model::intent::stopped;
    s.w.instances.clear();
    machine(s, "m1").returns = true;
    const auto now = s.does();
    EXPECT_TRUE(std::ranges::count(now, "end_return") == 1);
}

TEST(a_carrier, starts_what_it_is_asked_for)
{
    auto s = fleet_of({"m2"});
    machine(s, "m2").drains = true;
    EXPECT_EQ(s.does(), (lines{"create shop-web-1-2"}));
    EXPECT_EQ(instances_asked(s.of()), 2);
    EXPECT_EQ(state(s), "running");
    EXPECT_FALSE(s.is_told(reason::too_few_serving));
    EXPECT_EQ(s.because(reason::carrying).text, "0 of 1 instances serve beside its own, for host-m2 (m2)");
    s.starts("shop-web-1-2");
    s.passes("shop-web-1-2");
    for (int i = 0; i < 3; ++i)
        (void)s.does();
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.because(reason::carrying).text, "1 of 1 instances serve beside its own, for host-m2 (m2)");
    EXPECT_FALSE(s.w.fleet->wants_reports);

    machine(s, "m2").drains = false;
    machine(s, "m2").returns = true;
    EXPECT_EQ(s.does(), lines{}) << "until m2 has its own";
    machine(s, "m2").returns = false;
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-1-2: one too many"}));
}

TEST(a_carrier, that_is_drained_itself_keeps_all_until_the_next_one_serves_it)
{
    auto s = fleet_of({"m2", "m3"});
    machine(s, "m2").drains = true;
    s.serving(1, 2);
    s.settle_proxy();
    machine(s, "m1").drains = true;
    reports(s, "m3", {.carries = 1, .asked = 2, .serving = 2});
    EXPECT_EQ(s.does(), lines{}) << "m3 has not begun with the second one";
    reports(s, "m3", {.carries = 2, .asked = 3, .serving = 3});
    EXPECT_EQ(s.does().size(), 2U) << "both go";
}

TEST(a_carrier, keeps_what_was_given_to_another_until_that_one_serves_it)
{
    auto s = fleet_of({"m2", "m3"});
    s.serving(1, 2);
    s.settle_proxy();
    machine(s, "m2").drains = true;
    machine(s, "m1").components = {model::component_name("web")};
    // The one that has it is not the one that should.
    const auto carrier = carriers(s).begin()->first;
    s.w.fleet->me = carrier == id("m1") ? id("m3") : id("m1");
    EXPECT_EQ(s.does(), lines{});
    EXPECT_TRUE(s.w.fleet->wants_reports);
    EXPECT_TRUE(s.is_told(reason::carrying));
    s.w.fleet->machines.at(carrier).work[web] = {.carries = 1, .asked = 2, .serving = 2};
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-1-2: one too many"}));
}

TEST(a_machine, that_does_not_know_the_fleet_yet_lets_go_of_nothing_and_starts_nothing)
{
    auto s = fleet_of({"m2"});
    s.serving(1, 2);
    s.settle_proxy();
    s.w.fleet->known = false;
    s.w.fleet->began_at = s.w.now;
    EXPECT_EQ(s.does(), lines{}) << "it may be carrying";
    s.w.instances.clear();
    EXPECT_FALSE(makes_one(s.does())) << "it may be drained";
    s.later(5s);
    EXPECT_TRUE(makes_one(s.does())) << "nobody tells it";
}

TEST(a_drained_machine, ends_who_defines_a_link_after_those_who_use_it)
{
    auto s = fleet_of({"m2"});
    const model::component_name data("db");
    auto user = scene::web();
    user.require_component_links = {{.name = "data", .alias = "store"}};
    s.release(1, release_outcome::live, user);
    s.w.links["data"] = {"10.0.0.254", 20000};
    s.release(1, release_outcome::live, db());
    s.serving(1, 1, "db");
    s.settle_proxy();
    machine(s, "m1").drains = true;
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 2}, data);
    EXPECT_EQ(s.does(), lines{}) << "web is still to run here";
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 2});
    const auto why = "the machine is drained; its work is on host-m2 (m2)";
    EXPECT_EQ(s.does(), (lines{std::string("begin_drain shop-web-1-1: ") + why}));
    EXPECT_EQ(s.of("web").task->away, true);
    EXPECT_EQ(s.of("db").task->away, false);
    s.w.instances.erase(model::instance_name("shop-web-1-1"));
    const auto next = s.does();
    EXPECT_EQ(std::ranges::count(next, std::string("begin_drain shop-db-1-1: ") + why), 1);

    s.w.instances.clear();
    reports(s, "m2", {.carries = 1, .asked = 2, .serving = 1});
    (void)s.does();
    s.later(take_back_after);
    const auto back = s.does();
    EXPECT_EQ(std::ranges::count(back, "create shop-db-1-1"), 1) << "web cannot come back alone";
}
