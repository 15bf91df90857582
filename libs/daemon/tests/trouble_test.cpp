#include "machine.hpp"
#include "moody_store.hpp"

#include <gantryd/daemon/labels.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <gtest/gtest.h>

namespace gantryd::daemon {
namespace {

TEST(a_live_container_that_ends, is_replaced)
{
    machine m;
    m.make_slow();
    m.start();
    m.make_live("1");
    m.docker.write_log(m.id_of("shop-web-1-1"), "segmentation fault");
    m.docker.die(m.id_of("shop-web-1-1"), 139);
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-1-2"); }, 5s));
    m.run_for(1s);

    EXPECT_EQ(m.outcome_of(1), model::release_outcome::live);
    const auto report = m.report_on();
    ASSERT_TRUE(report);
    ASSERT_TRUE(report->last_failure);
    EXPECT_EQ(report->last_failure->exit_code, 139);
    EXPECT_EQ(report->last_failure->last_log_lines, std::vector<std::string>{"segmentation fault"});
}

TEST(a_replacement_on_the_address_of_a_dead_container, has_to_prove_itself)
{
    machine m;
    m.make_slow();
    m.start();
    m.make_live("1");
    const auto address = m.docker.find("shop-web-1-1")->details.address;
    m.proxy.latency = 300ms;  // its old slot is still there when the new one starts
    m.prober.on_probe = [](const model::check_spec&, const health::probe_target&) {
        return health::probe_result{false, "connection refused"};
    };
    m.docker.die(m.id_of("shop-web-1-1"), 1);
    m.run_for(3s);
    ASSERT_TRUE(m.is_running("shop-web-1-2"));
    ASSERT_EQ(m.docker.find("shop-web-1-2")->details.address, address);
    EXPECT_EQ(m.serving(), names());
    const auto report = m.report_on();
    ASSERT_TRUE(report);
    for (const auto& instance : report->instances)
        EXPECT_EQ(instance.state, "starting") << instance.name.text();

    m.prober.on_probe = nullptr;
    EXPECT_TRUE(m.run_until([&] { return m.is_alone("shop-web-1-2"); }));
    EXPECT_EQ(m.log_lines.count(base::log_level::info, "instance ready"), 2U);
}

TEST(a_replacement_on_the_address_of_a_dead_container, counts_once_when_nobody_tells_of_the_death)
{
    machine m;
    auto spec = machine::web();
    spec.instances = 2;
    m.make_slow();
    m.start();
    m.release(spec, "1");
    ASSERT_TRUE(m.run_until([&] { return m.serving().size() == 2; }));
    m.docker.latency["list"] = 500ms;  // and nobody else tells of it
    m.docker.event_copies = [](const docker::container_event&) { return 0; };
    m.prober.on_probe = [](const model::check_spec&, const health::probe_target&) {
        return health::probe_result{true, "ok"};
    };
    m.docker.die(m.id_of("shop-web-1-2"), 1);
    m.always("the first stays until two others serve",
        [&] { return m.serving().contains("shop-web-1-1") || m.serving().size() == 2; });
    m.release(spec, "2");
    EXPECT_TRUE(m.run_until([&] { return m.serving() == names{"shop-web-2-1", "shop-web-2-2"}; }));
}

TEST(a_container_that_ends_again_and_again, is_restarted_at_growing_intervals)
{
    machine m;
    m.start();
    m.make_live("1");
    std::vector<runtime::time_point> starts;
    m.docker.on_start = [&](const docker::fake_container&) {
        starts.push_back(m.sim.clock.now());
        docker::fake_run run;
        run.exits_after = 300ms;
        run.exit_code = 1;
        return run;
    };
    m.docker.die(m.id_of("shop-web-1-1"), 1);
    m.run_for(150s, 20ms);

    ASSERT_GE(starts.size(), 5U);
    EXPECT_LE(starts.size(), 10U);
    for (std::size_t i = 2; i < starts.size(); ++i)
        EXPECT_GT(starts[i] - starts[i - 1], starts[i - 1] - starts[i - 2]) << "start " << i;
    EXPECT_GE(starts.back() - starts[starts.size() - 2], 30s);
    const auto report = m.report_on();
    ASSERT_TRUE(report);
    ASSERT_FALSE(report->conditions.empty());
    EXPECT_EQ(report->conditions.front().code, "crash_loop");

    m.docker.on_start = nullptr;
    EXPECT_TRUE(m.run_until([&] { return m.serving().size() == 1 && m.containers().size() == 1; }, 5min));
}

TEST(docker_away, stops_nothing_and_work_goes_on_afterwards)
{
    machine m;
    m.start();
    m.make_live("1");
    const auto routes = m.proxy.routes;
    const auto before = m.docker.calls.size();
    m.docker.set_reachable(false);
    m.release("2");
    m.always("the table stays and the container runs",
        [&] { return m.proxy.routes == routes && m.is_running("shop-web-1-1"); });
    m.run_for(2min, 20ms);
    EXPECT_EQ(m.outcome_of(2), model::release_outcome::pending);
    EXPECT_EQ(m.changes_since(before), std::vector<std::string>());
    EXPECT_LT(m.docker.calls.size() - before, 100U) << "it does not back off";
    EXPECT_EQ(m.log_lines.count(base::log_level::warning, "source away what=\"docker: "), 1U);

    m.always("somebody serves", [&] { return !m.serving().empty(); });
    m.docker.set_reachable(true);
    EXPECT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }));
}

TEST(a_restart_of_docker, brings_the_containers_back)
{
    machine m;
    m.start();
    m.make_live("1");
    m.docker.restart();
    EXPECT_TRUE(m.run_until([&] { return m.serving().size() == 1 && m.containers().size() == 1; }));
}

TEST(a_haproxy_that_ends, is_started_again_and_serves_the_same_container)
{
    machine m;
    m.start();
    m.make_live("1");
    const auto before = m.docker.calls.size();
    m.proxy.kill();
    EXPECT_TRUE(m.run_until([&] { return m.serving() == names{"shop-web-1-1"}; }, 2s));
    EXPECT_EQ(m.proxy.starts, 2);
    EXPECT_EQ(m.changes_since(before), std::vector<std::string>());
}

TEST(a_release_under_another_key, is_not_taken_for_that_one)
{
    machine m;
    m.start();
    m.make_live("1");
    const auto before = m.docker.calls.size();
    const model::component_name web("web");
    const auto first =
        m.value_of(records::release_key(m.project, web, model::release_number(1))).value_or("");
    m.put(records::release_key(m.project, web, model::release_number(7)), first);
    m.put(records::release_key(m.project, model::component_name("api"), model::release_number(1)), first);
    m.put(records::state_key(m.project, web), R"({"status":"ready","release":7})");
    m.put(records::state_key(m.project, model::component_name("api")), R"({"status":"ready","release":1})");
    m.run_for(10s);
    EXPECT_EQ(m.log_lines.count(base::log_level::warning, "record unreadable component=web release=7 "), 1U);
    EXPECT_EQ(m.log_lines.count(base::log_level::warning, "record unreadable component=api release=1 "), 1U);
    EXPECT_EQ(m.changes_since(before), std::vector<std::string>()) << "what runs goes on";
}

TEST(labels_that_somebody_made_up, are_no_container_of_ours)
{
    const docker::labels good{
        {"io.gantryd.project", "shop"}, {"io.gantryd.component", "web"}, {"io.gantryd.release", "3"}};
    ASSERT_TRUE(identity_of(good));
    for (const auto& [label, value] : docker::labels{{"io.gantryd.project", "a/b"},
             {"io.gantryd.component", "../x"}, {"io.gantryd.release", "9223372036854775807"}}) {
        auto bad = good;
        bad[label] = value;
        EXPECT_FALSE(identity_of(bad)) << label;
    }
    auto odd = good;
    odd["io.gantryd.component"] = "web\nserver evil";
    EXPECT_FALSE(identity_of(odd));
    odd = good;
    odd["io.gantryd.record"] = R"({"release":4,"spec":{"name":"web","repo":"web"}})";
    ASSERT_TRUE(identity_of(odd));
    EXPECT_FALSE(identity_of(odd)->record) << "it is of another release";
}

TEST(values_that_cannot_be_read, are_ignored_with_a_warning)
{
    machine m;
    m.start();
    m.make_live("1");
    const auto before = m.docker.calls.size();
    const model::component_name web("web");
    const auto good_state = m.value_of(records::state_key(m.project, web)).value_or("");
    m.put(records::state_key(m.project, web), "{\"status\":");
    m.put(records::release_key(m.project, web, model::release_number(9)), "[]");
    m.put(records::state_key(m.project, model::component_name("api")), "nonsense");
    m.run_for(10s);
    EXPECT_EQ(m.log_lines.count(base::log_level::warning, "record unreadable component=web release=0 "), 1U);
    EXPECT_EQ(m.log_lines.count(base::log_level::warning, "record unreadable component=api release=0 "), 1U);
    EXPECT_EQ(m.log_lines.count(base::log_level::warning, "record unreadable component=web release=9 "), 1U);

    m.crash();
    m.start();
    m.run_for(2min, 50ms);
    EXPECT_TRUE(m.is_alone("shop-web-1-1"));
    EXPECT_EQ(m.changes_since(before), std::vector<std::string>());

    m.put(records::state_key(m.project, web), good_state);
    const auto number = model::value_of(m.release("2"));
    EXPECT_EQ(number, 10) << "a number is never used twice";
    EXPECT_TRUE(m.run_until([&] { return m.is_alone("shop-web-10-1"); }));
}

TEST(a_stop, waits_for_the_connections)
{
    machine m;
    auto spec = machine::web();
    spec.drain.timeout = 10min;
    m.start();
    m.release(spec, "1");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1) == model::release_outcome::live; }));
    m.proxy.sessions[m.endpoint_of("shop-web-1-1")] = 2;
    m.run_for(10s);
    m.set_intent("web", model::intent::stopped);
    const names draining{"shop-web-1-1"};
    ASSERT_TRUE(m.run_until([&] { return m.draining() == draining; }, 2s));
    m.run_for(2min, 20ms);
    EXPECT_EQ(m.draining(), draining);
    EXPECT_EQ(m.docker.count_calls("stop"), 0U);

    m.proxy.sessions.clear();
    EXPECT_TRUE(m.run_until([&] { return m.containers().empty() && !m.proxy.running; }, 5s));
    EXPECT_EQ(m.docker.count_calls("stop shop-web-1-1"), 1U);
    EXPECT_EQ(m.docker.count_calls("kill"), 0U);
}

TEST(a_kill, does_not_wait_for_the_connections)
{
    machine m;
    m.start();
    m.make_live("1");
    m.proxy.sessions[m.endpoint_of("shop-web-1-1")] = 2;
    m.run_for(10s);
    m.set_intent("web", model::intent::killed);
    EXPECT_TRUE(m.run_until([&] { return m.containers().empty() && !m.proxy.running; }, 1s));
    EXPECT_EQ(m.docker.count_calls("stop"), 0U);
    EXPECT_EQ(m.docker.count_calls("kill shop-web-1-1 SIGKILL"), 1U);
}

TEST(instances_that_drain_slowly, survive_further_updates_side_by_side)
{
    machine m;
    auto spec = machine::web();
    spec.drain.timeout = 1h;
    m.start();
    m.always("somebody serves", [&] { return m.docker.containers().size() < 2 || !m.serving().empty(); });
    names old;
    for (int number = 1; number <= 4; ++number) {
        const auto name = fmt::format("shop-web-{}-1", number);
        m.release(spec, std::to_string(number));
        ASSERT_TRUE(m.run_until([&] { return m.serving() == names{name} && m.draining() == old; })) << name;
        m.proxy.sessions[m.endpoint_of(name)] = 1;
        m.run_for(1min, 50ms);
        ASSERT_EQ(m.draining(), old) << name;
        old.insert(name);
    }
    EXPECT_EQ(m.docker.count_calls("stop"), 0U);

    for (const std::string name : {"shop-web-2-1", "shop-web-1-1", "shop-web-3-1"}) {
        m.proxy.sessions.erase(m.endpoint_of(name));
        old.erase(name);
        ASSERT_TRUE(m.run_until([&] { return m.containers() == old; })) << name;
    }
    EXPECT_TRUE(m.is_alone("shop-web-4-1"));
}

TEST(reports, of_many_components_are_written_in_parts_that_a_store_takes)
{
    machine m;
    auto moody = std::make_unique<moody_store>(m.sim.clock);
    moody->most_operations = 128;
    m.desired = std::move(moody);
    constexpr int many = 150;
    const auto name = [](int n) { return "c" + std::to_string(n); };
    for (int n = 0; n < many; ++n)
        m.set_intent(name(n), model::intent::stopped);
    m.start();
    m.run_for(3s);
    for (int n = 0; n < many; ++n)
        EXPECT_TRUE(m.report_on(name(n))) << n;
}

}  // namespace
}  // namespace gantryd::daemon
