#include "plan_text.hpp"
#include "scene.hpp"

#include <gtest/gtest.h>

#include <algorithm>

using namespace gantryd::planner;
namespace model = gantryd::model;
using namespace std::chrono_literals;
using gantryd::haproxy_config::slot_mode;
using model::release_outcome;

namespace {

const std::string taken = "port 8888 is taken by nginx (pid 4711)";

scene with_instances(int n, model::component_spec spec = scene::web())
{
    scene s;
    spec.instances = n;
    s.release(1, release_outcome::live, spec);
    for (int k = 1; k <= n; ++k)
        s.serving(1, k);
    s.settle_proxy();
    EXPECT_EQ(s.does(), lines{});
    return s;
}

std::vector<gantryd::haproxy_config::route> table_of(const plan& made)
{
    for (const auto& a : made.actions)
        if (const auto* table = std::get_if<update_proxy>(&a))
            return table->routes;
    ADD_FAILURE() << "the proxy is not told anything";
    return {};
}

}  // namespace

TEST(slots, keep_their_position_while_their_neighbours_come_and_go)
{
    auto s = with_instances(3);
    s.exits("shop-web-1-2", 1);
    EXPECT_EQ(s.does().front(), "proxy web_8888[s1 serving 10.0.1.1:80, s3 serving 10.0.1.3:80]");
    s.exits("shop-web-1-1", 1);
    EXPECT_EQ(s.does().front(), "proxy web_8888[s3 serving 10.0.1.3:80]");
    s.ready(1, 9);
    EXPECT_EQ(s.does().front(), "proxy web_8888[s1 serving 10.0.1.9:80, s3 serving 10.0.1.3:80]");
}

TEST(slots, with_connections_that_linger_are_not_given_away_while_there_are_others)
{
    auto s = with_instances(1);
    s.slot("web_8888", 2).sessions = 1;
    s.ready(1, 2);
    EXPECT_EQ(s.does().front(), "proxy web_8888[s1 serving 10.0.1.1:80, s3 serving 10.0.1.2:80]");
}

TEST(slots, come_in_eights_with_room_for_everybody_twice)
{
    const auto slots_for = [](int instances) {
        auto spec = scene::web();
        spec.instances = instances;
        scene s;
        s.release(1, release_outcome::pending, spec);
        return table_of(s.planned()).at(0).slots.size();
    };
    EXPECT_EQ(slots_for(1), 8U);
    EXPECT_EQ(slots_for(2), 16U);
    EXPECT_EQ(slots_for(5), 16U);
    EXPECT_EQ(slots_for(6), 24U);
}

TEST(slots, grow_when_more_drain_than_there_is_room_for)
{
    auto s = with_instances(1);
    for (int n = 2; n <= 7; ++n)
        s.draining(1, n, 1);
    s.settle_proxy();
    EXPECT_EQ(s.does(), lines{}) << "seven of eight are in use";
    s.ready(1, 8);
    EXPECT_EQ(table_of(s.planned()).at(0).slots.size(), 16U);
}

TEST(slots, do_not_become_fewer_because_that_needs_a_reload)
{
    auto s = with_instances(6);
    ASSERT_EQ(s.w.routes_applied.at(0).slots.size(), 24U);
    s.release(2, release_outcome::pending);
    s.ready(2, 1);
    EXPECT_EQ(table_of(s.planned()).at(0).slots.size(), 24U) << "though release 2 has one instance";
}

TEST(slots, a_change_that_the_proxy_has_lost_is_asked_for_again)
{
    auto s = with_instances(2);
    s.slot("web_8888", 2) = {.address = "127.0.0.1", .port = 1};
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 serving 10.0.1.1:80, s2 serving 10.0.1.2:80]"}));
    s.slot("web_8888", 1).port = 81;
    EXPECT_EQ(s.planned().actions.size(), 1U);
}

TEST(slots, an_address_that_is_used_again_gets_no_traffic_before_its_new_owner_is_ready)
{
    auto s = with_instances(1);
    s.exits("shop-web-1-1", 1);
    auto& next = s.running(1, 2);
    next.address = "10.0.1.1";
    next.started_at = s.w.now;
    EXPECT_EQ(s.does().front(), "proxy web_8888[s2 serving 127.0.0.1:1]");
    s.passes("shop-web-1-2");
    EXPECT_EQ(s.does(), (lines{"remove shop-web-1-1", "mark_ready shop-web-1-2"}));
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 serving 10.0.1.1:80]"}));
}

TEST(slots, an_address_that_was_given_again_before_anybody_knew_has_one)
{
    auto s = with_instances(1);
    s.draining(1, 2, 0).address = "10.0.1.1";
    s.settle_proxy();
    const auto made = s.planned();
    EXPECT_TRUE(std::ranges::none_of(made.actions, [](const action& a) {
        return std::holds_alternative<update_proxy>(a);
    })) << "the table stays as it is";
}

TEST(waiting_room, keeps_connections_waiting_while_nobody_serves_but_somebody_will)
{
    auto s = with_instances(1);
    s.exits("shop-web-1-1", 1);
    EXPECT_EQ(s.does().front(), "proxy web_8888[s2 serving 127.0.0.1:1]");
    s.of().hold = true;
    EXPECT_EQ(s.does().front(), "proxy web_8888[]") << "nobody will come";
}

TEST(routes, of_the_release_to_come_are_there_before_it_is)
{
    auto s = with_instances(1);
    auto spec = scene::web();
    spec.ports.push_back({.external = 9999, .container = 90});
    s.release(2, release_outcome::pending, spec);
    EXPECT_EQ(s.does().front(), "proxy web_8888[s1 serving 10.0.1.1:80] web_9999[s1 serving 127.0.0.1:1]");
    s.ready(2, 1);
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 serving 10.0.1.1:80, s2 serving 10.0.2.1:80] "
                               "web_9999[s2 serving 10.0.2.1:90]"}));
}

TEST(routes, an_instance_serves_when_every_port_does)
{
    auto s = with_instances(1);
    auto spec = scene::web();
    spec.ports.push_back({.external = 9999, .container = 90});
    s.release(2, release_outcome::pending, spec);
    s.serving(2, 1);
    s.settle_proxy();
    s.slot("web_9999", 1).mode = slot_mode::draining;
    EXPECT_FALSE(is_serving(s.w, s.at("shop-web-2-1")));
    EXPECT_FALSE(is_routed_out(s.w, s.at("shop-web-2-1")));
    s.slot("web_9999", 1).mode = slot_mode::serving;
    EXPECT_TRUE(is_serving(s.w, s.at("shop-web-2-1")));
    s.slot("web_9999", 1).up = false;
    EXPECT_FALSE(is_serving(s.w, s.at("shop-web-2-1"))) << "HAProxy would not send it anything";
}

TEST(routes, the_newest_release_that_serves_says_what_kind_a_port_is)
{
    auto s = with_instances(1);
    auto spec = scene::web();
    spec.ports.at(0).kind = model::port_kind::http;
    s.release(2, release_outcome::pending, spec);
    EXPECT_EQ(s.does(), (lines{"create shop-web-2-1"})) << "the port stays tcp until http serves";
    s.starts("shop-web-2-1");
    s.passes("shop-web-2-1");
    s.does();
    EXPECT_EQ(table_of(s.planned()).at(0).kind, model::port_kind::http);
}

TEST(routes, two_binds_of_one_port_have_two_names)
{
    auto spec = scene::web();
    spec.ports = {{.external = 80, .container = 8080, .bind = "10.0.0.1"},
        {.external = 80, .container = 8080, .bind = "fd00::1"}, {.external = 81, .container = 8081}};
    EXPECT_EQ(route_of(spec, spec.ports.at(0)).text(), "web_80_10.0.0.1");
    EXPECT_EQ(route_of(spec, spec.ports.at(1)).text(), "web_80_fd00--1");
    EXPECT_EQ(route_of(spec, spec.ports.at(2)).text(), "web_81");
}

TEST(routes, an_old_worker_s_connections_count)
{
    auto s = with_instances(1);
    s.draining(1, 2, 1);
    s.slot("web_8888", 2).old_sessions = 2;
    EXPECT_EQ(connections_of(s.w, s.at("shop-web-1-2")), 3);
    EXPECT_EQ(connections_by_kind(s.w, s.at("shop-web-1-2")).via_old_workers, 2);
}

TEST(routes, connections_have_a_kind)
{
    auto spec = scene::web();
    spec.ports.at(0).kind = model::port_kind::http;
    spec.ports.push_back({.external = 9999, .container = 81, .kind = model::port_kind::tcp});
    auto s = with_instances(1, spec);
    auto& i = s.draining(1, 2, 0);
    EXPECT_FALSE(may_have_tunnels(s.w, i));
    auto& http = s.slot("web_8888", 2);
    http.sessions = 9;
    http.tunnels = 3;
    http.old_sessions = 2;
    s.slot("web_9999", 2).sessions = 3;
    i.direct = 1;
    const auto seen = connections_by_kind(s.w, i);
    EXPECT_EQ(seen.http, 8);
    EXPECT_EQ(seen.tunnels, 6);
    EXPECT_EQ(seen.via_old_workers, 2);
    EXPECT_EQ(seen.direct, 1);
    EXPECT_EQ(connections_of(s.w, i), 15);
    EXPECT_TRUE(may_have_tunnels(s.w, i));
    http.sessions = 0;
    http.old_sessions = 0;
    EXPECT_EQ(connections_by_kind(s.w, i).tunnels, 3) << "those of a closer look, which are gone since";
    EXPECT_FALSE(may_have_tunnels(s.w, i)) << "a TCP port has nothing else";
}

TEST(refused_port, keeps_the_old_version_and_gives_up_after_the_ready_timeout)
{
    auto s = with_instances(1);
    auto spec = scene::web();
    spec.ports = {{.external = 9999, .container = 80}};
    s.release(2, release_outcome::pending, spec);
    s.w.proxy.refused[model::route_id("web_9999")] = taken;
    s.ready(2, 1).ready_at = s.w.now;
    s.settle_proxy();
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().wake_at, s.w.now + 2s) << "then it asks again";
    s.later(2s);
    const auto told = s.does();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told.front().starts_with("proxy"));
    EXPECT_EQ(s.does(), lines{}) << "not again at once";
    s.later(7999ms);
    s.does();
    s.later(1ms);
    EXPECT_EQ(s.does(), (lines{"condemn shop-web-2-1: " + taken}));
    EXPECT_EQ(s.does().at(1), "settle web 2 failed");
    EXPECT_TRUE(is_serving(s.w, s.at("shop-web-1-1")));
}

TEST(refused_port, that_an_old_worker_has_still_is_not_taken_for_somebodys_change)
{
    auto s = with_instances(1);
    s.w.proxy.refused[model::route_id("web_8888")] = taken;
    s.settle_proxy();
    s.w.proxy.routes[model::route_id("web_8888")] = {
        {.mode = slot_mode::draining, .address = "10.0.1.1", .port = 80, .old_sessions = 2}};
    EXPECT_TRUE(foreign_changes(s.w).empty());
    EXPECT_EQ(connections_by_kind(s.w, s.at("shop-web-1-1")).total(), 2);
}

TEST(refused_port, of_one_that_drains_is_missed_by_nobody)
{
    auto s = with_instances(1);
    auto spec = scene::web();
    spec.ports = {{.external = 9999, .container = 80}};
    s.release(2, release_outcome::live, spec);
    s.serving(2, 1);
    s.w.proxy.refused[model::route_id("web_8888")] = "port 8888 is used by route api_8888 of this machine";
    EXPECT_TRUE(s.is_told(reason::port_taken));
    s.at("shop-web-1-1").drain_since = s.w.now;
    EXPECT_FALSE(s.is_told(reason::port_taken));
}

TEST(refused_port, is_waited_for_when_nothing_older_is_there)
{
    scene s;
    s.release(1, release_outcome::pending);
    s.w.proxy.refused[model::route_id("web_8888")] = taken;
    s.ready(1, 1).ready_at = s.w.now;
    s.settle_proxy();
    s.later(1h);
    for (const auto& line : s.does())
        EXPECT_TRUE(line.starts_with("proxy")) << line;
    s.w.proxy.refused.clear();
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 serving 10.0.1.1:80]"}));
    EXPECT_EQ(s.does(), (lines{"settle web 1 live"}));
}

TEST(refused_port, wakes_nobody_before_the_time_even_when_asking_does_not_succeed)
{
    auto s = with_instances(1);
    s.w.proxy.refused[model::route_id("web_9999")] = taken;
    s.w.proxy_asked_at = s.w.now - 1h;
    EXPECT_EQ(s.planned().actions.size(), 1U);
    EXPECT_EQ(s.planned().wake_at, s.w.now + 2s);
}

TEST(proxy, that_somebody_changed_by_hand_is_put_right)
{
    auto s = with_instances(2);
    EXPECT_EQ(foreign_changes(s.w), lines{});
    s.slot("web_8888", 1).mode = slot_mode::draining;
    EXPECT_EQ(foreign_changes(s.w),
        (lines{"server s1 of web_8888 is draining 10.0.1.1:80, not serving 10.0.1.1:80"}));
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 serving 10.0.1.1:80, s2 serving 10.0.1.2:80]"}));
    EXPECT_EQ(foreign_changes(s.w), lines{});
    EXPECT_EQ(s.does(), lines{});
}

TEST(proxy, whose_weights_or_frontends_somebody_changed_is_put_right)
{
    auto s = with_instances(1);
    s.slot("web_8888", 1).other_weight = true;
    EXPECT_EQ(foreign_changes(s.w), (lines{"server s1 of web_8888 has another weight"}));
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 serving 10.0.1.1:80]"}));
    s.w.proxy.closed_frontends = {"fe_web_8888"};
    EXPECT_EQ(foreign_changes(s.w), (lines{"fe_web_8888 takes no connections"}));
    EXPECT_EQ(texts(s.planned()), (lines{"proxy web_8888[s1 serving 10.0.1.1:80]"}));
}

TEST(proxy, whose_file_somebody_edited_is_told_again)
{
    auto s = with_instances(1);
    s.w.proxy.file_edited = true;
    EXPECT_EQ(foreign_changes(s.w), (lines{"its file on disk was changed"}));
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 serving 10.0.1.1:80]"}));
}

TEST(proxy, that_has_died_is_made_again_and_nothing_is_drained_or_started_for_it)
{
    auto s = with_instances(2);
    s.w.proxy.running = false;
    s.w.proxy.routes.clear();
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 serving 10.0.1.1:80, s2 serving 10.0.1.2:80]"}));
    EXPECT_EQ(s.does(), lines{});
}
