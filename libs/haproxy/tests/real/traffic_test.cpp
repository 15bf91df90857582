#include "rig.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iostream>

using namespace gantryd::haproxy;
using gantryd::haproxy_config::slot;
using gantryd::haproxy_config::slot_mode;
using gantryd::model::port_kind;
using gantryd::model::route_id;
using speaks = test_server::speaks;

TEST(haproxy_traffic, a_long_tcp_connection_lives_through_a_reload_and_stays_counted)
{
    rig r;
    test_server db(speaks::lines, "db");
    const auto route = route_on("db_1", free_port(), port_kind::tcp, {serving(db.port()), {}});
    ASSERT_TRUE(r.update({route}));
    const auto worker = r.worker();
    {
        test_client client(route.port);
        EXPECT_EQ(client.say("one"), "db: one");
        auto view = r.look();
        ASSERT_TRUE(view) << view.error().context();
        EXPECT_EQ(view->routes[route.id][0].sessions, 1);
        EXPECT_EQ(view->routes[route.id][0].old_sessions, 0);

        const auto other = route_on("db_2", free_port(), port_kind::tcp, {serving(db.port())});
        view = r.update({route, other});
        ASSERT_TRUE(view) << view.error().context();
        EXPECT_NE(r.worker(), worker);
        EXPECT_TRUE(
            r.log.has("haproxy reloaded reason=\"new external port " + std::to_string(other.port) + "\""));
        EXPECT_EQ(client.say("two"), "db: two");
        EXPECT_EQ(view->old_workers, 1);
        EXPECT_EQ(view->routes[route.id][0].sessions, 0);
        EXPECT_EQ(view->routes[route.id][0].old_sessions, 1);
        EXPECT_EQ(view->routes[other.id][0].old_sessions, 0);
    }
    auto view = r.look_until([](const proxy_view& v) { return v.old_workers == 0; });
    EXPECT_EQ(view.old_workers, 0);
    EXPECT_EQ(view.routes[route.id][0].old_sessions, 0);
}

TEST(haproxy_traffic, sessions_of_an_old_worker_belong_to_the_address_and_not_to_the_slot)
{
    rig r;
    test_server a(speaks::lines, "a");
    test_server b(speaks::lines, "b");
    auto route = route_on("db_1", free_port(), port_kind::tcp, {serving(a.port()), {}});
    ASSERT_TRUE(r.update({route}));
    test_client client(route.port);
    ASSERT_EQ(client.say("x"), "a: x");

    // After the reload the two change places.
    route.slots = {serving(b.port()), draining(a.port()), {}};
    auto view = r.update({route});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_TRUE(r.log.has("more server slots for port"));
    EXPECT_EQ(view->routes[route.id][0].old_sessions, 0);
    EXPECT_EQ(view->routes[route.id][1].old_sessions, 1);
    EXPECT_EQ(client.say("y"), "a: y");
}

TEST(haproxy_traffic, a_drain_keeps_what_it_has_and_takes_nothing_new)
{
    rig r;
    test_server a(speaks::lines, "a");
    test_server b(speaks::lines, "b");
    auto route = route_on("db_1", free_port(), port_kind::tcp, {serving(a.port()), {}});
    ASSERT_TRUE(r.update({route}));
    auto client = std::make_unique<test_client>(route.port);
    ASSERT_EQ(client->say("x"), "a: x");
    const auto worker = r.worker();

    route.slots = {draining(a.port()), serving(b.port())};
    auto view = r.update({route});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_EQ(view->routes[route.id][0].mode, slot_mode::draining);
    EXPECT_FALSE(view->routes[route.id][0].up);
    EXPECT_EQ(view->routes[route.id][0].sessions, 1);
    EXPECT_TRUE(view->routes[route.id][1].up);
    for (int i = 0; i < 6; ++i)
        EXPECT_EQ(test_client(route.port).say("new"), "b: new");
    EXPECT_EQ(client->say("y"), "a: y");

    client.reset();
    const auto empty =
        r.look_until([&](const proxy_view& v) { return v.routes.at(route.id)[0].sessions == 0; });
    EXPECT_EQ(empty.routes.at(route.id)[0].sessions, 0);
    EXPECT_EQ(r.worker(), worker);  // all of it without a reload
}

TEST(haproxy_traffic, a_reload_by_somebody_else_sends_nothing_new_to_a_draining_server)
{
    rig r;
    test_server a(speaks::lines, "a");
    test_server b(speaks::lines, "b");
    auto route = route_on("db_1", free_port(), port_kind::tcp, {draining(a.port()), serving(b.port()), {}});
    ASSERT_TRUE(r.update({route}));
    const auto worker = r.worker();
    (void)r.ask("master.sock", "reload");
    const auto view =
        r.look_until([&](const proxy_view&) { return r.worker() != worker && r.worker() != 0; });
    EXPECT_EQ(view.routes.at(route.id)[0].mode, slot_mode::draining);
    EXPECT_EQ(view.routes.at(route.id)[0].port, a.port());
    EXPECT_EQ(view.routes.at(route.id)[2].mode, slot_mode::empty);
    for (int i = 0; i < 6; ++i)
        EXPECT_EQ(test_client(route.port).say("new"), "b: new");

    const auto reloaded = r.worker();
    ASSERT_TRUE(r.update({route}));
    EXPECT_EQ(r.worker(), reloaded);  // that was what we want already
}

TEST(haproxy_traffic, a_slot_that_changes_its_address_takes_its_keep_alive_clients_along)
{
    rig r;
    test_server a(speaks::http, "a");
    test_server b(speaks::http, "b");
    auto route = route_on("web_1", free_port(), port_kind::http, {serving(a.port())});
    ASSERT_TRUE(r.update({route}));
    const auto worker = r.worker();
    test_client client(route.port);
    ASSERT_EQ(client.request(), "200 a");
    ASSERT_EQ(client.request(), "200 a");

    route.slots = {serving(b.port())};
    const auto view = r.update({route});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_EQ(view->routes.at(route.id)[0].port, b.port());
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(client.request(), "200 b");
    EXPECT_EQ(r.worker(), worker);
}

TEST(haproxy_traffic, keep_alive_clients_see_no_error_across_ten_reloads_and_many_switches)
{
    rig r;
    test_server a(speaks::http, "a");
    test_server b(speaks::http, "b");
    auto route = route_on("web_1", free_port(), port_kind::http, {serving(a.port()), {}});
    ASSERT_TRUE(r.update({route}));
    {
        steady_client one(route.port);
        steady_client two(route.port);
        for (int i = 0; i < 10; ++i) {
            const auto more = route_on("more_1", free_port(), port_kind::tcp, {serving(a.port())});
            const auto reloaded = r.update({route, more});  // another port each time
            ASSERT_TRUE(reloaded) << reloaded.error().context();
            route.slots = i % 2 == 0 ? std::vector{draining(a.port()), serving(b.port())}
                                     : std::vector{serving(a.port()), slot{}};
            const auto switched = r.update({route, more});
            ASSERT_TRUE(switched) << switched.error().context();
        }
        one.stop();
        two.stop();
        EXPECT_EQ(one.errors() + two.errors(), 0);
        EXPECT_GT(one.answers(), 20);
        EXPECT_GT(two.answers(), 20);
    }
    EXPECT_EQ(
        std::ranges::count_if(r.log.lines, [](auto& l) { return l.starts_with("haproxy reloaded"); }), 10);
}

TEST(haproxy_traffic, a_look_is_cheap)
{
    rig r;
    test_server a(speaks::http, "a");
    std::vector<gantryd::haproxy_config::route> routes;
    routes.reserve(10);
    for (int i = 0; i < 10; ++i)
        routes.push_back(route_on("web_" + std::to_string(i), free_port(), port_kind::http,
            {serving(a.port()), serving(a.port()), {}, {}}));
    ASSERT_TRUE(r.update(routes));
    constexpr int looks = 100;
    const auto began = r.clock->now();
    for (int i = 0; i < looks; ++i)
        ASSERT_TRUE(r.look());
    const auto each = (r.clock->now() - began) / looks;
    RecordProperty("look_us", static_cast<int>(each / std::chrono::microseconds(1)));
    std::cout << "one look at 10 routes of 4 slots: " << each / std::chrono::microseconds(1) << " us\n";
    EXPECT_LT(each, std::chrono::milliseconds(50));  // a loose bound: the machine may be busy
}
