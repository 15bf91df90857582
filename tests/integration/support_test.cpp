#include "daemon_test.hpp"

#include <csignal>

// The tools of these tests, tried on the demo server alone: a load that sees no failures, or a clean-up that
// cleans nothing, would make every other test here worthless.

namespace gantryd::integration {
namespace {

class support : public daemon_test {
protected:
    void start_server(const environment& settings)
    {
        auto all = settings;
        all["PORT"] = std::to_string(port_);
        all["ECHO_PORT"] = std::to_string(echo_port_);
        server_ = std::make_unique<program>(
            std::vector<std::string>{DEMO_SERVER_PROGRAM}, directory_ / "server.log", all);
    }

    std::uint16_t echo_port_ = free_port();
    std::unique_ptr<program> server_;
};

TEST_F(support, load_counts_every_failure_of_a_server_that_goes_away)
{
    start_server({{"VERSION", "v1"}});
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v1"; }));
    background_load load(port_);
    ASSERT_TRUE(holds_for(300ms, [&] { return version_at(port_) == "v1"; }));
    server_->send(SIGKILL);
    ASSERT_TRUE(wait_until([&] { return !connection::to(port_); }));
    ASSERT_TRUE(holds_for(100ms, [&] { return version_at(port_).empty(); }));
    const auto report = load.finish();
    EXPECT_GT(report.requests.versions.at("v1").answers, 20);
    EXPECT_GT(report.requests.all_failed(), 8);
    EXPECT_FALSE(lost_nothing(report, {"v1"}));
}

TEST_F(support, load_sees_no_failure_where_there_is_none)
{
    start_server({{"VERSION", "v1"}});
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v1"; }));
    background_load load(port_);
    ASSERT_TRUE(holds_for(300ms, [&] { return version_at(port_) == "v1"; }));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
}

TEST_F(support, server_finishes_its_requests_on_sigterm)
{
    start_server({{"VERSION", "v1"}});
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v1"; }));
    auto peer = connection::to(port_);
    ASSERT_TRUE(peer);
    ASSERT_TRUE(peer->send("GET /slow?ms=400 HTTP/1.1\r\nHost: test\r\n\r\n"));
    ASSERT_TRUE(holds_for(100ms, [&] { return server_->running(); }));
    server_->send(SIGTERM);
    EXPECT_TRUE(has(peer->receive_all(3s), "\r\n\r\nv1\n"));
    EXPECT_EQ(server_->wait(3s), 0);
    EXPECT_TRUE(has(server_->output(), "stopped: every request was answered"));
}

TEST_F(support, server_echoes_after_an_upgrade_and_on_its_echo_port)
{
    start_server({});
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "dev"; }));
    auto raw = connection::to(echo_port_);
    ASSERT_TRUE(raw);
    EXPECT_TRUE(raw->echoes("ping"));
    auto upgraded = connection::to(port_);
    ASSERT_TRUE(upgraded);
    ASSERT_TRUE(
        upgraded->send("GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"));
    const std::string expected =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n";
    EXPECT_EQ(upgraded->receive(expected.size()), expected);
    EXPECT_TRUE(upgraded->echoes("ping"));
}

TEST_F(support, an_image_of_the_demo_server_runs_and_is_seen)
{
    const auto image = make_image("v7", {{"LOG", "two words"}});
    docker_.run({"run", "--detach", "--label", "io.gantryd.project=" + project_, "--label",
        "io.gantryd.component=web", project_ + "/demo:live"});
    const auto found = running();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].image, image);
    EXPECT_TRUE(process_runs(found[0].pid));
    EXPECT_FALSE(found[0].address.empty());
    EXPECT_TRUE(
        wait_until([&] { return docker_.run({"logs", found[0].id}).starts_with("two words\nversion v7"); }));
    docker_.remove_containers(project_);
    EXPECT_TRUE(containers().empty());
    EXPECT_FALSE(process_runs(found[0].pid));
}

TEST_F(support, a_command_that_takes_too_long_is_ended)
{
    const auto done = run({"sleep", "60"}, {}, 1s);
    EXPECT_EQ(done.exit_code, 124);
    EXPECT_LT(done.took, 10s);
}

}  // namespace
}  // namespace gantryd::integration
