#include "plan_text.hpp"
#include "scene.hpp"

#include <gantryd/planner/links.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

using namespace gantryd;
using namespace gantryd::planner;
using namespace std::chrono_literals;
using haproxy_config::slot_mode;
using model::release_outcome;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

/// Exports link "data" at port 5432.
model::component_spec db(model::port_kind kind = model::port_kind::tcp)
{
    model::component_spec spec;
    spec.name = model::component_name("db");
    spec.ready_checks = {{.id = "up", .port = 5432}};
    spec.define_component_links = {{.name = "data", .port = 5432, .kind = kind}};
    spec.ready_timeout = 20s;
    return spec;
}

/// The scene's "web" with link "data" as "store".
model::component_spec web()
{
    auto spec = scene::web();
    spec.require_component_links = {{.name = "data", .alias = "store"}};
    spec.ready_timeout = 10s;
    return spec;
}

/// A released db whose link has an address.
scene with_db(release_outcome outcome = release_outcome::live)
{
    scene s;
    s.release(1, outcome, db());
    s.w.links["data"] = {"10.0.0.254", 20000};
    return s;
}

/// The same, serving.
scene with_serving_db()
{
    auto s = with_db();
    s.serving(1, 1, "db");
    s.settle_proxy();
    return s;
}

const haproxy_config::route* route_in(const plan& made, const std::string& id)
{
    for (const auto& a : made.actions)
        if (const auto* table = std::get_if<update_proxy>(&a))
            for (const auto& r : table->routes)
                if (r.id.text() == id)
                    return &r;
    return nullptr;
}

std::vector<std::string> variables(const scene& s, const model::component_spec& of)
{
    std::vector<std::string> out;
    const auto all = link_variables(s.w, of);
    EXPECT_TRUE(all);
    for (const auto& each : all.value_or(std::vector<model::environment_variable>()))
        out.push_back(each.name + "=" + each.value);
    return out;
}

}  // namespace

// ---- its address ----------------------------------------------------------------------------------------

TEST(a_link, has_a_port_before_its_first_container_is_made)
{
    scene s;
    s.release(1, release_outcome::pending, db());
    EXPECT_THAT(s.does(), ElementsAre("allot data at \"\" instead of 0"));
    EXPECT_EQ(s.w.links.at("data").port, 20001);
    EXPECT_THAT(s.does(), Contains("create shop-db-1-1"));
    EXPECT_EQ(s.w.links.at("data").port, 20001);
}

TEST(a_link, without_a_port_is_why_its_component_waits)
{
    scene s;
    s.release(1, release_outcome::pending, db());
    EXPECT_THAT(s.because(reason::waiting_link).text, HasSubstr("\"data\" has no port"));
}

TEST(a_link, is_bound_at_the_gateway_of_the_containers_that_export_it)
{
    scene s;
    s.release(1, release_outcome::pending, db());
    s.does();
    s.does();
    EXPECT_EQ(route_in(s.planned(), "data_link"), nullptr) << "nobody knows where";
    s.starts("shop-db-1-1");
    const auto made = s.planned();
    EXPECT_THAT(s.does(), Contains("allot data at \"10.0.0.254\" instead of 0")) << "to remember it";
    const auto* route = route_in(made, "data_link");
    ASSERT_NE(route, nullptr);
    EXPECT_EQ(route->bind, "10.0.0.254");
    EXPECT_EQ(route->port, 20001);
    EXPECT_EQ(route->kind, model::port_kind::tcp);
}

TEST(a_link, keeps_its_address_when_its_exporter_is_replaced_stopped_or_gone)
{
    auto s = with_serving_db();
    s.release(2, release_outcome::pending, db());
    s.serving(2, 1, "db");
    for (const auto& a : s.planned().actions)
        EXPECT_FALSE(std::holds_alternative<allot_link>(a)) << text_of(a);
    s.w.instances.clear();
    s.of("db").intent = model::intent::stopped;
    for (const auto& a : s.planned().actions)
        EXPECT_FALSE(std::holds_alternative<allot_link>(a)) << text_of(a);
}

TEST(a_link, follows_the_bridge_of_its_exporters)
{
    auto s = with_serving_db();
    s.at("shop-db-1-1").gateway = "10.9.0.1";
    EXPECT_THAT(s.does(), Contains("allot data at \"10.9.0.1\" instead of 0"));
    EXPECT_EQ(s.w.links.at("data"), (link_address{"10.9.0.1", 20000}));
}

TEST(a_link, at_a_taken_port_moves_while_nobody_imported_it)
{
    auto s = with_serving_db();
    s.w.proxy.routes.erase(model::route_id("data_link"));
    s.w.proxy.refused[model::route_id("data_link")] = "port 20000 is taken by nginx (pid 4711)";
    EXPECT_THAT(s.because(reason::port_taken).text, HasSubstr("nginx"));
    EXPECT_THAT(s.does(), Contains("allot data at \"10.0.0.254\" instead of 20000"));
    for (const auto& a : s.planned().actions)
        EXPECT_FALSE(std::holds_alternative<allot_link>(a)) << "the refusal was of the old port";
}

TEST(a_link, at_a_taken_port_stays_there_when_somebody_imported_it)
{
    auto s = with_serving_db();
    s.release(1, release_outcome::live, web());
    s.serving(1, 1);
    s.w.proxy.routes.erase(model::route_id("data_link"));
    s.w.proxy.refused[model::route_id("data_link")] = "port 20000 is taken by nginx (pid 4711)";
    for (const auto& a : s.planned().actions)
        EXPECT_FALSE(std::holds_alternative<allot_link>(a)) << text_of(a);
    EXPECT_TRUE(s.is_told(reason::port_taken));
    EXPECT_TRUE(s.is_told(reason::link_down));
}

// ---- its variables --------------------------------------------------------------------------------------

TEST(a_link, is_told_to_its_importers_in_five_variables)
{
    const auto s = with_serving_db();
    EXPECT_THAT(variables(s, web()),
        ElementsAre("STORE_CLINK=tcp://10.0.0.254:20000", "STORE_CLINK_5432_TCP=tcp://10.0.0.254:20000",
            "STORE_CLINK_5432_TCP_PROTO=tcp", "STORE_CLINK_5432_TCP_ADDR=10.0.0.254",
            "STORE_CLINK_5432_TCP_PORT=20000"));
}

TEST(a_link, of_kind_http_says_so_in_its_variables)
{
    scene s;
    s.release(1, release_outcome::live, db(model::port_kind::http));
    s.w.links["data"] = {"10.0.0.254", 20000};
    s.serving(1, 1, "db");
    EXPECT_THAT(variables(s, web()),
        ElementsAre("STORE_CLINK=http://10.0.0.254:20000", "STORE_CLINK_5432_HTTP=http://10.0.0.254:20000",
            "STORE_CLINK_5432_HTTP_PROTO=http", "STORE_CLINK_5432_HTTP_ADDR=10.0.0.254",
            "STORE_CLINK_5432_HTTP_PORT=20000"));
}

TEST(a_link, without_an_address_has_no_variables)
{
    auto s = with_serving_db();
    s.w.links["data"].host.clear();
    EXPECT_TRUE(link_variables(s.w, web())) << "its exporter tells the host";
    s.at("shop-db-1-1").gateway.clear();
    EXPECT_EQ(link_variables(s.w, web()), std::nullopt);
    s.w.links["data"] = {"10.0.0.254", 0};
    EXPECT_EQ(link_variables(s.w, web()), std::nullopt);
}

// ---- its route ------------------------------------------------------------------------------------------

TEST(a_link, counts_for_serving_draining_and_connections)
{
    auto s = with_serving_db();
    const auto& i = s.at("shop-db-1-1");
    EXPECT_TRUE(is_serving(s.w, i));
    EXPECT_FALSE(is_routed_out(s.w, i));
    auto& slot = s.slot("data_link", 1);
    slot.sessions = 3;
    slot.old_sessions = 2;
    EXPECT_EQ(connections_of(s.w, i), 5);
    slot.up = false;
    EXPECT_FALSE(is_serving(s.w, i));
    slot.mode = slot_mode::draining;
    EXPECT_TRUE(is_routed_out(s.w, i));
}

TEST(a_link, moves_to_the_new_release_by_a_change_of_the_proxy_alone)
{
    auto s = with_serving_db();
    s.release(1, release_outcome::live, web());
    s.serving(1, 1);
    s.release(2, release_outcome::pending, db());
    s.ready(2, 1, "db");
    s.settle_proxy();
    EXPECT_THAT(s.does(), Contains(StartsWith("begin_drain shop-db-1-1")));
    for (int round = 0; round < 10; ++round)
        for (const auto& line : s.does())
            EXPECT_THAT(line, Not(HasSubstr("shop-web")));
    EXPECT_EQ(s.w.links.at("data"), (link_address{"10.0.0.254", 20000}));
}

TEST(a_link, with_a_connection_keeps_its_old_exporter_draining)
{
    auto s = with_serving_db();
    s.release(2, release_outcome::live, db());
    s.serving(2, 1, "db");
    auto& old = s.at("shop-db-1-1");
    old.drain_since = s.w.now;
    s.settle_proxy();
    for (auto& each : s.w.proxy.routes.at(model::route_id("data_link")))
        each.sessions = each.address == old.address ? 1 : 0;
    old.idle_for = 0ms;
    EXPECT_THAT(s.does(), Not(Contains("stop shop-db-1-1")));
    EXPECT_THAT(s.because(reason::draining).text, HasSubstr("draining 1: 0 http, 1 tunnels"));
}

TEST(a_link, that_moves_to_another_component_is_served_by_both_for_a_while)
{
    auto s = with_serving_db();
    auto next = db();
    next.name = model::component_name("newdb");
    s.release(1, release_outcome::pending, next);
    s.ready(1, 1, "newdb").address = "10.0.7.7";
    s.settle_proxy();
    EXPECT_TRUE(is_serving(s.w, s.at("shop-db-1-1")));
    EXPECT_TRUE(is_serving(s.w, s.at("shop-newdb-1-1")));
}

// ---- who waits for it -----------------------------------------------------------------------------------

TEST(an_importer, is_made_when_its_link_is_served_and_not_before)
{
    auto s = with_db(release_outcome::pending);
    s.release(1, release_outcome::pending, web());
    EXPECT_THAT(s.does(), Not(Contains("create shop-web-1-1")));
    s.starts("shop-db-1-1");
    s.passes("shop-db-1-1");
    EXPECT_THAT(s.does(), Not(Contains("create shop-web-1-1")));
    EXPECT_THAT(s.does(), Not(Contains("create shop-web-1-1"))) << "ready, and not in the proxy yet";
    EXPECT_THAT(s.does(), Contains("create shop-web-1-1"));
}

TEST(an_importer, is_not_held_up_by_an_external_port_of_its_exporter)
{
    scene s;
    auto with_port = db();
    with_port.ports = {{.external = 5432, .container = 5432}};
    s.release(1, release_outcome::live, with_port);
    s.w.links["data"] = {"10.0.0.254", 20000};
    s.serving(1, 1, "db");
    s.w.proxy.routes.erase(model::route_id("db_5432"));
    s.release(1, release_outcome::pending, web());
    EXPECT_THAT(s.does(), Contains("create shop-web-1-1"));
}

TEST(an_importer, on_trial_waits_for_its_ready_timeout_and_fails_then)
{
    scene s;
    s.release(1, release_outcome::pending, web());
    const auto told = s.because(reason::waiting_link);
    EXPECT_THAT(told.text, HasSubstr("no release that is known here defines it"));
    EXPECT_EQ(told.since, s.w.now);
    EXPECT_EQ(told.until, s.w.now + 10s);
    EXPECT_THAT(told.then, HasSubstr("counts as failed"));
    EXPECT_EQ(s.planned().wake_at, s.w.now + 10s);
    s.later(10s);
    EXPECT_THAT(s.does(), Contains(StartsWith("fail web 1: link \"data\" is not served")));
    EXPECT_THAT(s.does(), Contains("settle web 1 failed"));
    EXPECT_THAT(s.because(reason::release_failed).text, HasSubstr("link \"data\""));
    EXPECT_TRUE(s.does().empty());
}

TEST(an_importer, on_trial_that_gives_up_leaves_the_older_release_alone)
{
    auto s = with_serving_db();
    s.release(1, release_outcome::live, scene::web());
    s.serving(1, 1);
    s.release(2, release_outcome::pending, web());
    s.of("db").intent = model::intent::stopped;
    s.w.instances.erase(model::instance_name("shop-db-1-1"));
    s.settle_proxy();
    EXPECT_THAT(s.because(reason::waiting_link).text, HasSubstr("component db is stopped"));
    EXPECT_EQ(s.because(reason::waiting_link).command, "gantryd update shop -c db");
    s.later(10s);
    for (int round = 0; round < 5; ++round)
        for (const auto& line : s.does())
            EXPECT_THAT(line, Not(HasSubstr("shop-web-1-1 ")));
    EXPECT_TRUE(is_serving(s.w, s.at("shop-web-1-1")));
    EXPECT_EQ(s.of().releases.at(model::release_number(2))->outcome, release_outcome::failed);
}

TEST(an_importer, has_no_deadline_while_docker_makes_its_exporter)
{
    auto s = with_db(release_outcome::pending);
    s.release(1, release_outcome::pending, web());
    EXPECT_THAT(s.does(), Contains("create shop-db-1-1"));
    s.later(5min);  // a long pull
    EXPECT_THAT(s.does(), Not(Contains(StartsWith("fail"))));
    EXPECT_EQ(s.because(reason::waiting_link).until, std::nullopt);
    s.starts("shop-db-1-1");
    EXPECT_EQ(s.because(reason::waiting_link).until, s.w.now + 20s + 10s)
        << "its exporter's time to get ready, and then its own";
}

TEST(an_importer, of_an_importer_waits_for_as_long_as_that_may)
{
    auto s = with_db(release_outcome::pending);
    auto middle = web();
    middle.name = model::component_name("api");
    middle.ports.clear();
    middle.define_component_links = {{.name = "api", .port = 80}};
    s.w.links["api"] = {"10.0.0.254", 20002};
    s.release(1, release_outcome::pending, middle);
    auto last = web();
    last.require_component_links = {{.name = "api", .alias = "api"}};
    s.release(1, release_outcome::pending, last);
    s.does();
    s.later(5min);
    EXPECT_THAT(s.does(), Not(Contains(StartsWith("fail"))));
    s.starts("shop-db-1-1");
    s.passes("shop-db-1-1");
    while (!s.w.instances.contains(model::instance_name("shop-api-1-1")))
        EXPECT_THAT(s.does(), Not(Contains(StartsWith("fail"))));
    s.later(5min);
    EXPECT_THAT(s.does(), Not(Contains(StartsWith("fail"))));
}

TEST(an_importer, gives_up_on_an_exporter_that_fails_again_and_again)
{
    auto s = with_db();
    s.release(1, release_outcome::pending, web());
    s.of("db").crashes[model::release_number(1)] = {5, s.w.now, {.reason = "exited"}};
    s.later(9s);
    EXPECT_THAT(s.does(), Contains("create shop-db-1-1"));
    s.starts("shop-db-1-1");
    s.later(1s);
    EXPECT_THAT(s.does(), Contains(StartsWith("fail web 1")));
}

TEST(an_importer, does_not_give_up_because_docker_is_away)
{
    auto s = with_db();
    s.release(1, release_outcome::pending, web());
    s.w.docker.reachable = false;
    s.later(1h);
    EXPECT_THAT(s.does(), Not(Contains(StartsWith("fail"))));
    s.w.docker.reachable = true;
    s.w.docker.since = s.w.now;
    EXPECT_THAT(s.does(), Not(Contains(StartsWith("fail"))));
}

TEST(an_importer, that_was_live_waits_on_without_a_deadline)
{
    auto s = with_db();
    s.of("db").intent = model::intent::stopped;
    s.release(1, release_outcome::live, web());
    s.later(24h);
    EXPECT_THAT(s.does(), Not(Contains(StartsWith("fail"))));
    EXPECT_THAT(s.does(), Not(Contains("create shop-web-1-1")));
    const auto told = s.because(reason::waiting_link);
    EXPECT_EQ(told.until, std::nullopt);
    EXPECT_EQ(told.then, "it is started as soon as the link is served");
}

TEST(an_importer, that_runs_is_not_touched_when_its_link_is_down)
{
    auto s = with_db();
    s.of("db").intent = model::intent::stopped;
    s.release(1, release_outcome::live, web());
    s.serving(1, 1);
    s.settle_proxy();
    EXPECT_TRUE(s.does().empty());
    const auto told = s.because(reason::link_down);
    EXPECT_THAT(told.text, HasSubstr("component db is stopped"));
    EXPECT_EQ(told.component.text(), "web");
    EXPECT_FALSE(s.is_told(reason::waiting_link));
}

TEST(an_importer, is_replaced_while_its_link_is_down_when_others_of_it_run)
{
    auto s = with_db();
    s.of("db").intent = model::intent::stopped;
    auto two = web();
    two.instances = 2;
    s.release(1, release_outcome::live, two);
    s.serving(1, 1);
    EXPECT_THAT(s.does(), Contains("create shop-web-1-2"));
}

TEST(importers, in_a_circle_of_several_configs_do_not_wait_for_each_other_for_ever)
{
    auto s = with_db();
    auto db_that_needs_web = db();
    db_that_needs_web.require_component_links = {{.name = "page", .alias = "page"}};
    auto web_with_link = web();
    web_with_link.define_component_links = {{.name = "page", .port = 80}};
    s.release(2, release_outcome::live, db_that_needs_web);
    s.release(1, release_outcome::live, web_with_link);
    s.w.links["page"] = {"10.0.0.254", 20003};
    const auto done = s.does();
    EXPECT_THAT(done, Contains("create shop-web-1-1"));
    EXPECT_THAT(done, Contains("create shop-db-2-1"));
}
