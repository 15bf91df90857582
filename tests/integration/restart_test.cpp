#include "daemon_test.hpp"
#include "private_engine.hpp"

#include <algorithm>
#include <csignal>
#include <functional>

namespace gantryd::integration {
namespace {

using restart = daemon_test;

TEST_F(restart, a_killed_daemon_adopts_what_it_left)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto container_before = containers().at(0).id;
    const auto proxy_before = proxy_pid();
    ASSERT_TRUE(proxy_before);

    background_load load(port_);
    ASSERT_NO_FATAL_FAILURE(kill_daemon());
    EXPECT_TRUE(holds_for(500ms, [&] { return version_at(port_) == "v1"; })) << "it serves without a daemon";
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    EXPECT_TRUE(holds_for(2s, [&] { return version_at(port_) == "v1" && containers().size() == 1; }));
    EXPECT_EQ(containers().at(0).id, container_before);
    EXPECT_EQ(proxy_pid(), proxy_before);
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    EXPECT_EQ(proxy_pid(), proxy_before);
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
}

TEST_F(restart, a_daemon_killed_in_the_middle_of_an_update_finishes_it_later)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    background_load load(port_);
    make_image("v2", {{"START_DELAY_MS", "1000"}});
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    ASSERT_TRUE(wait_until([&] { return running().size() == 2; })) << why();
    ASSERT_NO_FATAL_FAILURE(kill_daemon());
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v2"; })) << why();
    EXPECT_TRUE(wait_until([&] { return containers().size() == 1; }));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
}

TEST_F(restart, what_died_while_no_daemon_ran_is_replaced_by_the_next_one)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    ASSERT_NO_FATAL_FAILURE(kill_daemon());
    docker_.run({"kill", containers().at(0).id});
    const auto master = proxy_pid();
    ASSERT_TRUE(master);
    ::kill(*master, SIGKILL);
    ASSERT_TRUE(wait_until([&] { return !proxy_pid(); }));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    EXPECT_TRUE(wait_until([&] { return version_at(port_) == "v1"; })) << why();
}

TEST_F(restart, a_stopped_daemon_leaves_everything_serving)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto container_before = containers().at(0).id;
    const auto proxy_before = proxy_pid();
    background_load load(port_);
    stop_daemon();
    EXPECT_TRUE(holds_for(500ms, [&] { return version_at(port_) == "v1"; }));
    EXPECT_EQ(containers().at(0).id, container_before);
    EXPECT_EQ(proxy_pid(), proxy_before);
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
}

TEST_F(restart, a_second_daemon_with_the_same_state_directory_is_refused)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto second = gantryd({"run", project_}, 20s);
    EXPECT_TRUE(ended_with(1, second));
    EXPECT_TRUE(has(second.err, std::to_string(daemon_->pid())));
    EXPECT_TRUE(daemon_->running());
    EXPECT_EQ(version_at(port_), "v1");
}

/// A reload by somebody else; true when another worker serves.
bool reload_of(pid_t master, const std::function<std::vector<pid_t>()>& processes)
{
    const auto before = processes();
    ::kill(master, SIGUSR2);
    return wait_until([&] {
        return std::ranges::any_of(
            processes(), [&](pid_t pid) { return std::ranges::count(before, pid) == 0; });
    });
}

/// One request over a kept connection, up to the end of the body, which is a line.
std::string ask_again(connection& kept)
{
    kept.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    std::string answer;
    while (!answer.contains("\r\n\r\n") || !answer.ends_with('\n') || answer.ends_with("\r\n\r\n")) {
        const auto more = kept.receive(1, 10s);
        if (more.empty())
            break;
        answer += more;
    }
    return answer;
}

TEST_F(restart, a_connection_that_idled_across_a_reload_and_an_update_is_served_by_the_new_release)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    auto kept = connection::to(port_);
    ASSERT_TRUE(kept);
    EXPECT_TRUE(has(ask_again(*kept), "\r\n\r\nv1\n"));
    const auto master = proxy_pid();
    ASSERT_TRUE(master);
    ASSERT_TRUE(reload_of(*master, [&] { return proxy_processes(); }));
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    ASSERT_TRUE(wait_until([&] { return containers().size() == 1; })) << why();
    // The worker that holds it knows nothing of v2.
    EXPECT_TRUE(has(ask_again(*kept), "\r\n\r\nv2\n"));
}

/// With an Engine that the test may kill.
class engine_restart : private private_engine, public daemon_test {
protected:
    engine_restart() : daemon_test(private_engine::host()) {}

    void kill_engine() { private_engine::kill(); }
    void start_engine() { private_engine::start(); }
};

TEST_F(engine_restart, does_not_disturb_what_runs)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto before = containers().at(0).id;
    background_load load(port_);
    kill_engine();
    EXPECT_TRUE(holds_for(1s, [&] { return version_at(port_) == "v1"; }));
    ASSERT_TRUE(daemon_->running()) << daemon_log();
    start_engine();
    EXPECT_TRUE(holds_for(2s, [&] { return version_at(port_) == "v1"; }));
    ASSERT_EQ(containers().size(), 1U);
    EXPECT_EQ(containers().at(0).id, before);
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
}

TEST_F(engine_restart, what_died_meanwhile_is_replaced)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto victim = containers().at(0);
    kill_engine();
    ::kill(victim.pid, SIGKILL);
    ASSERT_TRUE(wait_until([&] { return !process_runs(victim.pid); }));
    start_engine();
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v1"; }, 40s)) << why();
    EXPECT_NE(instance_at(port_), victim.short_id());
}

}  // namespace
}  // namespace gantryd::integration
