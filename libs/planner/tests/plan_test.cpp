#include "plan_text.hpp"
#include "scene.hpp"

#include <gtest/gtest.h>

using namespace gantryd::planner;
namespace model = gantryd::model;
using namespace std::chrono_literals;
using model::release_outcome;

namespace {

model::component_spec three()
{
    auto spec = scene::web();
    spec.instances = 3;
    return spec;
}

model::component_spec without_checks()
{
    auto spec = scene::web();
    spec.ready_checks.clear();
    spec.health_checks.clear();
    return spec;
}

}  // namespace

TEST(first_start, goes_from_nothing_to_serving_step_by_step)
{
    scene s;
    s.release(1, release_outcome::pending);
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 serving 127.0.0.1:1]", "create shop-web-1-1"}));
    EXPECT_EQ(s.does(), lines{}) << "Docker is at work";
    s.starts("shop-web-1-1");
    EXPECT_EQ(s.does(), lines{}) << "its checks do not pass yet";
    s.passes("shop-web-1-1");
    EXPECT_EQ(s.does(), (lines{"mark_ready shop-web-1-1"}));
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s2 serving 10.0.1.1:80]"}));
    EXPECT_EQ(s.does(), (lines{"settle web 1 live"}));
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().wake_at, std::nullopt);
    EXPECT_EQ(s.planned().components.at(model::component_name("web")),
        (summary{"running", model::release_number(1)}));
}

TEST(first_start, starts_the_other_instances_when_the_first_one_serves)
{
    scene s;
    s.release(1, release_outcome::pending, three());
    EXPECT_EQ(s.does().back(), "create shop-web-1-1");
    s.starts("shop-web-1-1");
    s.passes("shop-web-1-1");
    EXPECT_EQ(s.does(), (lines{"mark_ready shop-web-1-1"}));
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s2 serving 10.0.1.1:80]"}));
    EXPECT_EQ(s.does(), (lines{"create shop-web-1-2", "create shop-web-1-3"}));
}

TEST(first_start, plans_nothing_before_every_source_has_spoken)
{
    for (auto source : {&world::docker, &world::haproxy}) {
        scene s;
        s.release(1, release_outcome::pending);
        (s.w.*source).known = false;
        EXPECT_EQ(s.does(), lines{});
    }
}

TEST(first_start, a_component_that_was_never_released_is_left_alone)
{
    scene s;
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().components.at(model::component_name("web")).state, "unreleased");
}

TEST(first_start, one_that_was_created_and_forgotten_is_started)
{
    scene s;
    s.release(1, release_outcome::pending);
    s.created(1, 1);
    s.settle_proxy();
    EXPECT_EQ(s.does(), (lines{"start shop-web-1-1"}));
}

TEST(first_start, a_container_without_ready_checks_must_run_for_a_second_first)
{
    scene s;
    s.release(1, release_outcome::pending, without_checks());
    auto& i = s.running(1, 1);
    i.started_at = s.w.now;
    i.ready = verdict::passing;
    s.settle_proxy();
    s.later(999ms);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().wake_at, i.started_at + proof_of_life);
    s.later(1ms);
    s.w.docker.reachable = false;
    EXPECT_EQ(s.does(), lines{}) << "nobody can say that it still runs";
    s.w.docker.reachable = true;
    EXPECT_EQ(s.does(), (lines{"mark_ready shop-web-1-1"}));
}

TEST(first_start, the_second_container_without_ready_checks_needs_no_less_proof)
{
    auto s = running_well();
    s.release(2, release_outcome::pending, without_checks());
    s.does();
    s.starts("shop-web-2-1");
    s.passes("shop-web-2-1");
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().wake_at, s.w.now + proof_of_life);
}

TEST(update, goes_in_the_order_that_loses_nothing)
{
    auto s = running_well();
    auto spec = scene::web();
    spec.termination_signals = {{.id = "bye", .port = 80}};
    s.release(1, release_outcome::live, spec);
    s.release(2, release_outcome::pending);
    EXPECT_EQ(s.does(), (lines{"create shop-web-2-1"}));
    s.starts("shop-web-2-1");
    EXPECT_EQ(s.does(), lines{}) << "not ready yet";
    s.passes("shop-web-2-1");
    EXPECT_EQ(s.does(), (lines{"mark_ready shop-web-2-1"}));
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 serving 10.0.1.1:80, s2 serving 10.0.2.1:80]"}));
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-1-1: release 2 takes its place", "settle web 2 live"}));
    s.slot("web_8888", 1).sessions = 2;
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 draining 10.0.1.1:80, s2 serving 10.0.2.1:80]"}));
    EXPECT_EQ(s.does(), (lines{"signal shop-web-1-1"}));
    EXPECT_EQ(s.does(), lines{}) << "connections are left";
    s.slot("web_8888", 1).sessions = 0;
    EXPECT_EQ(s.does(), lines{}) << "one look at zero is not enough";
    s.at("shop-web-1-1").idle_for = 10ms;
    EXPECT_EQ(s.does(), (lines{"stop shop-web-1-1"}));
    EXPECT_EQ(s.does(), lines{});
    s.exits("shop-web-1-1", 0);
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s2 serving 10.0.2.1:80]", "remove shop-web-1-1"}));
    EXPECT_EQ(s.does(), lines{});
}

TEST(update, of_several_instances_drains_an_old_one_for_every_new_one_that_serves)
{
    scene s;
    s.release(1, release_outcome::live, three());
    for (int n = 1; n <= 3; ++n)
        s.serving(1, n);
    s.release(2, release_outcome::pending, three());
    s.settle_proxy();
    EXPECT_EQ(s.does(), (lines{"create shop-web-2-1"}));
    s.w.instances.erase(model::instance_name("shop-web-2-1"));
    s.serving(2, 1);
    s.settle_proxy();
    EXPECT_EQ(s.does(), (lines{"create shop-web-2-2", "create shop-web-2-3",
                            "begin_drain shop-web-1-1: release 2 takes its place"}));
}

TEST(update, counts_an_old_instance_only_when_it_was_read_back_as_serving)
{
    auto two = scene::web();
    two.instances = 2;
    scene s;
    s.release(1, release_outcome::live, two);
    s.serving(1, 1);
    s.serving(1, 2);
    s.release(2, release_outcome::pending, two);
    s.serving(2, 1);
    s.settle_proxy();
    s.slot("web_8888", 2).mode = gantryd::haproxy_config::slot_mode::draining;
    const auto told = s.does();
    EXPECT_EQ(told,
        (lines{told.at(0), "create shop-web-2-2", "begin_drain shop-web-1-2: release 2 takes its place"}))
        << "1-1 and 2-1 serve; 1-2 does not";
}

TEST(update, keeps_an_old_instance_of_which_nobody_knows_any_more_that_it_is_ready)
{
    auto two = scene::web();
    two.instances = 2;
    scene s;
    s.release(1, release_outcome::live, two);
    s.running(1, 1);
    s.release(2, release_outcome::pending, two);
    s.serving(2, 1);
    s.settle_proxy();
    EXPECT_EQ(s.does(), (lines{"create shop-web-2-2"}));
    s.passes("shop-web-1-1");
    EXPECT_EQ(s.does(), (lines{"mark_ready shop-web-1-1"})) << "it may well serve";
}

TEST(update, drains_nobody_while_the_proxy_serves_nobody)
{
    auto s = running_well();
    s.release(2, release_outcome::pending);
    s.ready(2, 1);
    s.w.proxy.running = false;
    s.w.proxy.routes.clear();
    EXPECT_EQ(texts(s.planned()), (lines{"proxy web_8888[s1 serving 10.0.1.1:80, s2 serving 10.0.2.1:80]"}));
}

TEST(update, to_fewer_instances_drains_those_that_are_too_many)
{
    scene s;
    s.release(1, release_outcome::live, three());
    for (int n = 1; n <= 3; ++n)
        s.serving(1, n);
    s.release(2, release_outcome::pending);
    s.serving(2, 1);
    s.settle_proxy();
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-1-1: release 2 takes its place",
                            "begin_drain shop-web-1-2: release 2 takes its place",
                            "begin_drain shop-web-1-3: release 2 takes its place", "settle web 2 live"}));
}

TEST(update, an_older_release_that_never_served_makes_way_at_once)
{
    auto s = running_well();
    s.release(2, release_outcome::pending);
    s.running(2, 1);
    s.release(3, release_outcome::pending);
    EXPECT_EQ(
        s.does(), (lines{"create shop-web-3-1", "begin_drain shop-web-2-1: release 3 takes its place"}));
    s.at("shop-web-2-1").direct = 0;
    EXPECT_EQ(s.does(), (lines{"stop shop-web-2-1"})) << "it has nobody to wait for";
}

TEST(update, a_first_instance_that_exits_leaves_the_old_one_alone)
{
    auto s = running_well();
    s.release(2, release_outcome::pending);
    s.does();
    s.starts("shop-web-2-1");
    s.exits("shop-web-2-1", 3);
    EXPECT_EQ(s.does(), (lines{"condemn shop-web-2-1: exited with code 3 before it was ready"}));
    EXPECT_EQ(s.does(), (lines{"remove shop-web-2-1", "settle web 2 failed"}));
    EXPECT_EQ(s.does(), lines{}) << "it is tried only once, and release 1 serves";
    EXPECT_EQ(s.planned().components.at(model::component_name("web")),
        (summary{"running", model::release_number(1)}));
}

TEST(update, a_first_instance_that_never_becomes_ready_is_given_up_at_the_ready_timeout)
{
    auto s = running_well();
    s.release(2, release_outcome::pending);
    s.does();
    s.starts("shop-web-2-1");
    EXPECT_EQ(s.planned().wake_at, s.w.now + 10s);
    s.later(9999ms);
    EXPECT_EQ(s.does(), lines{});
    s.later(1ms);
    EXPECT_EQ(s.does(), (lines{"condemn shop-web-2-1: not ready within 10.0s"}));
    EXPECT_EQ(s.does(), (lines{"settle web 2 failed", "stop shop-web-2-1"}));
}

TEST(update, the_ready_timeout_of_an_instance_that_a_restarted_daemon_finds_counts_from_then)
{
    auto s = running_well();
    s.release(2, release_outcome::pending);
    auto& i = s.running(2, 1);
    i.known_since = s.w.now;
    EXPECT_EQ(s.does(), lines{}) << "it was started a minute ago, but nobody has asked it yet";
    EXPECT_EQ(s.planned().wake_at, s.w.now + 10s);
}

TEST(update, a_container_without_an_address_is_given_up_too)
{
    scene s;
    s.release(1, release_outcome::pending);
    auto& i = s.running(1, 1);
    i.address.clear();
    i.ready = verdict::passing;
    s.settle_proxy();
    EXPECT_EQ(s.does(), (lines{"condemn shop-web-1-1: it has no network address"}));
}

TEST(update, a_new_release_that_falls_sick_in_its_trial_goes_back_to_the_old_one)
{
    auto s = running_well();
    s.release(2, release_outcome::pending);
    s.ready(2, 1);
    s.falls_sick("shop-web-2-1");
    s.settle_proxy();
    const std::string why = "its health check \"ok\" fails: status 500";
    EXPECT_EQ(s.does(), (lines{"condemn shop-web-2-1: " + why}));
    EXPECT_EQ(s.does(), (lines{"settle web 2 failed", "begin_drain shop-web-2-1: " + why}));
    ASSERT_EQ(s.slot("web_8888", 2).address, s.at("shop-web-2-1").address);
    s.slot("web_8888", 2).sessions = 2;
    s.at("shop-web-2-1").idle_for = 1s;
    EXPECT_EQ(s.does(), lines{}) << "it serves two requests still";
    EXPECT_EQ(s.because(reason::draining).instance, "shop-web-2-1");
    s.slot("web_8888", 2).sessions = 0;
    EXPECT_EQ(s.does(), (lines{"stop shop-web-2-1"}));
}

TEST(update, the_first_release_of_all_waits_when_it_falls_sick_in_its_trial)
{
    scene s;
    s.release(1, release_outcome::pending);
    s.serving(1, 1);
    s.falls_sick("shop-web-1-1");
    s.settle_proxy();
    EXPECT_EQ(s.does(), lines{});
    s.at("shop-web-1-1").healthy = verdict::passing;
    EXPECT_EQ(s.does(), (lines{"settle web 1 live"}));
}

TEST(update, a_sick_instance_is_not_held_against_a_release_that_serves_without_it)
{
    scene s;
    s.release(1, release_outcome::pending);
    s.serving(1, 1);
    s.serving(1, 2);
    s.falls_sick("shop-web-1-1");
    s.settle_proxy();
    EXPECT_EQ(s.does(), (lines{"settle web 1 live"}));
    EXPECT_EQ(
        s.does(), (lines{"begin_drain shop-web-1-1: its health check \"ok\" fails: status 500 (failure)"}));
}

TEST(update, the_first_release_of_all_is_settled_as_failed_when_it_exits)
{
    scene s;
    s.release(1, release_outcome::pending);
    s.does();
    s.starts("shop-web-1-1");
    s.exits("shop-web-1-1", 3);
    EXPECT_EQ(s.does(), (lines{"condemn shop-web-1-1: exited with code 3 before it was ready"}));
    EXPECT_EQ(s.does(), (lines{"proxy", "remove shop-web-1-1", "settle web 1 failed"}));
    EXPECT_EQ(s.does(), lines{});
}

TEST(update, a_failed_release_with_nothing_to_go_back_to_is_left_as_it_is)
{
    scene s;
    s.release(1, release_outcome::failed);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().components.at(model::component_name("web")).state, "failed");
}

TEST(update, what_never_served_of_a_failed_release_goes_when_there_is_nothing_to_go_back_to)
{
    scene s;
    s.release(1, release_outcome::failed, three());
    s.serving(1, 1);
    s.running(1, 2);
    s.settle_proxy();
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-1-2: release 1 failed"}));
    s.at("shop-web-1-2").direct = 0;
    EXPECT_EQ(s.does(), (lines{"stop shop-web-1-2"})) << "the one that serves goes on";
}

TEST(update, a_failed_release_makes_the_newest_live_one_come_back)
{
    scene s;
    s.release(1, release_outcome::live);
    s.release(2, release_outcome::live);
    s.release(3, release_outcome::superseded);
    s.release(4, release_outcome::failed);
    EXPECT_EQ(s.does().back(), "create shop-web-2-1");
}

TEST(update, an_unknown_release_changes_nothing)
{
    auto s = running_well();
    s.of().wanted = model::release_number(7);
    EXPECT_EQ(s.does(), lines{});
}

TEST(hold, leaves_the_containers_alone_and_goes_on_routing_to_them)
{
    auto s = running_well();
    s.of().hold = true;
    s.release(2, release_outcome::pending);
    s.running(2, 1).ready = verdict::passing;
    s.w.proxy.running = false;
    s.w.proxy.routes.clear();
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 serving 10.0.1.1:80]"}));
    EXPECT_EQ(s.planned().components.at(model::component_name("web")).state, "held");
    s.exits("shop-web-1-1", 1);
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[]"})) << "it is not replaced";
}

TEST(components, are_planned_side_by_side)
{
    auto s = running_well();
    auto spec = scene::web();
    spec.name = model::component_name("api");
    spec.ports = {{.external = 9999, .container = 80}};
    s.release(1, release_outcome::pending, spec);
    EXPECT_EQ(s.does(), (lines{"proxy api_9999[s1 serving 127.0.0.1:1] web_8888[s1 serving 10.0.1.1:80]",
                            "create shop-api-1-1"}));
    s.of("api").intent = model::intent::killed;
    s.starts("shop-api-1-1");
    EXPECT_EQ(s.does(), (lines{"proxy api_9999[] web_8888[s1 serving 10.0.1.1:80]", "kill shop-api-1-1"}));
    EXPECT_EQ(s.planned().components.at(model::component_name("web")).state, "running");
}
