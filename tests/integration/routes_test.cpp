#include "daemon_test.hpp"

#include <unistd.h>

namespace json = boost::json;

namespace gantryd::integration {
namespace {

using routes = daemon_test;

json::object with_echo_port(json::object web, std::uint16_t external)
{
    web.at("ports").as_array().push_back(
        json::object{{"external", external}, {"container", 8081}, {"kind", "tcp"}});
    return web;
}

TEST_F(routes, a_taken_port_is_named_and_does_not_hurt_the_others)
{
    const auto other_port = free_port();
    make_image("other", {}, "other");
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_), component("other", other_port, "other")}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    make_image("v1");
    {
        const port_holder somebody(port_);
        ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web", "other"})));
        ASSERT_TRUE(wait_until([&] { return version_at(other_port) == "other"; })) << why("other");
        const auto text = std::to_string(port_);
        ASSERT_TRUE(wait_until([&] { return why().find(text) != std::string::npos; })) << why();
        EXPECT_TRUE(has(gantryd({"status", project_, "web"}).out, text));
        // Ours is the process that holds it.
        EXPECT_TRUE(has(why(), std::to_string(::getpid())));
    }
    EXPECT_TRUE(wait_until([&] { return version_at(port_) == "v1"; }, 60s)) << why();
    EXPECT_EQ(version_at(other_port), "other");
}

TEST_F(routes, a_tcp_connection_survives_an_update_until_it_ends)
{
    const auto echo = free_port();
    auto web = with_echo_port(component("web", port_), echo);
    web["drain"] = json::object{{"timeout", "60s"}};
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_NO_FATAL_FAILURE(deploy("v1"));
    const auto old_one = containers().at(0).id;

    {
        auto peer = connection::to(echo);
        ASSERT_TRUE(peer);
        ASSERT_TRUE(peer->echoes("before"));
        make_image("v2");
        ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
        ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v2"; })) << why();
        EXPECT_TRUE(holds_for(1s, [&] { return peer->echoes("during"); }));
        EXPECT_EQ(running().size(), 2U) << "the old one lives as long as its connection";
        EXPECT_TRUE(has(why(), "connection"));
    }
    ASSERT_TRUE(wait_until([&] { return containers().size() == 1; })) << why();
    EXPECT_NE(containers().at(0).id, old_one);
    auto fresh = connection::to(echo);
    ASSERT_TRUE(fresh);
    EXPECT_TRUE(fresh->echoes("after"));
}

TEST_F(routes, an_upgraded_connection_survives_an_update_until_it_ends)
{
    auto web = component("web", port_);
    web["drain"] = json::object{{"timeout", "60s"}};
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_NO_FATAL_FAILURE(deploy("v1"));
    {
        auto peer = connection::to(port_);
        ASSERT_TRUE(peer);
        ASSERT_TRUE(peer->upgrade());
        make_image("v2");
        ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
        ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v2"; })) << why();
        EXPECT_TRUE(holds_for(1s, [&] { return peer->echoes("during"); }));
    }
    EXPECT_TRUE(wait_until([&] { return containers().size() == 1; })) << why();
}

TEST_F(routes, a_new_port_is_opened_without_a_lost_request_on_the_old_one)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto echo = free_port();
    background_load load(port_);
    ASSERT_NO_FATAL_FAILURE(configure({with_echo_port(component("web", port_), echo)}));
    ASSERT_TRUE(ended_with(0, update()));
    auto peer = connection::to(echo);
    ASSERT_TRUE(peer);
    EXPECT_TRUE(peer->echoes("hello"));
    EXPECT_TRUE(wait_until([&] { return containers().size() == 1; }));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
}

TEST_F(routes, the_proxy_ends_with_the_last_route)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    ASSERT_TRUE(proxy_pid());
    ASSERT_TRUE(ended_with(0, gantryd({"stop", project_, "-c", "web", "--wait"})));
    EXPECT_FALSE(connection::to(port_));
    EXPECT_TRUE(wait_until([&] { return proxy_processes().empty(); }));
}

}  // namespace
}  // namespace gantryd::integration
