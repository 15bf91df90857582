#include <gantryd/haproxy_config/config.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace config = gantryd::haproxy_config;
namespace model = gantryd::model;
using config::route;
using config::slot;
using config::slot_mode;

namespace {

config::settings global()
{
    return {.admin_socket = "/run/gantryd/haproxy/admin.sock",
        .handover_socket = "/run/gantryd/haproxy/handover.sock"};
}

route web()
{
    return {.id = model::route_id("web_8888"),
        .port = 8888,
        .kind = model::port_kind::http,
        .slots = {{.mode = slot_mode::serving, .address = "172.17.0.2", .port = 80},
            {.mode = slot_mode::draining, .address = "172.17.0.3", .port = 80}, {}}};
}

route db()
{
    return {.id = model::route_id("db_5432"),
        .bind = "::1",
        .port = 5432,
        .slots = {{.mode = slot_mode::serving, .address = "fd00::2", .port = 5432}, {}}};
}

bool has_line(const std::string& text, const std::string& line)
{
    return text.find("\n" + line + "\n") != std::string::npos;
}

/// From "frontend fe_<id>" to the end of its backend.
std::string section(const std::string& text, const std::string& id)
{
    const auto begin = text.find("\nfrontend fe_" + id + "\n");
    if (begin == std::string::npos)
        return {};
    return text.substr(begin, text.find("\nfrontend", begin + 1) - begin) + "\n";
}

}  // namespace

TEST(haproxy_config, the_file_says_who_made_it_and_what_it_is)
{
    const auto text = config::render(global(), {web()});
    const auto hash = config::structure_hash(global(), {web()});
    EXPECT_TRUE(text.starts_with("# made by gantryd, do not edit\n# structure " + hash + "\n"));
    EXPECT_EQ(config::hash_in(text), hash);
    EXPECT_TRUE(has_line(text, "    description " + config::description_of(hash)));
    EXPECT_EQ(hash.size(), 16u);
}

TEST(haproxy_config, the_process_is_bounded_and_listens_for_its_owner_only)
{
    auto g = global();
    g.hard_stop_after = std::chrono::seconds(90);
    g.max_connections = 500;
    const auto text = config::render(g, {});
    EXPECT_TRUE(has_line(text, "    stats socket /run/gantryd/haproxy/admin.sock mode 600 level admin"));
    EXPECT_TRUE(has_line(text, "    hard-stop-after 90s"));
    EXPECT_TRUE(has_line(text, "    fd-hard-limit 1200"));
    EXPECT_EQ(text.find("maxconn"), std::string::npos);  // it would refuse to start with a low ulimit -n
}

TEST(haproxy_config, connections_are_retried_on_another_server)
{
    const auto text = config::render(global(), {});
    for (const char* line : {"    timeout connect 1s", "    timeout client 24h", "    timeout server 24h",
             "    timeout tunnel 24h", "    retries 3", "    option redispatch 1", "    option srvtcpka",
             "    default-server tcp-ut 3s", "    option clitcpka"})
        EXPECT_TRUE(has_line(text, line)) << line;
}

TEST(haproxy_config, an_http_route)
{
    const auto text = section(config::render(global(), {web(), db()}), "web_8888");
    for (const char* line : {"    mode http", "    bind 0.0.0.0:8888", "    timeout http-request 30s",
             "    option forwardfor", "    option idle-close-on-response", "    default_backend be_web_8888",
             "backend be_web_8888", "    balance roundrobin", "    retry-on conn-failure empty-response",
             "    acl is_repeatable method GET HEAD OPTIONS",
             "    http-request disable-l7-retry unless is_repeatable"})
        EXPECT_TRUE(has_line(text, line)) << line;
}

TEST(haproxy_config, a_tcp_route_has_nothing_of_http)
{
    const auto text = section(config::render(global(), {web(), db()}), "db_5432");
    EXPECT_TRUE(has_line(text, "    mode tcp"));
    EXPECT_TRUE(has_line(text, "    bind [::1]:5432"));
    EXPECT_TRUE(has_line(text, "    server s1 [fd00::2]:5432"));
    EXPECT_EQ(text.find("http"), std::string::npos);
}

TEST(haproxy_config, a_worker_that_stops_hands_its_http_requests_to_the_next_one)
{
    auto local = web();
    local.id = model::route_id("web_local");
    local.bind = "127.0.0.1";
    const auto text = config::render(global(), {web(), db(), local});
    for (const auto* id : {"web_8888", "web_local"})
        EXPECT_TRUE(has_line(section(text, id), "    use_backend handover if { stopping }")) << id;
    EXPECT_NE(text.find("\nfrontend handover\n"
                        "    mode http\n"
                        "    bind unix@/run/gantryd/haproxy/handover.sock mode 600 accept-proxy\n"
                        "    timeout http-request 30s\n"
                        "    option idle-close-on-response\n"
                        "    use_backend be_web_local if { dst_port 8888 } { dst 127.0.0.1 }\n"
                        "    use_backend be_web_8888 if { dst_port 8888 }\n"
                        "\nbackend handover\n"
                        "    mode http\n"
                        "    http-reuse never\n"
                        "    server current unix@/run/gantryd/haproxy/handover.sock send-proxy-v2\n"),
        std::string::npos)
        << text;
    EXPECT_EQ(config::render(global(), {db()}).find("handover"), std::string::npos) << "nothing to hand over";
}

TEST(haproxy_config, only_serving_slots_take_traffic_after_a_reload_by_anybody)
{
    const auto text = config::render(global(), {web()});
    EXPECT_TRUE(has_line(text, "    server s1 172.17.0.2:80"));
    EXPECT_TRUE(has_line(text, "    server s2 172.17.0.3:80 disabled"));
    EXPECT_TRUE(has_line(text, "    server s3 127.0.0.1:1 disabled"));
}

TEST(haproxy_config, the_order_of_the_routes_does_not_matter)
{
    EXPECT_EQ(config::render(global(), {web(), db()}), config::render(global(), {db(), web()}));
}

TEST(haproxy_config, addresses_have_one_way_of_writing)
{
    EXPECT_EQ(config::canonical_address("FD00:0:0::02"), "fd00::2");
    EXPECT_EQ(config::canonical_address("10.0.0.1"), "10.0.0.1");
    for (const char* wrong :
        {"", "web", "10.0.0", "10.0.0.1 ", "10.0.0.1;show", "::1%eth0", "0x7f.1", "[::1]"})
        EXPECT_EQ(config::canonical_address(wrong), "") << wrong;
    EXPECT_EQ(config::canonical_address(std::string("10.0.0.1\0x", 10)), "");
}

TEST(haproxy_config, the_hash_is_the_same_for_whatever_the_runtime_api_can_change)
{
    const auto before = config::structure_hash(global(), {web(), db()});
    auto changed = web();
    changed.slots[0] = slot{.mode = slot_mode::draining, .address = "10.1.1.1", .port = 99};
    changed.slots[2] = slot{.mode = slot_mode::serving, .address = "fd00::1", .port = 1};
    EXPECT_EQ(config::structure_hash(global(), {changed, db()}), before);
    EXPECT_EQ(config::structure_hash(global(), {db(), changed}), before);
}

TEST(haproxy_config, the_hash_differs_for_whatever_needs_a_reload)
{
    const auto before = config::structure_hash(global(), {web(), db()});
    const std::vector<std::function<void(config::settings&, route&)>> changes{
        [](auto&, route& r) { r.id = model::route_id("other"); },
        [](auto&, route& r) { r.port = 1; },
        [](auto&, route& r) { r.bind = "127.0.0.1"; },
        [](auto&, route& r) { r.kind = model::port_kind::tcp; },
        [](auto&, route& r) { r.slots.emplace_back(); },
        [](auto&, route& r) { r.slots.pop_back(); },
        [](config::settings& g, auto&) { g.hard_stop_after += std::chrono::seconds(1); },
        [](config::settings& g, auto&) { g.max_connections = 7; },
        [](config::settings& g, auto&) { g.admin_socket = "/other"; },
        [](config::settings& g, auto&) { g.handover_socket = "/other"; },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        auto g = global();
        auto r = web();
        changes[i](g, r);
        EXPECT_NE(config::structure_hash(g, {r, db()}), before) << "change " << i;
    }
    EXPECT_NE(config::structure_hash(global(), {web()}), before);
}

TEST(haproxy_config, values_that_could_become_commands_are_refused)
{
    for (const char* id : {"", "a b", "a\nglobal", "a;b", "a#b", "a\"b", "a/b", "\xc3\xa4"}) {
        auto r = web();
        r.id = model::route_id(id);
        EXPECT_FALSE(config::problem_in(global(), {r}).empty()) << id;
    }
    for (const char* address : {"", "localhost", "10.0.0.1\n", "10.0.0.1 disabled"}) {
        auto bind = web();
        bind.bind = address;
        EXPECT_FALSE(config::problem_in(global(), {bind}).empty()) << address;
        auto server = web();
        server.slots[1].address = address;
        EXPECT_FALSE(config::problem_in(global(), {server}).empty()) << address;
    }
    for (const char* path : {"", "admin.sock", "/a b", "/a\nb", "/a,b", "/a\"b", "/a$b"}) {
        auto admin = global();
        admin.admin_socket = path;
        EXPECT_FALSE(config::problem_in(admin, {}).empty()) << path;
        auto handover = global();
        handover.handover_socket = path;
        EXPECT_FALSE(config::problem_in(handover, {}).empty()) << path;
    }
    auto zero = web();
    zero.port = 0;
    EXPECT_FALSE(config::problem_in(global(), {zero}).empty());
    EXPECT_FALSE(config::problem_in(global(), {web(), web()}).empty());  // one id twice
    EXPECT_EQ(config::problem_in(global(), {web(), db()}), "");
}

TEST(haproxy_config, a_text_that_is_not_ours_has_no_hash)
{
    EXPECT_EQ(config::hash_in(""), "");
    EXPECT_EQ(config::hash_in("global\n# structure 0123\n"), "");
    EXPECT_EQ(config::hash_in("# made by gantryd, do not edit\nglobal\n"), "");
}

TEST(haproxy_config, routes_are_read_back_from_any_text_that_was_rendered)
{
    const auto seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    for (int round = 0; round < 200; ++round) {
        std::vector<route> routes;
        for (unsigned i = 0, n = below(5); i < n; ++i) {
            route r{.id = model::route_id("c" + std::to_string(i)),
                .port = static_cast<std::uint16_t>(1 + below(65535))};
            r.bind = below(2) ? "0.0.0.0" : "::";
            r.kind = below(2) ? model::port_kind::tcp : model::port_kind::http;
            for (unsigned k = 0, slots = below(6); k < slots; ++k) {
                slot s{.mode = static_cast<slot_mode>(below(3))};
                if (s.mode != slot_mode::empty)
                    s = {s.mode, below(2) ? "10.0.0.7" : "fd00::7",
                        static_cast<std::uint16_t>(1 + below(65535))};
                r.slots.push_back(s);
            }
            routes.push_back(std::move(r));
        }
        EXPECT_EQ(config::routes_in(config::render(global(), routes)), routes);
    }
}

TEST(haproxy_config, reading_back_survives_any_text)
{
    const auto text = config::render(global(), {web(), db()});
    for (std::size_t n = 0; n <= text.size(); ++n) {
        (void)config::routes_in(text.substr(0, n));
        (void)config::routes_in(text.substr(n));
        (void)config::hash_in(text.substr(0, n));
    }
    EXPECT_TRUE(
        config::routes_in("server s1 1.2.3.4:5\nbind 1.2.3.4:5\nmode http\nfrontend\nbackend\n").empty());
}
