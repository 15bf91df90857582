#include "gantryd/conditions.hpp"

#include <gantryd/model/component_json.hpp>

#include <gtest/gtest.h>

#include <algorithm>

using namespace gantryd;
using namespace gantryd::app;
using namespace std::chrono_literals;
using model::release_outcome;

namespace {

const base::wall_time now{std::chrono::seconds(1'800'000'000)};

/// Project "shop" with "web": release 1 is live and wanted, the config is that of release 1, and m1 runs it.
class a_project : public ::testing::Test {
protected:
    a_project() : web(all.components.emplace_back())
    {
        web.name = model::component_name("web");
        web.configured = add_release(1, release_outcome::live).spec;
        web.state = model::component_state{
            model::intent::ready, model::image_id("sha256:1"), model::release_number(1)};
        add_machine("m1", "alpha");
    }

    model::release& add_release(int n, release_outcome outcome)
    {
        const auto number = static_cast<model::release_number>(n);
        auto& out = web.releases[number];
        out.number = number;
        out.spec.name = web.name;
        out.spec.repo = "shop/web";
        out.spec.tag = std::to_string(n);
        out.spec_hash = model::spec_hash(out.spec);
        out.image = model::image_id("sha256:" + std::to_string(n));
        out.outcome = outcome;
        return out;
    }

    model::component_report& add_machine(const std::string& id, const std::string& host)
    {
        auto& machine = all.machines.emplace_back();
        machine.id = model::machine_id(id);
        machine.host = host;
        auto& report = web.reports.emplace_back();
        report.machine = machine.id;
        report.host = host;
        report.reported_at = now - 40s;
        return report;
    }

    std::vector<told_condition> told() const { return conditions_of(all, web, "shop", {}, now); }
    std::string note() const { return note_on(all, web, "shop"); }

    control::project_overview all;
    control::component_overview& web;
};

}  // namespace

TEST_F(a_project, that_is_well_has_no_conditions_and_no_note)
{
    EXPECT_TRUE(told().empty());
    EXPECT_EQ(note(), "");
}

TEST_F(a_project, without_a_daemon_says_since_when_nobody_has_told_anything)
{
    all.machines.clear();
    ASSERT_EQ(told().size(), 1u);
    const auto what = told().front().what;
    EXPECT_EQ(what.code, "no_daemon");
    EXPECT_EQ(what.since, now - 40s);
    EXPECT_EQ(what.command, "gantryd run shop");
    EXPECT_EQ(note(), "no daemon looks after it; see `gantryd why shop web`");
    web.state->status = model::intent::stopped;
    EXPECT_EQ(note(), "") << "it is as it was wanted";
}

TEST_F(a_project, that_was_never_released_says_how_to_do_it)
{
    web.state.reset();
    ASSERT_EQ(told().size(), 1u);
    EXPECT_EQ(told().front().what.code, "no_release");
    EXPECT_EQ(told().front().what.since, base::wall_time()) << "nobody knows since when";
    EXPECT_EQ(note(), "never released; `gantryd update shop -c web` does it");
}

TEST_F(a_project, with_a_newer_config_is_told_to_update)
{
    web.configured->tag = "2";
    ASSERT_EQ(told().size(), 1u);
    const auto what = told().front().what;
    EXPECT_EQ(what.code, "config_differs");
    EXPECT_EQ(what.text, "the stored config differs from release 1");
    EXPECT_EQ(what.command, "gantryd update shop -c web");
    EXPECT_EQ(note(), "config changed since release 1; apply it with `gantryd update shop -c web`");
}

TEST_F(a_project, is_not_told_to_release_a_config_again_that_failed)
{
    web.configured = add_release(2, release_outcome::failed).spec;
    auto& back = add_release(3, release_outcome::live);
    back.spec = web.releases.at(model::release_number(1)).spec;
    back.spec_hash = model::spec_hash(back.spec);
    web.state->release = back.number;
    ASSERT_EQ(told().size(), 1u);
    const auto what = told().front().what;
    EXPECT_EQ(what.text, "the stored config differs from release 3: it is that of release 2, which failed");
    EXPECT_EQ(what.command, "gantryd setconfig shop FILE");
    EXPECT_EQ(note(), "the stored config is that of release 2, which failed; see `gantryd why shop web`");

    web.state->release = model::release_number(2);
    EXPECT_EQ(note(), "release 2 failed; see `gantryd why shop web`") << "before the rollback";
}

TEST_F(a_project, on_several_machines_says_which_one_tells_what)
{
    web.reports.front().conditions = {{.code = "waiting_ready", .text = "its ready check does not pass"}};
    ASSERT_EQ(told().size(), 1u);
    EXPECT_EQ(told().front().machine, model::machine_id("m1"));
    EXPECT_EQ(place_of(all, web, told().front().machine), "") << "there is only one";
    add_machine("m2", "beta");
    EXPECT_EQ(place_of(all, web, told().front().machine), "alpha");
    EXPECT_EQ(place_of(all, web, std::nullopt), "") << "found by the command line";

    web.reports.back().last_failure = model::evidence{.reason = "exited with code 3"};
    ASSERT_TRUE(failure_of(web));
    EXPECT_EQ(place_of(all, web, failure_of(web)->machine), "beta");
    auto& release = web.releases.at(model::release_number(1));
    release.why_failed = model::evidence{.reason = "not ready within 10s"};
    release.outcome_by = model::machine_id("m1");
    EXPECT_EQ(failure_of(web)->what.reason, "not ready within 10s");
    EXPECT_EQ(place_of(all, web, failure_of(web)->machine), "alpha");
}

TEST_F(a_project, of_which_one_machine_is_lost_says_so)
{
    add_machine("m2", "beta").instances.emplace_back();
    EXPECT_TRUE(told().empty());
    all.machines.pop_back();
    ASSERT_EQ(told().size(), 1u);
    EXPECT_EQ(told().front().what.code, "no_daemon");
    EXPECT_EQ(told().front().what.since, now - 40s);
    EXPECT_EQ(told().front().what.command, "gantryd machines shop");
    EXPECT_EQ(place_of(all, web, told().front().machine), "beta");
    web.reports.back().instances.clear();
    EXPECT_TRUE(told().empty()) << "it had nothing of it";
}

TEST_F(a_project, does_not_repeat_what_a_machine_said_that_is_gone)
{
    web.reports.front().conditions = {{.code = "waiting_ready", .text = "its ready check does not pass"}};
    all.machines.clear();
    ASSERT_EQ(told().size(), 1u);
    EXPECT_EQ(told().front().what.code, "no_daemon");
}
