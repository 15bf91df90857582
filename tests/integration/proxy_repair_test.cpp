// Somebody else lays hands on our HAProxy.
#include "daemon_test.hpp"

#include <csignal>
#include <fstream>

namespace gantryd::integration {
namespace {

class proxy_repair : public daemon_test {
protected:
    std::filesystem::path in_proxy(const std::string& name) const
    {
        return state_directory() / "haproxy" / name;
    }

    /// One command on HAProxy's own socket, as an operator gives it.
    std::string tell(const std::string& socket, const std::string& command) const
    {
        auto peer = connection::to(in_proxy(socket).string());
        if (!peer || !peer->send(command + "\n"))
            return "no answer";
        peer->end_sending();
        return peer->receive_all(5s);
    }

    std::string first_server() const { return "be_web_" + std::to_string(port_) + "/s1"; }

    bool drains_a_server() const
    {
        return tell("admin.sock", "show stat be_web_" + std::to_string(port_) + " 4 -1").contains("DRAIN");
    }

    /// A change by hand in the middle of the daemon's own would be put right with it, and not be told.
    void deploy_and_settle(int instances = 1)
    {
        ASSERT_NO_FATAL_FAILURE(deploy_web(instances));
        ASSERT_TRUE(holds_for(1s, [&] { return !drains_a_server(); }));
    }
    bool is_told() const { return daemon_log().contains("haproxy changed"); }
};

TEST_F(proxy_repair, a_server_that_somebody_drained_by_hand_serves_again)
{
    ASSERT_NO_FATAL_FAILURE(deploy_and_settle(2));
    background_load load(port_);
    tell("admin.sock", "set server " + first_server() + " state drain");
    ASSERT_TRUE(drains_a_server());
    EXPECT_TRUE(wait_until([&] { return !drains_a_server(); }, 20s)) << why();
    EXPECT_TRUE(wait_until([&] { return is_told(); })) << daemon_log();
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
}

TEST_F(proxy_repair, an_address_that_somebody_changed_by_hand_is_put_right)
{
    ASSERT_NO_FATAL_FAILURE(deploy_and_settle());
    tell("admin.sock", "set server " + first_server() + " addr 127.0.0.1 port 9");
    EXPECT_TRUE(wait_until([&] { return is_told(); })) << daemon_log();
    EXPECT_TRUE(wait_until([&] { return version_at(port_) == "v1"; }, 20s)) << why();
}

TEST_F(proxy_repair, a_file_that_somebody_edited_and_loaded_is_put_right)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto text = text_of_file(in_proxy("haproxy.cfg"));
    auto edited = text;
    edited.replace(edited.find("balance roundrobin"), 18, "balance leastconn");
    background_load load(port_);
    std::ofstream(in_proxy("haproxy.cfg")) << edited;
    tell("master.sock", "reload");
    EXPECT_TRUE(wait_until([&] { return text_of_file(in_proxy("haproxy.cfg")) == text; }, 20s));
    EXPECT_TRUE(wait_until([&] { return daemon_log().contains("somebody changed haproxy.cfg"); }, 20s));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
}

TEST_F(proxy_repair, a_haproxy_that_somebody_reloads_keeps_a_drain_going)
{
    auto web = component("web", port_);
    web["drain"] = boost::json::object{{"timeout", "60s"}};
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_NO_FATAL_FAILURE(deploy("v1"));
    auto held = connection::to(port_);
    ASSERT_TRUE(held);
    ASSERT_TRUE(held->send("GET /slow?ms=6000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    make_image("v2");
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    ASSERT_TRUE(wait_until([&] { return drains_a_server(); })) << why();
    background_load load(port_);
    tell("master.sock", "reload");
    EXPECT_TRUE(holds_for(2s, [&] { return running().size() == 2; }))
        << "the old one finishes its request, in the old worker";
    EXPECT_TRUE(lost_nothing(load.finish(), {"v2"})) << "nobody is sent to the old one";
    EXPECT_TRUE(has(held->receive_all(15s), "200 OK"));
    EXPECT_TRUE(wait_until([&] { return containers().size() == 1; })) << why();
}

}  // namespace
}  // namespace gantryd::integration
