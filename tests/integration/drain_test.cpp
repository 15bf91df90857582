#include "daemon_test.hpp"

#include <future>

namespace json = boost::json;

namespace gantryd::integration {
namespace {

using drain = daemon_test;

/// GET /slow?ms=.. on a thread of its own; it is in flight when this returns.
std::future<std::optional<reply>> slow_request(std::uint16_t port, int ms)
{
    auto answer = std::async(std::launch::async, [=] {
        return ask(port, "GET", "/slow?ms=" + std::to_string(ms), std::chrono::milliseconds(ms) + 10s);
    });
    answer.wait_for(300ms);
    return answer;
}

TEST_F(drain, stop_lets_a_slow_request_finish)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    auto slow = slow_request(port_, 2000);
    const auto done = gantryd({"stop", project_, "-c", "web", "--wait"});
    ASSERT_TRUE(ended_with(0, done));
    EXPECT_TRUE(done.out.starts_with("Marking components as stopped\n")) << done.out;
    const auto answer = slow.get();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_TRUE(running().empty());
    EXPECT_EQ(version_at(port_), "");
}

TEST_F(drain, an_update_lets_a_slow_request_finish)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    auto slow = slow_request(port_, 2000);
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    const auto answer = slow.get();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "v1\n");
    EXPECT_TRUE(wait_until([&] { return containers().size() == 1; })) << why();
}

TEST_F(drain, ends_at_its_deadline)
{
    auto web = component("web", port_);
    web["drain"] = json::object{{"timeout", "1s"}};
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_NO_FATAL_FAILURE(deploy("v1"));
    auto slow = slow_request(port_, 30'000);
    const auto done = gantryd({"stop", project_, "-c", "web", "--wait"});
    ASSERT_TRUE(ended_with(0, done));
    EXPECT_GE(done.took, 1s);
    EXPECT_LT(done.took, 15s);
    EXPECT_TRUE(running().empty());
    const auto answer = slow.get();
    EXPECT_FALSE(answer && answer->status == 200);
}

TEST_F(drain, kill_waits_for_nobody)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    auto slow = slow_request(port_, 30'000);
    const auto done = gantryd({"kill", project_, "-c", "web", "--wait"});
    ASSERT_TRUE(ended_with(0, done));
    EXPECT_TRUE(done.out.starts_with("Marking components as killed\n")) << done.out;
    EXPECT_LT(done.took, 8s);
    EXPECT_TRUE(running().empty());
    const auto answer = slow.get();
    EXPECT_FALSE(answer && answer->status == 200);
}

TEST_F(drain, a_container_that_ignores_sigterm_is_killed_after_its_grace)
{
    auto web = component("web", port_);
    web["stopTimeout"] = "1s";
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_NO_FATAL_FAILURE(deploy("v1", {{"IGNORE_TERM", "1"}}));
    const auto done = gantryd({"stop", project_, "-c", "web", "--wait"});
    ASSERT_TRUE(ended_with(0, done));
    EXPECT_GE(done.took, 1s);
    EXPECT_LT(done.took, 8s);
    EXPECT_TRUE(running().empty());
}

TEST_F(drain, begins_with_the_termination_signals)
{
    auto web = component("web", port_);
    web["terminationSignals"] =
        json::array{json::object{{"kind", "http"}, {"port", 8080}, {"path", "/quit"}}};
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    // It does not end by SIGTERM, so that a quick end is the signal's work.
    ASSERT_NO_FATAL_FAILURE(deploy("v1", {{"IGNORE_TERM", "1"}}));
    background_load load(port_);
    make_image("v2");
    const auto done = update();
    ASSERT_TRUE(ended_with(0, done));
    EXPECT_TRUE(wait_until([&] { return containers().size() == 1; }, 8s)) << why();
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
}

}  // namespace
}  // namespace gantryd::integration
