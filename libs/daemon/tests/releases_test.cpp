#include "machine.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/daemon/labels.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace gantryd::daemon {
namespace {

/// A script for the prober: only this container listens.
auto refuses_all_but(machine& m, const std::string& name)
{
    return [id = m.id_of(name)](const model::check_spec&, const health::probe_target& target) {
        const bool listens = target.container == id;
        return health::probe_result{listens, listens ? "ok" : "connection refused"};
    };
}

TEST(a_release, goes_live_on_an_empty_machine)
{
    machine m;
    m.start();
    m.release("1");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1) == model::release_outcome::live; }));

    EXPECT_TRUE(m.is_alone("shop-web-1-1"));
    const auto* container = m.docker.find("shop-web-1-1");
    ASSERT_NE(container, nullptr);
    EXPECT_EQ(container->details.image, m.release_in_store(1).image);
    const auto identity = identity_of(container->details.labels);
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->project, m.project);
    EXPECT_EQ(identity->component.text(), "web");
    EXPECT_EQ(model::value_of(identity->release), 1);
    ASSERT_TRUE(identity->record);
    EXPECT_EQ(identity->record->spec, m.release_in_store(1).spec);
    ASSERT_EQ(m.proxy.routes.size(), 1U);
    EXPECT_EQ(m.proxy.routes.front().port, 8888);
}

TEST(a_release, is_told_of_in_the_report_beside_the_daemons_presence)
{
    machine m;
    m.start();
    m.make_live("1");
    m.run_for(2s);

    const auto report = m.report_on();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->state, "running");
    EXPECT_EQ(report->running, model::release_number(1));
    EXPECT_TRUE(report->conditions.empty());
    ASSERT_EQ(report->instances.size(), 1U);
    EXPECT_EQ(report->instances.front().state, "serving");
    EXPECT_EQ(report->instances.front().container, m.id_of("shop-web-1-1"));

    const auto key = records::machine_key(m.project, model::machine_id("m1"));
    const auto presence = records::decode_machine_report(m.value_of(key).value_or(""));
    ASSERT_TRUE(presence);
    EXPECT_EQ(presence->host, "alpha");
    EXPECT_EQ(presence->pid, 42);
    m.crash();
    EXPECT_FALSE(m.value_of(key)) << "a daemon that ended is not there any more";
}

TEST(an_update, starts_the_new_one_first_and_then_drains_stops_and_removes_the_old_one)
{
    machine m;
    m.make_slow();
    m.start();
    m.make_live("1");
    const auto before = m.docker.calls.size();

    bool both_served = false;
    m.always("one serves, and the old one ends after that", [&] {
        const auto now = m.serving();
        both_served = both_served || now.size() == 2;
        return !now.empty() && (m.is_running("shop-web-1-1") || now.contains("shop-web-2-1"));
    });
    m.proxy.sessions[m.endpoint_of("shop-web-1-1")] = 1;
    m.release("2");
    const names old{"shop-web-1-1"};
    ASSERT_TRUE(m.run_until([&] { return m.draining() == old; }));
    m.run_for(10s);
    EXPECT_EQ(m.draining(), old) << "its connection has not ended";
    EXPECT_EQ(m.docker.count_calls("stop"), 0U);
    m.proxy.sessions.clear();
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }));

    EXPECT_TRUE(both_served);
    EXPECT_EQ(m.outcome_of(2), model::release_outcome::live);
    EXPECT_EQ(m.outcome_of(1), model::release_outcome::live);
    const std::vector<std::string> expected{
        "create shop-web-2-1", "start shop-web-2-1", "stop shop-web-1-1", "remove shop-web-1-1"};
    EXPECT_EQ(m.changes_since(before), expected);
    m.run_for(5min, 100ms);
    EXPECT_EQ(m.changes_since(before), expected) << "and then it is quiet";
}

TEST(a_release_whose_container_exits_at_once, fails_with_its_exit_code_and_log_and_the_old_one_goes_on)
{
    machine m;
    m.start();
    m.make_live("1");
    const auto before = m.docker.calls.size();
    m.docker.on_start = [](const docker::fake_container&) {
        docker::fake_run run;
        run.exits_after = 20ms;
        run.exit_code = 3;
        run.log = {"reading config", "no database"};
        return run;
    };
    m.prober.on_probe = refuses_all_but(m, "shop-web-1-1");
    m.always("the old one serves", [&] { return m.serving() == names{"shop-web-1-1"}; });
    m.release("2");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(2) == model::release_outcome::failed; }));
    m.run_for(2min, 50ms);

    EXPECT_TRUE(m.is_alone("shop-web-1-1"));
    EXPECT_EQ(m.changes_since(before, "shop-web-2-"), std::vector<std::string>());
    const auto why = m.release_in_store(2).why_failed;
    ASSERT_TRUE(why);
    EXPECT_EQ(why->exit_code, 3);
    EXPECT_EQ(why->last_log_lines, (std::vector<std::string>{"reading config", "no database"}));
    EXPECT_TRUE(why->reason.contains("exited with code 3")) << why->reason;
    const auto report = m.report_on();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->running, model::release_number(1));
    ASSERT_TRUE(report->last_failure);
    EXPECT_EQ(report->last_failure->exit_code, 3);
}

TEST(a_release_that_never_gets_ready, fails_after_its_ready_timeout_and_the_old_one_goes_on)
{
    machine m;
    m.start();
    m.make_live("1");
    const auto before = m.docker.calls.size();
    m.prober.on_probe = refuses_all_but(m, "shop-web-1-1");
    m.always("the old one serves", [&] { return m.serving() == names{"shop-web-1-1"}; });
    m.release("2");
    m.run_for(9s);
    EXPECT_EQ(m.outcome_of(2), model::release_outcome::pending);
    EXPECT_TRUE(m.is_running("shop-web-2-1"));
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(2) == model::release_outcome::failed; }, 3s));
    m.run_for(2min, 50ms);

    EXPECT_TRUE(m.is_alone("shop-web-1-1"));
    EXPECT_EQ(m.changes_since(before, "shop-web-2-"), std::vector<std::string>());
    const auto why = m.release_in_store(2).why_failed;
    ASSERT_TRUE(why);
    EXPECT_EQ(why->check, "up");
    EXPECT_EQ(why->last_answer, "connection refused");
}

TEST(a_release, is_not_judged_by_the_time_for_which_gantryd_stood_still)
{
    machine m;
    m.prober.delay = 20ms;
    m.start();
    m.make_live("1");
    const auto listens_at = m.sim.clock.now() + 8s;
    m.prober.on_probe = [&, one = m.id_of("shop-web-1-1")](
                            const model::check_spec&, const health::probe_target& target) {
        const bool listens = target.container == one || m.sim.clock.now() >= listens_at;
        return health::probe_result{listens, listens ? "ok" : "connection refused"};
    };
    m.release("2");
    m.run_for(3s);
    m.sim.clock.stand_still(20s);
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(2) != model::release_outcome::pending; }));
    EXPECT_EQ(m.outcome_of(2), model::release_outcome::live);
}

TEST(a_release_whose_image_is_missing, is_asked_for_again_and_again_and_does_not_count_as_failed)
{
    machine m;
    m.start();
    m.make_live("1");
    m.always("the old one serves", [&] { return m.serving().contains("shop-web-1-1"); });
    const auto two = static_cast<int>(model::value_of(m.release_missing("2")));
    m.run_for(10min, 50ms);
    EXPECT_EQ(m.outcome_of(two), model::release_outcome::pending);
    EXPECT_FALSE(m.report_on()->last_failure);
    const auto pulls = m.docker.count_calls("pull web:2");
    EXPECT_GT(pulls, 20U);
    EXPECT_LT(pulls, 40U) << "it backs off, to 30 seconds";
    const auto why = m.reason("pull_failed");
    ASSERT_TRUE(why);
    EXPECT_TRUE(why->text.contains("manifest for web:2 not found")) << why->text;

    m.always("one of them serves", [&] { return !m.serving().empty(); });
    m.docker.publish("web:2", machine::image_of_web("2"));
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }));
    m.run_for(1s);
    EXPECT_FALSE(m.reason("pull_failed"));
}

TEST(a_release_whose_tag_has_moved, never_runs_another_image)
{
    machine m;
    m.start();
    m.make_live("1");
    m.docker.latency["pull"] = 100ms;
    const auto before = m.docker.calls.size();
    const auto two = static_cast<int>(model::value_of(m.release_published("2")));
    m.docker.publish("web:2", machine::image_of_web("other"));
    m.run_for(1min, 50ms);
    EXPECT_EQ(m.changes_since(before, "shop-web-2-"), std::vector<std::string>());
    EXPECT_TRUE(m.is_alone("shop-web-1-1"));
    EXPECT_EQ(m.outcome_of(two), model::release_outcome::pending);
    const auto why = m.reason("image_mismatch");
    ASSERT_TRUE(why);
    const auto id = [](const char* tag) { return base::short_id(machine::image_of_web(tag).text()); };
    EXPECT_EQ(why->text, "web:2 is image " + id("other") + " now (amd64), and release 2 was made with " +
                             id("2") + ", of which no registry had told a digest");
    EXPECT_EQ(why->command, "gantryd update shop -c web");

    m.docker.publish("web:2", machine::image_of_web("2"));
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }));
}

TEST(a_release_whose_digest_is_known, is_pulled_by_it_wherever_the_tag_has_gone)
{
    machine m;
    m.start();
    m.make_live("1");
    m.docker.latency["pull"] = 100ms;
    m.release_published("2", true);
    m.docker.publish("web:2", machine::image_of_web("other"));
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }));
    EXPECT_EQ(m.docker.find("shop-web-2-1")->details.image, machine::image_of_web("2"));
    EXPECT_EQ(m.docker.count_calls("pull web@sha256:"), 1U);
    EXPECT_EQ(m.docker.count_calls("pull web:2"), 0U);
}

TEST(a_machine_alone, asks_docker_for_nothing_between_an_update_and_the_container)
{
    machine m;
    m.start();
    m.make_live("1");
    const auto before = m.docker.calls.size();
    m.release("2");
    ASSERT_TRUE(m.run_until([&] { return m.docker.count_calls("create shop-web-2-1") > 0; }));
    for (auto i = before; m.docker.calls.at(i) != "create shop-web-2-1"; ++i)
        EXPECT_EQ(m.docker.calls[i], "list") << "which goes on beside it";
}

TEST(a_release_whose_image_is_in_the_registry, is_pulled_and_goes_live)
{
    machine m;
    m.start();
    m.make_live("1");
    m.release_published("2");
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }));
    EXPECT_EQ(m.docker.count_calls("pull web:2"), 1U);
}

TEST(two_components, do_not_disturb_each_other)
{
    machine m;
    m.make_slow();
    m.start();
    m.release("1");
    m.release(machine::named("api", 9999), "1");
    const names web{"shop-web-1-1"};
    const names api{"shop-api-1-1"};
    ASSERT_TRUE(m.run_until([&] { return m.serving("web") == web && m.serving("api") == api; }));
    m.run_for(2s);
    const auto before = m.docker.calls.size();
    m.always("the other component serves", [&] { return m.serving("api") == api; });

    m.release("2");
    ASSERT_TRUE(m.run_until([&] { return m.containers() == names{"shop-web-2-1", "shop-api-1-1"}; }));
    m.docker.on_start = [](const docker::fake_container&) {
        docker::fake_run run;
        run.exits_after = 10ms;
        run.exit_code = 1;
        return run;
    };
    m.release("3");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(3) == model::release_outcome::failed; }));
    m.set_intent("web", model::intent::killed);
    ASSERT_TRUE(m.run_until([&] { return m.containers() == api; }));
    EXPECT_EQ(m.changes_since(before, "shop-web-"), std::vector<std::string>());
    EXPECT_EQ(m.outcome_of(1, "api"), model::release_outcome::live);
}

TEST(containers_of_others, are_never_touched)
{
    machine m;
    model::release theirs;
    theirs.number = model::release_number(1);
    theirs.spec = machine::web();
    m.add_foreign("other-web-1-1", labels_for(model::project_name("other"), theirs, {}));
    m.add_foreign("database", {});
    m.add_foreign("shop-web-9-1", {{"io.gantryd.component", "web"}, {"io.gantryd.release", "9"}});
    const auto before = m.docker.calls.size();
    const auto others = m.containers();

    m.start();
    m.release("1");
    ASSERT_TRUE(m.run_until([&] { return m.serving() == names{"shop-web-1-1"}; }));
    m.release("2");
    ASSERT_TRUE(m.run_until([&] { return !m.containers().contains("shop-web-1-1"); }));
    m.crash();
    m.start();
    m.set_intent("web", model::intent::stopped);
    ASSERT_TRUE(m.run_until([&] { return m.containers() == others; }));

    for (const auto& name : others) {
        EXPECT_TRUE(m.is_running(name)) << name;
        EXPECT_FALSE(std::any_of(m.docker.calls.begin() + static_cast<std::ptrdiff_t>(before),
            m.docker.calls.end(), [&](const std::string& call) { return call.contains(name); }))
            << name;
    }
}

/// How much of a component's past the daemon knows.
class past final : public observer {
public:
    std::size_t releases = 0;
    std::size_t failures = 0;

    void planned(const planner::world& of, const planner::plan&, std::size_t) override
    {
        const auto web = of.components.find(model::component_name("web"));
        if (web == of.components.end())
            return;
        releases = web->second.releases.size();
        failures = web->second.crashes.size();
    }
};

TEST(releases_of_long_ago, are_forgotten_with_their_failures)
{
    past known;
    bool is_bad = false;
    std::set<model::container_id> bad;
    machine m;  // ends before what it tells and asks
    m.watcher = &known;
    m.docker.on_start = [&](const docker::fake_container& of) {
        docker::fake_run run;
        if (is_bad) {
            run.exits_after = 20ms;
            bad.insert(of.details.id);
        }
        return run;
    };
    m.prober.on_probe = [&](const model::check_spec&, const health::probe_target& target) {
        const bool listens = !bad.contains(target.container);
        return health::probe_result{listens, listens ? "ok" : "connection refused"};
    };
    m.start();
    for (int number = 1; number <= 80; ++number) {
        is_bad = number % 3 == 0;
        m.release(std::to_string(number));
        ASSERT_TRUE(m.run_until([&] { return m.outcome_of(number) != model::release_outcome::pending; }));
    }
    m.run_for(2min);
    EXPECT_TRUE(m.is_alone("shop-web-80-1"));
    EXPECT_EQ(known.releases, 50U) << "as many as the store keeps";
    EXPECT_EQ(known.failures, 16U) << "of releases 33 to 78";

    // Nor does a list bring back what the ledger of an earlier daemon had.
    m.crash();
    m.start();
    m.run_for(1min);
    EXPECT_EQ(known.releases, 50U);
    EXPECT_EQ(known.failures, 16U);
}

}  // namespace
}  // namespace gantryd::daemon
