#include "daemon_test.hpp"

#include <csignal>

namespace gantryd::integration {
namespace {

/// The one-machine tool: a project file, no daemon, no store.
class one_machine : public daemon_test {
protected:
    void SetUp() override
    {
        daemon_test::SetUp();
        file_ = write_project({component("web", port_)});
        make_image("v1");
    }

    std::string file_;
};

/// That the lines of `expected` stand in `text` in this order, each at the start of a line.
::testing::AssertionResult has_lines(const std::string& text, const std::vector<std::string>& expected)
{
    std::size_t at = 0;
    const auto all = "\n" + text;
    for (const auto& line : expected) {
        at = all.find("\n" + line, at);
        if (at == std::string::npos)
            return ::testing::AssertionFailure() << "\"" << line << "\" is not there, or out of order, in:\n"
                                                 << text;
        at += line.size();
    }
    return ::testing::AssertionSuccess();
}

TEST_F(one_machine, start_brings_a_component_up_and_says_the_seed_lines)
{
    const auto done = gantry({file_, "start", "web"});
    ASSERT_TRUE(ended_with(0, done));
    EXPECT_TRUE(has_lines(
        done.out, {"Starting container ", "Waiting for health checks...", "Running health check: http",
                      "Redirecting traffic to new container", "Checking container statuses...",
                      "Updating proxy...", "Starting monitoring...", "Monitor check started"}));
    EXPECT_EQ(version_at(port_), "v1");

    const auto again = gantry({file_, "start", "web"});
    EXPECT_TRUE(has(again.both(), "Component web is already running"));
}

TEST_F(one_machine, update_replaces_without_a_lost_request)
{
    ASSERT_TRUE(ended_with(0, gantry({file_, "start", "web"})));
    background_load load(port_);
    make_image("v2");
    ASSERT_TRUE(ended_with(0, gantry({file_, "update", "web"})));
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v2"; }));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
}

TEST_F(one_machine, list_prints_the_seed_table)
{
    EXPECT_TRUE(has(gantry({file_, "list", "web"}).both(), "Component web is not running"));
    ASSERT_TRUE(ended_with(0, gantry({file_, "start", "web"})));
    const auto listed = gantry({file_, "list", "web"});
    ASSERT_TRUE(ended_with(0, listed));
    EXPECT_TRUE(
        listed.out.starts_with("CONTAINER ID         UPTIME               IMAGE ID             STATUS"))
        << listed.out;
    EXPECT_TRUE(has_lines(listed.out, {instance_at(port_) + "         Up "}));
    EXPECT_TRUE(has(listed.out, " running"));
}

TEST_F(one_machine, stop_drains_and_says_the_seed_lines)
{
    ASSERT_TRUE(ended_with(0, gantry({file_, "start", "web"})));
    const auto id = instance_at(port_);
    const auto done = gantry({file_, "stop", "web"});
    ASSERT_TRUE(ended_with(0, done));
    EXPECT_TRUE(
        has_lines(done.out, {"Draining all containers...", "Checking container statuses...",
                                "Updating proxy...", "Starting monitoring...", "Monitor check started",
                                "Shutting down container: " + id, "Proxy updated"}));
    EXPECT_EQ(version_at(port_), "");
    EXPECT_TRUE(has(gantry({file_, "stop", "web"}).both(), "Component web is not running"));
}

TEST_F(one_machine, kill_says_the_seed_lines)
{
    ASSERT_TRUE(ended_with(0, gantry({file_, "start", "web"})));
    const auto id = instance_at(port_);
    const auto done = gantry({file_, "kill", "web"});
    ASSERT_TRUE(ended_with(0, done));
    EXPECT_TRUE(has_lines(done.out, {"Draining all containers...", "Killing container " + id,
                                        "Checking container statuses...", "Shutting down proxy..."}));
    EXPECT_EQ(version_at(port_), "");
}

TEST_F(one_machine, setconfig_changes_the_component_for_this_call)
{
    const auto done = gantry({"--setconfig", "environmentVariables.COLOUR=green", file_, "start", "web"});
    ASSERT_TRUE(ended_with(0, done));
    const auto answer = ask(port_, "GET", "/env?COLOUR");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "green\n");
}

TEST_F(one_machine, monitoring_replaces_a_killed_container)
{
    program monitor({GANTRY_PROGRAM, "--project", project_, "-m", file_, "start", "web"},
        directory_ / "gantry.log", {{"GANTRYD_STATE_DIR", state_directory().string()}});
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v1"; })) << monitor.output();
    const auto before = instance_at(port_);
    docker_.run({"kill", before});
    ASSERT_TRUE(wait_until([&] {
        const auto now = instance_at(port_);
        return !now.empty() && now != before;
    })) << monitor.output();
    monitor.send(SIGTERM);
    EXPECT_EQ(monitor.wait(20s), 0) << monitor.output();
}

TEST_F(one_machine, an_unknown_component_is_refused)
{
    const auto done = gantry({file_, "start", "nobody"});
    EXPECT_TRUE(ended_with(1, done));
    EXPECT_TRUE(has(done.err, "nobody"));
}

}  // namespace
}  // namespace gantryd::integration
