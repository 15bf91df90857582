#include "../src/slots.hpp"

#include "../src/supervisor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <sstream>

using namespace gantryd::haproxy;
using gantryd::haproxy_config::route;
using gantryd::haproxy_config::slot;
using gantryd::haproxy_config::slot_mode;
using gantryd::model::port_kind;
using gantryd::model::route_id;
using words = std::vector<std::string>;

namespace {

slot serving(std::string address, std::uint16_t port = 80)
{
    return {slot_mode::serving, std::move(address), port};
}
slot draining(std::string address, std::uint16_t port = 80)
{
    return {slot_mode::draining, std::move(address), port};
}

live_server live(std::string name, std::string address, std::uint16_t port, const std::string& state)
{
    return {.backend = "be_web_1",
        .name = std::move(name),
        .address = std::move(address),
        .port = port,
        .in_maintenance = state == "maint",
        .in_drain = state == "drain",
        .running = state != "maint"};
}

route web(std::vector<slot> slots) { return {.id = route_id("web_1"), .port = 1, .slots = std::move(slots)}; }

words commands(std::vector<live_server> servers, std::vector<slot> wanted)
{
    return commands_for({.pid = 1, .servers = std::move(servers)}, {web(std::move(wanted))});
}

/// What HAProxy does with such a command.
void obey(worker_report& worker, const std::string& command)
{
    std::istringstream in(command);
    std::string set, kind, server, what, value, port_word, port;
    in >> set >> kind >> server >> what >> value >> port_word >> port;
    for (auto& s : worker.servers) {
        if (s.backend + "/" + s.name != server)
            continue;
        if (what == "addr") {
            s.address = value;
            s.port = static_cast<std::uint16_t>(std::stoi(port));
        } else {
            s.in_maintenance = value == "maint";
            s.in_drain = value == "drain";
            s.running = value != "maint";
        }
        return;
    }
    FAIL() << command;
}

}  // namespace

TEST(slots, nothing_to_change_is_no_command)
{
    EXPECT_EQ(commands({live("s1", "10.0.0.1", 80, "ready"), live("s2", "10.0.0.2", 80, "drain"),
                           live("s3", "10.0.0.3", 80, "maint"), live("s4", "127.0.0.1", 1, "maint")},
                  {serving("10.0.0.1"), draining("10.0.0.2"), draining("10.0.0.3"), {}}),
        words{});
}

TEST(slots, an_empty_slot_gets_its_address_before_it_takes_traffic)
{
    EXPECT_EQ(commands({live("s1", "127.0.0.1", 1, "maint")}, {serving("10.0.0.1")}),
        (words{"set server be_web_1/s1 addr 10.0.0.1 port 80", "set server be_web_1/s1 state ready"}));
}

TEST(slots, a_serving_slot_changes_its_address_without_a_gap)
{
    EXPECT_EQ(commands({live("s1", "10.0.0.1", 80, "ready")}, {serving("10.0.0.2")}),
        (words{"set server be_web_1/s1 addr 10.0.0.2 port 80"}));
}

TEST(slots, a_slot_that_becomes_empty_stops_before_it_loses_its_address)
{
    EXPECT_EQ(commands({live("s1", "10.0.0.1", 80, "ready")}, {{}}),
        (words{"set server be_web_1/s1 state maint", "set server be_web_1/s1 addr 127.0.0.1 port 1"}));
    // whatever address the caller left in it
    EXPECT_EQ(commands({live("s1", "127.0.0.1", 1, "maint")}, {{slot_mode::empty, "10.0.0.1", 80}}), words{});
}

TEST(slots, those_that_begin_to_serve_come_before_those_that_stop)
{
    const auto got = commands({live("s1", "10.0.0.1", 80, "ready"), live("s2", "127.0.0.1", 1, "maint")},
        {draining("10.0.0.1"), serving("10.0.0.2")});
    EXPECT_EQ(got, (words{"set server be_web_1/s2 addr 10.0.0.2 port 80",
                       "set server be_web_1/s2 state ready", "set server be_web_1/s1 state drain"}));
}

TEST(slots, ways_of_writing_an_address_are_no_change)
{
    EXPECT_EQ(commands({live("s1", "fd00::1", 80, "ready")}, {serving("FD00:0::01")}), words{});
}

TEST(slots, a_drained_server_can_serve_again)
{
    for (const char* state : {"drain", "maint"})
        EXPECT_EQ(commands({live("s1", "10.0.0.1", 80, state)}, {serving("10.0.0.1")}),
            (words{"set server be_web_1/s1 state ready"}));
}

TEST(slots, from_any_state_to_any_other_and_never_without_a_server_in_between)
{
    const auto seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto any_slot = [&]() -> slot {
        const auto address = "10.0.0." + std::to_string(1 + random() % 3);
        switch (random() % 3) {
        case 0: return {};
        case 1: return serving(address);
        default: return draining(address);
        }
    };
    const auto serves = [](const worker_report& w) {
        return std::ranges::any_of(w.servers, [](auto& s) { return !s.in_maintenance && !s.in_drain; });
    };
    for (int round = 0; round < 2000; ++round) {
        worker_report worker{.pid = 1};
        std::vector<slot> wanted;
        for (int i = 1; i <= 4; ++i) {
            constexpr std::array states{"ready", "drain", "maint"};
            worker.servers.push_back(live("s" + std::to_string(i), random() % 2 ? "10.0.0.1" : "127.0.0.1",
                random() % 2 ? 80 : 1, states[random() % 3]));
            wanted.push_back(any_slot());
        }
        const bool before = serves(worker);
        const bool after = std::ranges::any_of(wanted, [](auto& s) { return s.mode == slot_mode::serving; });
        for (const auto& command : commands_for(worker, {web(wanted)})) {
            obey(worker, command);
            EXPECT_TRUE(serves(worker) || !before || !after);
        }
        EXPECT_EQ(commands_for(worker, {web(wanted)}), words{});  // it is as wanted, and so it stays
        const auto view = make_view(1, worker, {}).routes.at(route_id("web_1"));
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            EXPECT_EQ(view[i].mode, wanted[i].mode);
            EXPECT_EQ(view[i].up, wanted[i].mode == slot_mode::serving);
            EXPECT_EQ(view[i].address, wanted[i].address);
        }
    }
}

TEST(slots, missing_slots_are_noticed)
{
    const worker_report worker{.pid = 1, .servers = {live("s1", "10.0.0.1", 80, "ready")}};
    EXPECT_TRUE(has_every_slot(worker, {web({{}})}));
    EXPECT_FALSE(has_every_slot(worker, {web({{}, {}})}));
    EXPECT_TRUE(has_every_slot(worker, {}));
}

TEST(slots, old_sessions_go_to_the_same_address_of_the_same_route)
{
    const worker_report now{.pid = 2,
        .version = "2.6.12",
        .servers = {live("s1", "10.0.0.2", 80, "ready"), live("s2", "10.0.0.1", 80, "drain")}};
    auto old = worker_report{
        .pid = 1, .servers = {live("s1", "10.0.0.1", 80, "ready"), live("s2", "10.0.0.9", 80, "ready")}};
    old.servers[0].sessions = 5;
    old.servers[0].tunnels = 2;
    old.servers[1].sessions = 7;  // nobody has that address now
    auto other_route = live("s1", "10.0.0.1", 80, "ready");
    other_route.backend = "be_other_1";
    other_route.sessions = 100;
    old.servers.push_back(other_route);
    const auto view = make_view(9, now, {old, old});
    EXPECT_EQ(view.master, 9);
    EXPECT_EQ(view.old_workers, 2);
    EXPECT_EQ(view.workers, (std::vector<pid_t>{2, 1, 1}));
    const auto& servers = view.routes.at(route_id("web_1"));
    ASSERT_EQ(servers.size(), 2u);
    EXPECT_EQ(servers[0].old_sessions, 0);
    EXPECT_EQ(servers[1].old_sessions, 10);
    EXPECT_EQ(servers[1].tunnels, 4);
    EXPECT_EQ(servers[1].sessions, 0);
}

TEST(slots, servers_that_are_not_ours_are_passed_over)
{
    auto stats = live("s1", "10.0.0.1", 80, "ready");
    stats.backend = "stats";
    worker_report worker{.pid = 1,
        .servers = {stats, live("s0", "10.0.0.1", 80, "ready"), live("s99999999", "10.0.0.1", 80, "ready"),
            live("web", "10.0.0.1", 80, "ready")}};
    EXPECT_TRUE(make_view(1, worker, {}).routes.empty());
}

TEST(slots, sessions_of_a_route_that_only_an_old_worker_has_are_told_of)
{
    auto busy = live("s2", "10.0.0.1", 80, "ready");
    busy.sessions = 3;
    busy.tunnels = 1;
    auto other = live("s1", "10.0.0.9", 80, "ready");
    other.sessions = 4;
    auto gone = live("s1", "10.0.0.1", 80, "ready");
    gone.backend = other.backend = "be_api_1";
    const worker_report current{.pid = 2, .servers = {gone}};
    const auto view =
        make_view(1, current, {{.pid = 3, .servers = {busy, other}}, {.pid = 4, .servers = {busy}}});
    const auto& servers = view.routes.at(route_id("web_1"));
    ASSERT_EQ(servers.size(), 1u);
    EXPECT_EQ(servers[0].mode, slot_mode::draining);
    EXPECT_EQ(servers[0].address, "10.0.0.1");
    EXPECT_EQ(servers[0].old_sessions, 6);
    EXPECT_EQ(servers[0].tunnels, 2);
    EXPECT_EQ(view.routes.at(route_id("api_1")).size(), 1u)
        << "a slot more would look like another structure";
}

TEST(slots, a_port_stays_with_what_is_served_until_that_only_drains)
{
    using order = std::vector<std::size_t>;
    const route newcomer{.id = route_id("api_1"), .port = 1, .slots = {serving("127.0.0.1", 1), {}}};
    const auto present = web({serving("10.0.0.1"), draining("10.0.0.2")});
    const auto leaving = web({draining("10.0.0.1"), {}});
    EXPECT_EQ(order_of_claims({newcomer, present}, {present}), (order{1, 0}));
    EXPECT_EQ(order_of_claims({newcomer, present}, {}), (order{0, 1}));
    EXPECT_EQ(order_of_claims({newcomer, leaving}, {present}), (order{0, 1}));
    auto moved = present;
    moved.port = 2;
    EXPECT_EQ(order_of_claims({newcomer, present}, {moved}), (order{0, 1})) << "it had another port";
}

TEST(slots, a_reload_has_a_reason)
{
    const route a{.id = route_id("a_1"), .port = 8888, .slots = {{}}};
    const route b{.id = route_id("b_1"), .port = 9999, .slots = {{}}};
    EXPECT_EQ(reload_reason({}, {a}), "new external port 8888");
    EXPECT_EQ(reload_reason({}, {a, b}), "new external ports 8888, 9999");
    EXPECT_EQ(reload_reason({a, b}, {b}), "external port removed: 8888");
    EXPECT_EQ(reload_reason({a}, {b}), "new external port 9999; external port removed: 8888");
    EXPECT_EQ(reload_reason({a}, {a}), "settings changed");
    auto changed = a;
    changed.slots.resize(3);
    EXPECT_EQ(reload_reason({a}, {changed}), "more server slots for port 8888");
    EXPECT_EQ(reload_reason({changed}, {a}), "fewer server slots for port 8888");
    changed = a;
    changed.kind = port_kind::http;
    EXPECT_EQ(reload_reason({a}, {changed}), "another protocol on port 8888");
    changed = a;
    changed.bind = "127.0.0.1";
    EXPECT_EQ(reload_reason({a}, {changed}), "another bind address for port 8888");
    changed = a;
    changed.port = 1;
    EXPECT_EQ(reload_reason({a}, {changed}), "external port 8888 becomes 1");
}

TEST(alerts, only_what_is_wrong_is_told)
{
    EXPECT_EQ(
        alerts_in("[NOTICE]   (15897) : haproxy version is 2.6.12-1+deb12u4\n"
                  "[NOTICE]   (15897) : path to executable is /usr/sbin/haproxy\n"
                  "[ALERT]    (15897) : config : parsing [bad.cfg:1]: unknown keyword 'foo' out of section.\n"
                  "[ALERT]    (15897) : config : Fatal errors found in configuration.\n"),
        "config : parsing [bad.cfg:1]: unknown keyword 'foo' out of section.; "
        "config : Fatal errors found in configuration.");
    EXPECT_EQ(alerts_in("some\nother words\n"), "some; other words");
    EXPECT_EQ(alerts_in(std::string(5000, 'x')).size(), 1000u);
    EXPECT_EQ(alerts_in(""), "");
}
