// What an update would do.
#include "fleet_fixture.hpp"

#include <gantryd/control/update_plan.hpp>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <algorithm>

namespace gantryd::control {
namespace {

using outcome = model::release_outcome;

class update_plans : public testing::Test {
protected:
    hand_written_fleet fleet_{5};
    model::component_spec spec_;

    update_plans()
    {
        fleet_.release(2).outcome = outcome::live;
        for (int machine = 1; machine <= 5; ++machine)
            fleet_.runs(machine, 2);
        spec_ = fleet_.release(2).spec;
    }

    update_plan plan(const std::optional<std::string>& image = "sha256:2") const
    {
        return plan_update(fleet_.all, spec_, image ? std::optional(model::image_id(*image)) : std::nullopt);
    }
    /// "1:host1 1:host2 2:host3": the turns and who has them.
    static std::string order(const update_plan& of)
    {
        std::string out;
        for (const auto& step : of.order)
            out += (out.empty() ? "" : " ") + std::to_string(step.turn) + ":" + step.name;
        return out;
    }
    static bool has(const std::vector<std::string>& texts, const std::string& part)
    {
        return std::ranges::any_of(
            texts, [&](const std::string& text) { return text.find(part) != std::string::npos; });
    }
};

TEST_F(update_plans, name_every_field_that_changes)
{
    auto& before = fleet_.release(2).spec;
    before.ports.push_back({80, 8080, model::port_kind::http, "0.0.0.0"});
    before.environment_variables = {{"PASSWORD", "hunter2"}, {"SAME", "x"}, {"OLD", "secret"}};
    spec_ = before;
    spec_.tag = "3";
    spec_.ports[0].external = 81;
    spec_.ports.push_back({90, 9090, model::port_kind::tcp, "0.0.0.0"});
    spec_.rollout.max_parallel.count = 2;
    spec_.environment_variables = {{"PASSWORD", "hunter3"}, {"SAME", "x"}, {"NEW", "y"}};
    const auto changes = changes_between(before, spec_);
    const std::vector<field_change> expected{{"tag", "\"2\"", "\"3\""}, {"ports[0].external", "80", "81"},
        {"ports[1]", "", R"({"external":90,"container":9090,"kind":"tcp","bind":"0.0.0.0"})"},
        {"environmentVariables.PASSWORD", "***", "***"}, {"environmentVariables.OLD", "***", ""},
        {"environmentVariables.NEW", "", "***"}};
    for (const auto& change : expected)
        EXPECT_NE(std::ranges::find(changes, change), changes.end()) << change.field;
    EXPECT_EQ(changes.size(), expected.size() + 1);
    EXPECT_EQ(changes.back().field, "rollout");
    for (const auto& change : changes)
        EXPECT_EQ((change.from + change.to).find("hunter"), std::string::npos) << change.field;
    EXPECT_TRUE(changes_between(spec_, spec_).empty());
}

TEST_F(update_plans, take_machines_in_the_order_of_their_ids_as_many_as_the_new_rules_allow)
{
    spec_.tag = "3";
    const auto one = plan("sha256:3");
    EXPECT_EQ(one.number, hand_written_fleet::number(3));
    EXPECT_EQ(one.is_new, true);
    EXPECT_EQ(one.compared_with, hand_written_fleet::number(2));
    EXPECT_EQ(one.image_before.text(), "sha256:2");
    EXPECT_EQ(one.slots, 1);
    EXPECT_EQ(order(one), "1:host1 2:host2 3:host3 4:host4 5:host5");
    EXPECT_EQ(one.order[0].running, hand_written_fleet::number(2));
    EXPECT_TRUE(one.unknown.empty());
    EXPECT_TRUE(one.notes.empty());

    spec_.rollout.max_parallel = {50, true};
    const auto half = plan("sha256:3");
    EXPECT_EQ(half.slots, 2);
    EXPECT_EQ(order(half), "1:host1 1:host2 2:host3 2:host4 3:host5");
}

TEST_F(update_plans, say_when_nothing_would_change)
{
    const auto same = plan();
    EXPECT_EQ(same.is_new, false);
    EXPECT_EQ(same.number, hand_written_fleet::number(2));
    EXPECT_TRUE(same.changes.empty());
    EXPECT_TRUE(same.order.empty());
    fleet_.runs(4, 1);
    EXPECT_EQ(order(plan()), "1:host4") << "it has not come to it yet";
    EXPECT_EQ(plan("sha256:rebuilt").is_new, true);
    EXPECT_EQ(plan(std::nullopt).is_new, std::nullopt);
    spec_.tag = "3";
    EXPECT_EQ(plan(std::nullopt).is_new, true);
}

TEST_F(update_plans, compare_with_what_runs_after_a_failure)
{
    fleet_.release(2).outcome = outcome::failed;
    const auto again = plan();
    EXPECT_EQ(again.is_new, true) << "a failed release is not used again";
    EXPECT_EQ(again.number, hand_written_fleet::number(3));
    EXPECT_EQ(again.compared_with, hand_written_fleet::number(1));
    ASSERT_EQ(again.changes.size(), 1U);
    EXPECT_EQ(again.changes[0].field, "tag");
}

TEST_F(update_plans, tell_who_does_not_take_part_and_what_is_not_known)
{
    spec_.tag = "3";
    fleet_.all.draining.insert(hand_written_fleet::id(2));
    fleet_.lose(3);
    std::erase_if(
        fleet_.web.reports, [](const auto& report) { return report.machine == hand_written_fleet::id(4); });
    fleet_.all.machines.back().components = {model::component_name("worker")};
    const auto made = plan("sha256:3");
    EXPECT_EQ(order(made), "1:host1 2:host4");
    EXPECT_TRUE(has(made.notes, "host2 is drained"));
    EXPECT_TRUE(has(made.unknown, "host3 is lost"));
    EXPECT_TRUE(has(made.unknown, "host4: it has not told yet"));
}

TEST_F(update_plans, tell_what_becomes_of_the_rollout_that_is_under_way)
{
    spec_.tag = "3";
    fleet_.release(2).outcome = outcome::pending;
    fleet_.rollout(model::rollout_verdict::running).held = true;
    fleet_.web.slots[0] = {hand_written_fleet::id(1), hand_written_fleet::number(2), {}};
    const auto made = plan("sha256:3");
    EXPECT_TRUE(has(made.notes, "release 2 is not live yet, and is superseded"));
    EXPECT_TRUE(has(made.notes, "the pause of release 2 ends with it"));
    EXPECT_TRUE(has(made.notes, "host1 changes to release 2 now"));
    fleet_.web.state->status = model::intent::stopped;
    EXPECT_TRUE(has(plan("sha256:3").notes, "the component is stopped, and is set to ready"));
}

TEST_F(update_plans, know_a_first_release)
{
    project_overview empty;
    const auto first = plan_update(empty, spec_, model::image_id("sha256:1"));
    EXPECT_EQ(first.number, hand_written_fleet::number(1));
    EXPECT_EQ(first.is_new, true);
    EXPECT_FALSE(first.compared_with);
    EXPECT_TRUE(has(first.notes, "no gantryd daemon looks after the component"));
    const auto as_json = to_json(first);
    EXPECT_EQ(as_json.at("release").as_int64(), 1);
    EXPECT_TRUE(as_json.at("new").as_bool());
    EXPECT_FALSE(as_json.contains("comparedWith"));
}

}  // namespace
}  // namespace gantryd::control
