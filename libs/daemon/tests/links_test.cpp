#include "machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace gantryd::daemon {
namespace {

/// Exports link "db" at its port 80.
model::component_spec db()
{
    auto spec = machine::named("db", 1);
    spec.ports.clear();
    spec.define_component_links = {{.name = "db", .port = 80}};
    return spec;
}

/// The machine's "web", which requires it as "store".
model::component_spec web()
{
    auto spec = machine::web();
    spec.require_component_links = {{.name = "db", .alias = "store"}};
    spec.environment_variables = {{"COLOUR", "green"}, {"STORE_CLINK", "of the file"}};
    return spec;
}

std::uint16_t link_port(const machine& m)
{
    const auto route =
        std::ranges::find(m.proxy.routes, "db_link", [](const auto& r) { return r.id.text(); });
    return route == m.proxy.routes.end() ? std::uint16_t{0} : route->port;
}

std::vector<std::string> environment_of(machine& m, const std::string& name)
{
    const auto* found = m.docker.find(name);
    return found == nullptr ? std::vector<std::string>() : found->request.environment;
}

void go_live(machine& m)
{
    m.release(web(), "1");
    m.release(db(), "1");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1) == model::release_outcome::live; }));
    ASSERT_EQ(m.outcome_of(1, "db"), model::release_outcome::live);
    ASSERT_NE(link_port(m), 0);
}

bool is_told(machine& m, const std::string& component, const std::string& code)
{
    m.run_for(1s);  // reports are not written at every change
    const auto report = m.report_on(component);
    return report &&
           std::ranges::find(report->conditions, code, &model::condition::code) != report->conditions.end();
}

bool both_serve(machine& m)
{
    return m.serving("db").size() == 1 && m.serving("web").size() == 1 && m.containers().size() == 2;
}

TEST(ports_of_links, are_outside_of_those_of_outgoing_connections)
{
    EXPECT_EQ(link_ports_beside("32768\t60999"), (port_range{20'000, 32'767}));
    EXPECT_EQ(link_ports_beside(""), (port_range{20'000, 32'767}));
    EXPECT_EQ(link_ports_beside("nonsense"), (port_range{20'000, 32'767}));
    EXPECT_EQ(link_ports_beside("60999 32768"), (port_range{20'000, 32'767}));
    EXPECT_EQ(link_ports_beside("15000 65000"), (port_range{10'000, 14'999}));
    EXPECT_EQ(link_ports_beside("1024 40000"), (port_range{40'001, 52'768}));
    EXPECT_EQ(link_ports_beside("1024 59000"), (port_range{59'001, 65'535}));
    EXPECT_EQ(link_ports_beside("1024 65535"), (port_range{20'000, 32'767}));
}

TEST(an_importer, is_made_after_its_exporter_serves_and_is_told_the_address)
{
    machine m;
    m.make_slow();
    m.start();
    ASSERT_NO_FATAL_FAILURE(go_live(m));
    const auto uri = fmt::format("tcp://172.17.0.1:{}", link_port(m));
    EXPECT_EQ(environment_of(m, "shop-web-1-1"),
        (std::vector<std::string>{"COLOUR=green", "STORE_CLINK=" + uri, "STORE_CLINK_80_TCP=" + uri,
            "STORE_CLINK_80_TCP_PROTO=tcp", "STORE_CLINK_80_TCP_ADDR=172.17.0.1",
            fmt::format("STORE_CLINK_80_TCP_PORT={}", link_port(m))}));
    const auto* exporter = m.docker.find("shop-db-1-1");
    const auto* importer = m.docker.find("shop-web-1-1");
    EXPECT_LT(exporter->created, importer->created);
    EXPECT_EQ(importer->request.labels.at("io.gantryd.link.db"), fmt::format("172.17.0.1:{}", link_port(m)));
    EXPECT_EQ(exporter->request.labels.at("io.gantryd.link.db"), fmt::format(":{}", link_port(m)));
}

TEST(an_importer, is_not_touched_by_updates_and_crashes_of_its_exporter)
{
    machine m;
    m.make_slow();
    m.start();
    ASSERT_NO_FATAL_FAILURE(go_live(m));
    const auto port = link_port(m);
    m.always("the link stays where it is", [&] { return link_port(m) == port; });
    const auto before = m.docker.calls.size();
    m.release(db(), "2");
    ASSERT_TRUE(m.run_until([&] { return m.is_running("shop-db-2-1") && both_serve(m); }));
    m.docker.die(m.id_of("shop-db-2-1"), 1);
    ASSERT_TRUE(m.run_until([&] { return m.is_running("shop-db-2-2") && both_serve(m); }));
    EXPECT_EQ(m.changes_since(before, "shop-db-"), std::vector<std::string>());
}

TEST(an_importer, without_an_exporter_fails_at_its_deadline_and_the_older_release_goes_on)
{
    machine m;
    m.start();
    m.make_live("1");
    m.release(web(), "2");
    m.always("the older release serves", [&] { return m.serving() == names{"shop-web-1-1"}; });
    m.run_for(5s);
    EXPECT_TRUE(is_told(m, "web", "waiting_link"));
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(2) == model::release_outcome::failed; }, 10s));
    m.run_for(10s);
    EXPECT_EQ(m.docker.count_calls("create shop-web-2"), 0U);
    ASSERT_TRUE(m.release_in_store(2).why_failed);
    EXPECT_TRUE(m.release_in_store(2).why_failed->reason.contains("link \"db\" is not served"));
}

TEST(an_importer, that_died_with_its_exporter_is_started_as_soon_as_that_serves)
{
    machine m;
    m.start();
    ASSERT_NO_FATAL_FAILURE(go_live(m));
    m.set_intent("db", model::intent::stopped);
    ASSERT_TRUE(m.run_until([&] { return m.containers() == names{"shop-web-1-1"}; }));
    EXPECT_TRUE(is_told(m, "web", "link_down"));
    m.run_for(10min, 1s);
    EXPECT_TRUE(m.is_running("shop-web-1-1"));
    m.docker.die(m.id_of("shop-web-1-1"), 1);
    m.run_for(10min, 1s);
    EXPECT_EQ(m.containers(), names());
    EXPECT_TRUE(is_told(m, "web", "waiting_link"));
    EXPECT_EQ(m.outcome_of(1), model::release_outcome::live);
    m.set_intent("db", model::intent::ready);
    EXPECT_TRUE(m.run_until([&] { return both_serve(m); }, 5s));
}

TEST(a_link, keeps_its_address_when_the_ledger_is_lost)
{
    machine m;
    m.start();
    ASSERT_NO_FATAL_FAILURE(go_live(m));
    const auto port = link_port(m);
    m.always("the link stays where it is, and is served",
        [&] { return link_port(m) == port && !m.serving("db").empty(); });
    const auto reloads = m.proxy.reloads;
    m.crash();
    m.ledger = store::make_memory_store(m.sim.clock);
    m.start();
    m.run_for(10s);
    EXPECT_EQ(m.proxy.reloads, reloads);
    m.release(db(), "2");
    EXPECT_TRUE(m.run_until([&] { return m.is_running("shop-db-2-1") && both_serve(m); }));
}

TEST(a_link, is_where_its_importer_looks_for_it_when_its_exporter_and_the_ledger_are_gone)
{
    machine m;
    m.start();
    ASSERT_NO_FATAL_FAILURE(go_live(m));
    const auto port = link_port(m);
    m.set_intent("db", model::intent::stopped);
    ASSERT_TRUE(m.run_until([&] { return m.containers() == names{"shop-web-1-1"}; }));
    m.crash();
    m.ledger = store::make_memory_store(m.sim.clock);
    m.start();
    m.run_for(5s);
    m.set_intent("db", model::intent::ready);
    ASSERT_TRUE(m.run_until([&] { return both_serve(m); }));
    EXPECT_EQ(link_port(m), port);
}

TEST(a_link, keeps_its_address_over_a_boot_of_the_machine)
{
    machine m;
    m.start();
    ASSERT_NO_FATAL_FAILURE(go_live(m));
    const auto port = link_port(m);
    m.set_intent("web", model::intent::stopped);
    m.set_intent("db", model::intent::stopped);
    ASSERT_TRUE(m.run_until([&] { return m.containers().empty(); }));
    m.crash();
    m.proxy.kill();
    m.boot_id = "boot-2";
    m.start();
    m.set_intent("db", model::intent::ready);
    m.set_intent("web", model::intent::ready);
    ASSERT_TRUE(m.run_until([&] { return both_serve(m); }));
    EXPECT_EQ(link_port(m), port);
}

TEST(a_link, whose_port_was_taken_meanwhile_gets_another_when_nobody_imported_it)
{
    machine m;
    m.start();
    m.release(db(), "1");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1, "db") == model::release_outcome::live; }));
    const auto port = link_port(m);
    m.set_intent("db", model::intent::stopped);
    ASSERT_TRUE(m.run_until([&] { return m.containers().empty() && m.proxy.routes.empty(); }));
    m.proxy.taken_ports[port] = "nginx (pid 4711)";
    m.set_intent("db", model::intent::ready);
    ASSERT_TRUE(m.run_until([&] { return m.serving("db").size() == 1; }));
    EXPECT_NE(link_port(m), port);
}

TEST(a_link, whose_port_was_taken_meanwhile_waits_for_it_when_somebody_imported_it)
{
    machine m;
    m.start();
    ASSERT_NO_FATAL_FAILURE(go_live(m));
    const auto port = link_port(m);
    m.proxy.kill();
    m.proxy.taken_ports[port] = "nginx (pid 4711)";
    m.run_for(20s);
    EXPECT_EQ(link_port(m), 0);
    const auto report = m.report_on("db");
    ASSERT_TRUE(report);
    EXPECT_TRUE(std::ranges::any_of(report->conditions,
        [](const model::condition& c) { return c.code == "port_taken" && c.text.contains("nginx"); }));
    EXPECT_TRUE(m.is_running("shop-web-1-1"));
    m.proxy.taken_ports.clear();
    EXPECT_TRUE(m.run_until([&] { return link_port(m) == port && both_serve(m); }, 5s));
}

TEST(a_link, gets_a_port_as_soon_as_one_is_free)
{
    machine m;
    m.start();
    for (int port = 20'000; port <= 32'767; ++port)
        m.proxy.taken_ports[static_cast<std::uint16_t>(port)] = "somebody";
    m.release(db(), "1");
    m.run_for(1min);
    EXPECT_EQ(m.containers(), names());
    EXPECT_TRUE(is_told(m, "db", "waiting_link"));
    EXPECT_LT(m.log_lines.count(base::log_level::warning, "action failed"), 12U) << "it does not back off";
    m.proxy.taken_ports.clear();
    EXPECT_TRUE(m.run_until([&] { return m.serving("db").size() == 1; }, 1min));
}

/// Updates both and ends the daemon that long afterwards; the next one starts without the ledger. True when
/// the update was over before.
bool crash_during_updates(runtime::duration after)
{
    machine m;
    m.make_slow();
    m.start();
    go_live(m);
    const auto port = link_port(m);
    m.always("the link stays where it is, and is served",
        [&] { return link_port(m) == port && !m.serving("db").empty(); });
    m.release(db(), "2");
    m.release(web(), "2");
    const auto is_over = [&] {
        return both_serve(m) && m.outcome_of(2) == model::release_outcome::live &&
               m.outcome_of(2, "db") == model::release_outcome::live;
    };
    m.run_for(after);
    const bool was_over = is_over();
    m.crash();
    m.ledger = store::make_memory_store(m.sim.clock);
    m.start();
    EXPECT_TRUE(m.run_until(is_over, 2min));
    for (const auto& [id, container] : m.docker.containers())
        EXPECT_TRUE(container.request.labels.at("io.gantryd.link.db").ends_with(std::to_string(port)));
    return was_over;
}

TEST(a_link, keeps_its_address_when_the_daemon_ends_at_any_step_and_the_ledger_is_lost)
{
    for (runtime::duration after = 0ms; after < 8s; after += 20ms) {
        SCOPED_TRACE(fmt::format("daemon ended {} ms after the release", after / 1ms));
        if (crash_during_updates(after)) {
            EXPECT_GT(after, 50ms) << "the update takes no time: nothing was tried";
            return;
        }
        if (testing::Test::HasFailure())
            return;
    }
    ADD_FAILURE() << "the update never came to its end";
}

}  // namespace
}  // namespace gantryd::daemon
