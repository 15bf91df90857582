#include "daemon_test.hpp"

#include <csignal>

#include <algorithm>
#include <set>
#include <string>

namespace gantryd::integration {
namespace {

class healing : public daemon_test {
protected:
    bool is_one_of_two_replaced(const std::string& victim) const
    {
        const auto now = running();
        return now.size() == 2 && std::ranges::count(now, victim, &container::id) == 0;
    }
};

TEST_F(healing, a_killed_container_is_replaced)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto before = containers().at(0);
    docker_.run({"kill", before.id});
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v1"; })) << why();
    EXPECT_NE(instance_at(port_), before.short_id());
}

TEST_F(healing, a_removed_container_is_replaced)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    docker_.run({"rm", "--force", containers().at(0).id});
    EXPECT_TRUE(wait_until([&] { return version_at(port_) == "v1"; })) << why();
}

TEST_F(healing, a_process_that_exits_by_itself_is_replaced)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto before = instance_at(port_);
    ask(port_, "POST", "/crash?code=7");
    ASSERT_TRUE(wait_until([&] {
        const auto now = instance_at(port_);
        return !now.empty() && now != before;
    })) << why();
    EXPECT_TRUE(wait_until([&] { return running().size() == 1; }));
}

TEST_F(healing, the_death_of_one_of_two_instances_loses_no_request)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web(2));
    const auto victim = running().at(0).id;
    background_load load(port_);
    docker_.run({"kill", victim});
    ASSERT_TRUE(wait_until([&] { return is_one_of_two_replaced(victim); })) << why();
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
}

TEST_F(healing, the_network_of_one_of_two_instances_may_go_and_no_request_is_lost)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web(2));
    const auto victim = running().at(0).id;
    background_load load(port_);
    docker_.run({"network", "disconnect", "--force", "bridge", victim});
    ASSERT_TRUE(wait_until([&] { return is_one_of_two_replaced(victim); }, 60s)) << why();
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
}

TEST_F(healing, two_instances_that_fail_the_same_check_are_left_alone)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web(2));
    const auto ids = [this] {
        std::set<std::string> out;
        for (const auto& each : containers())
            out.insert(each.id);
        return out;
    };
    const auto before = ids();
    for (const auto& each : running())
        ASSERT_TRUE(ask_at(each.address, 8080, "POST", "/fail"));
    ASSERT_TRUE(wait_until([&] { return why().contains("dependency_suspected"); })) << why();
    EXPECT_TRUE(holds_for(3s, [&] { return version_at(port_) == "v1"; })) << "both go on serving";
    EXPECT_EQ(ids(), before);
}

TEST_F(healing, an_unhealthy_container_is_replaced_before_it_is_stopped)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto before = instance_at(port_);
    background_load load(port_);
    const auto answer = ask(port_, "POST", "/fail");
    ASSERT_TRUE(answer && answer->body == "unhealthy\n");
    ASSERT_TRUE(wait_until([&] {
        const auto now = instance_at(port_);
        return !now.empty() && now != before;
    })) << why();
    EXPECT_TRUE(wait_until([&] { return containers().size() == 1; })) << "the unhealthy one is removed";
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
}

TEST_F(healing, a_killed_haproxy_comes_back)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto served_by = instance_at(port_);
    const auto master = proxy_pid();
    ASSERT_TRUE(master);
    ::kill(*master, SIGKILL);
    ASSERT_TRUE(wait_until([&] { return proxy_pid() && proxy_pid() != master; })) << why();
    EXPECT_TRUE(wait_until([&] { return instance_at(port_) == served_by; }))
        << "the same container serves again";
}

TEST_F(healing, a_crash_loop_slows_down_and_says_so)
{
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    // It serves, so the release goes live, and dies soon after, each time.
    make_image("v1", {{"EXIT_CODE", "9"}, {"EXIT_AFTER_MS", "1000"}, {"LOG", "it is a sad life"}});
    update();
    std::set<std::string> started;
    ASSERT_TRUE(holds_for(14s, [&] {
        for (const auto& each : containers())
            started.insert(each.id);
        return true;
    }));
    EXPECT_GE(started.size(), 2U) << why();
    EXPECT_LE(started.size(), 6U) << "one after the other without a pause would be about ten";
    // It is told while the next start waits, not while the container runs once more.
    std::string said;
    EXPECT_TRUE(wait_until(
        [&] {
            said = why();
            return has(said, "crash_loop");
        },
        20s))
        << said;
    EXPECT_TRUE(has(said, "code 9")) << said;
    EXPECT_TRUE(has(said, "it is a sad life")) << said;
}

}  // namespace
}  // namespace gantryd::integration
