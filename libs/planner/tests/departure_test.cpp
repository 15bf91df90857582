// Crashes, sickness, stop and kill: how instances leave.
#include "plan_text.hpp"
#include "scene.hpp"

#include <gtest/gtest.h>

#include <algorithm>

using namespace gantryd::planner;
namespace model = gantryd::model;
using namespace std::chrono_literals;
using model::release_outcome;

namespace {

scene with_instances(int n, model::component_spec spec = scene::web())
{
    scene s;
    spec.instances = n;
    s.release(1, release_outcome::live, spec);
    for (int k = 1; k <= n; ++k)
        s.serving(1, k);
    s.settle_proxy();
    EXPECT_EQ(s.does(), lines{});
    return s;
}

void crash_again(scene& s, int n)
{
    const auto name = "shop-web-1-" + std::to_string(n);
    s.starts(name);
    s.exits(name, 1);
    s.does();  // condemned
    s.does();  // removed
}

}  // namespace

TEST(crash, of_a_live_instance_is_made_good_at_once)
{
    auto s = with_instances(2);
    s.exits("shop-web-1-1", 139);
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s2 serving 10.0.1.2:80]",
                            "condemn shop-web-1-1: exited with code 139", "create shop-web-1-3"}));
    EXPECT_EQ(s.does(), lines{}) << "the dead can wait until the replacement runs";
    s.starts("shop-web-1-3");
    EXPECT_EQ(s.does(), (lines{"remove shop-web-1-1"}));
    EXPECT_EQ(s.does(), lines{});
}

TEST(crash, is_counted_also_while_the_replacements_image_is_being_pulled)
{
    auto s = with_instances(2);
    s.exits("shop-web-1-1", 139);
    s.does();  // condemned, and its replacement begun
    s.later(1s);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().wake_at, s.w.now + 2s);
    s.later(2s);
    EXPECT_EQ(s.does(), (lines{"remove shop-web-1-1"}));
}

TEST(crash, a_second_one_in_a_row_waits_a_second)
{
    auto s = with_instances(1);
    s.exits("shop-web-1-1", 1);
    s.does();
    s.does();
    crash_again(s, 2);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().wake_at, s.w.now + 1s);
    s.later(999ms);
    EXPECT_EQ(s.does(), lines{});
    s.later(1ms);
    EXPECT_EQ(s.does(), (lines{"create shop-web-1-1"}));
}

TEST(crash, the_pause_doubles_up_to_five_minutes)
{
    EXPECT_EQ(restart_delay(0), 0ms);
    EXPECT_EQ(restart_delay(1), 0ms);
    EXPECT_EQ(restart_delay(2), 1s);
    EXPECT_EQ(restart_delay(3), 2s);
    EXPECT_EQ(restart_delay(4), 4s);
    EXPECT_EQ(restart_delay(10), 256s);
    EXPECT_EQ(restart_delay(11), 5min);
    EXPECT_EQ(restart_delay(1'000'000), 5min);
}

TEST(crash, after_a_good_run_is_not_one_more_in_a_row)
{
    const model::evidence killed{.exit_code = 137};
    EXPECT_FALSE(is_good_run(0s, 0, killed));
    EXPECT_FALSE(is_good_run(1'999ms, 0, killed));
    EXPECT_TRUE(is_good_run(2s, 0, killed));
    EXPECT_TRUE(is_good_run(2s, 2, killed)) << "its failure would be the third and cause a pause of 2 s";
    EXPECT_FALSE(is_good_run(2s, 3, killed)) << "the fourth, 4 s";
    EXPECT_TRUE(is_good_run(4s, 3, killed));
    EXPECT_FALSE(is_good_run(31s, 6, killed));
    EXPECT_TRUE(is_good_run(32s, 6, killed));
    EXPECT_TRUE(is_good_run(60s, 1'000'000, killed)) << "more than a minute is never asked for";
    for (const auto& own : {model::evidence{.exit_code = 1},
             model::evidence{.exit_code = 137, .oom_killed = true}, model::evidence{}}) {
        EXPECT_FALSE(is_good_run(59s, 0, own)) << "a release that dies again and again by itself";
        EXPECT_TRUE(is_good_run(60s, 7, own));
    }
}

TEST(crash, after_earlier_ones_waits_until_it_is_counted)
{
    auto s = with_instances(1);
    s.of().crashes[model::release_number(1)] = {.count = 3, .last_at = s.w.now - 1h};
    s.exits("shop-web-1-1", 1);
    const auto told = s.does();
    EXPECT_EQ(told.back(), "condemn shop-web-1-1: exited with code 1");
}

TEST(crash, of_one_that_is_on_its_way_out_counts_for_nothing)
{
    auto s = with_instances(1);
    s.draining(1, 2, 3);
    s.exits("shop-web-1-2", 1);
    EXPECT_EQ(s.does().back(), "remove shop-web-1-2");
    EXPECT_TRUE(s.of().crashes.empty());
}

TEST(sickness, is_replaced_before_the_sick_one_is_drained)
{
    auto s = with_instances(1);
    s.falls_sick("shop-web-1-1");
    EXPECT_EQ(s.does(), (lines{"create shop-web-1-2"})) << "it serves on: a sick one is better than none";
    s.starts("shop-web-1-2");
    s.passes("shop-web-1-2");
    EXPECT_EQ(s.does(), (lines{"mark_ready shop-web-1-2"}));
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 draining 10.0.1.1:80, s2 serving 10.0.1.2:80]"}));
    EXPECT_EQ(
        s.does(), (lines{"begin_drain shop-web-1-1: its health check \"ok\" fails: status 500 (failure)"}));
    EXPECT_EQ(s.of().crashes.at(model::release_number(1)).count, 1);
    s.at("shop-web-1-1").idle_for = 1s;
    EXPECT_EQ(s.does(), (lines{"stop shop-web-1-1"}));
}

TEST(sickness, of_one_of_two_takes_it_out_of_the_routes)
{
    auto s = with_instances(2);
    s.falls_sick("shop-web-1-1");
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 draining 10.0.1.1:80, s2 serving 10.0.1.2:80]"}));
    EXPECT_EQ(s.planned().wake_at, s.w.now + 10s) << "the other one may fall sick by the same check, too";
    s.later(10s);
    EXPECT_EQ(s.does(), (lines{"create shop-web-1-3"}));
}

TEST(sickness, of_everybody_at_once_is_held_against_what_they_depend_on)
{
    auto s = with_instances(3);
    for (const auto* name : {"shop-web-1-1", "shop-web-1-2", "shop-web-1-3"})
        s.falls_sick(name);
    EXPECT_EQ(s.does(), lines{}) << "nobody is replaced, and everybody stays in the routes";
    s.later(10s);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().wake_at, s.w.now + 5min - 10s);
    s.exits("shop-web-1-2", 1);
    const auto told = s.does();
    EXPECT_EQ(told.back(), "create shop-web-1-4") << "a dead one is";
    EXPECT_EQ(told.size(), 3U);
}

TEST(sickness, of_everybody_for_long_tries_one_replacement_and_then_the_others)
{
    auto s = with_instances(2);
    s.falls_sick("shop-web-1-1");
    s.falls_sick("shop-web-1-2");
    s.later(5min);
    EXPECT_EQ(s.does(), (lines{"create shop-web-1-3"}));
    s.starts("shop-web-1-3");
    EXPECT_EQ(s.does(), lines{}) << "one, not two";
    s.passes("shop-web-1-3");
    EXPECT_EQ(s.does(), (lines{"mark_ready shop-web-1-3"}));
    const auto told = s.does();
    EXPECT_EQ(told.back(), "create shop-web-1-4") << "it is well, so it was they after all";
}

TEST(sickness, of_everybody_by_different_checks_is_their_own)
{
    auto s = with_instances(2);
    s.falls_sick("shop-web-1-1");
    s.falls_sick("shop-web-1-2");
    s.at("shop-web-1-2").check = "another";
    s.later(10s);
    EXPECT_EQ(s.does(), (lines{"create shop-web-1-3", "create shop-web-1-4"}));
    s.starts("shop-web-1-3");
    s.starts("shop-web-1-4");
    EXPECT_EQ(s.does(), lines{}) << "no more than one replacement each";
    for (const auto* name : {"shop-web-1-3", "shop-web-1-4"}) {
        s.at(name).ready_at = s.w.now;
        s.falls_sick(name);
    }
    s.settle_proxy();
    EXPECT_EQ(s.does(), lines{}) << "not even when the replacements are sick too";
}

TEST(sickness, gets_no_more_replacements_than_there_is_room_for)
{
    auto s = with_instances(2);
    s.serving(1, 3);
    for (const auto* name : {"shop-web-1-1", "shop-web-1-2", "shop-web-1-3"})
        s.falls_sick(name);
    s.at("shop-web-1-1").check = "another";
    s.later(10s);
    s.settle_proxy();
    EXPECT_EQ(s.does(), (lines{"create shop-web-1-4"})) << "twice as many as wanted are the most";
}

TEST(sickness, is_also_to_have_lost_the_network)
{
    auto s = with_instances(2);
    s.at("shop-web-1-1").address.clear();
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s2 serving 10.0.1.2:80]", "create shop-web-1-3"}));
    s.starts("shop-web-1-3");
    s.passes("shop-web-1-3");
    s.does();
    s.does();
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-1-1: it has lost its network address (failure)"}));
}

TEST(sickness, that_passes_leaves_one_too_many_which_goes)
{
    auto s = with_instances(1);
    s.serving(1, 2);
    s.settle_proxy();
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-1-2: one too many"}));
}

TEST(stop, drains_with_connections_and_then_removes)
{
    auto s = with_instances(1);
    s.slot("web_8888", 1).sessions = 1;
    s.of().intent = model::intent::stopped;
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-1-1: the component is to stop"}));
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 draining 10.0.1.1:80]"}))
        << "no waiting room: nobody will come";
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().wake_at, s.w.now + 30s) << "the drain's deadline";
    EXPECT_EQ(s.planned().components.at(model::component_name("web")).state, "stopping");
    s.later(30s);
    EXPECT_EQ(s.does(), (lines{"stop shop-web-1-1"}));
    EXPECT_EQ(s.planned().wake_at, s.w.now + 15s) << "the grace, and five seconds for Docker to be late";
    s.exits("shop-web-1-1", 0);
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[]", "remove shop-web-1-1"}));
    EXPECT_EQ(s.does(), (lines{"proxy"})) << "without routes HAProxy ends";
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().components.at(model::component_name("web")).state, "stopped");
}

TEST(stop, keeps_what_is_to_be_kept_past_the_deadline)
{
    auto spec = scene::web();
    spec.drain.on_timeout = model::drain_timeout_action::keep;
    auto s = with_instances(1, spec);
    s.draining(1, 2, 1);
    s.settle_proxy();
    s.later(1h);
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.planned().wake_at, std::nullopt);
}

TEST(stop, one_that_does_not_obey_is_killed)
{
    auto s = with_instances(1);
    s.draining(1, 2, 0).stop_since = s.w.now;
    s.settle_proxy();
    s.later(14999ms);
    EXPECT_EQ(s.does(), lines{});
    s.later(1ms);
    EXPECT_EQ(s.does(), (lines{"kill shop-web-1-2"}));
}

TEST(stop, a_condemned_one_is_stopped_at_once_and_killed_when_it_does_not_obey)
{
    auto s = with_instances(1);
    auto& i = s.running(1, 2);
    i.failure = model::evidence{.reason = "not ready within 10.0s"};
    s.settle_proxy();
    EXPECT_EQ(s.does(), (lines{"stop shop-web-1-2"}));
    EXPECT_EQ(s.does(), lines{});
    s.later(15s);
    EXPECT_EQ(s.does(), (lines{"kill shop-web-1-2"}));
}

TEST(stop, waits_for_the_termination_checks)
{
    auto spec = scene::web();
    spec.termination_checks = {{.kind = model::check_kind::http, .id = "idle"}};
    auto s = with_instances(1, spec);
    auto& i = s.draining(1, 2, 0);
    i.idle_for = 1s;
    s.settle_proxy();
    EXPECT_EQ(s.does(), lines{});
    i.termination = verdict::passing;
    EXPECT_EQ(s.does(), (lines{"stop shop-web-1-2"}));
}

TEST(stop, one_without_ports_waits_for_direct_clients_alone)
{
    auto spec = scene::web();
    spec.ports.clear();
    auto s = with_instances(1, spec);
    s.of().intent = model::intent::stopped;
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-1-1: the component is to stop"}));
    EXPECT_EQ(s.does(), lines{}) << "nobody has looked yet";
    auto& i = s.at("shop-web-1-1");
    i.direct = 0;
    i.idle_for = 10ms;
    EXPECT_EQ(s.does(), (lines{"stop shop-web-1-1"}));
}

TEST(stop, waits_for_a_direct_client)
{
    auto s = with_instances(1);
    auto& i = s.draining(1, 2, 0);
    i.direct = 1;
    s.settle_proxy();
    EXPECT_EQ(s.does(), lines{});
    i.direct = 0;
    i.idle_for = 10ms;
    EXPECT_EQ(s.does(), (lines{"stop shop-web-1-2"}));
}

TEST(stop, of_one_that_never_served_needs_one_look_past_the_proxy)
{
    auto s = with_instances(1);
    s.created(1, 2);
    s.starts("shop-web-1-2");
    auto& i = s.at("shop-web-1-2");
    i.drain_since = s.w.now;
    EXPECT_EQ(s.does(), lines{}) << "a daemon that has lost its ledger may take it for one that never served";
    i.direct = 1;
    EXPECT_EQ(s.does(), lines{});
    i.direct = 0;
    EXPECT_EQ(s.does(), (lines{"stop shop-web-1-2"})) << "one look is enough";
}

TEST(stop, of_one_that_never_served_is_not_held_up_where_the_kernel_cannot_be_asked)
{
    auto s = with_instances(1);
    s.created(1, 2);
    s.starts("shop-web-1-2");
    s.at("shop-web-1-2").drain_since = s.w.now;
    s.at("shop-web-1-2").no_kernel_witness = "not permitted";
    EXPECT_EQ(s.does(), (lines{"stop shop-web-1-2"}));
}

TEST(stop, takes_back_what_was_only_created)
{
    scene s;
    s.release(1, release_outcome::live);
    s.created(1, 1);
    s.of().intent = model::intent::stopped;
    EXPECT_EQ(s.does().back(), "begin_drain shop-web-1-1: the component is to stop");
    EXPECT_EQ(s.does(), (lines{"remove shop-web-1-1"}));
}

TEST(stop, ready_again_starts_a_new_instance_beside_the_one_that_drains)
{
    auto s = with_instances(1);
    s.of().intent = model::intent::stopped;
    s.does();
    s.does();
    s.of().intent = model::intent::ready;
    EXPECT_EQ(s.does(),
        (lines{"proxy web_8888[s1 draining 10.0.1.1:80, s2 serving 127.0.0.1:1]", "create shop-web-1-2"}));
}

TEST(kill, waits_for_nobody)
{
    auto s = with_instances(2);
    s.created(1, 3);
    s.draining(1, 4, 7);
    s.w.instances[model::instance_name("shop-web-1-5")].component = model::component_name("web");
    s.slot("web_8888", 1).sessions = 9;
    s.later(30s);
    s.of().intent = model::intent::killed;
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s3 draining 10.0.1.4:80]", "kill shop-web-1-1",
                            "kill shop-web-1-2", "remove shop-web-1-3", "kill shop-web-1-4"}));
    s.w.instances.erase(model::instance_name("shop-web-1-5"));
    EXPECT_EQ(s.does(),
        (lines{"proxy web_8888[]", "remove shop-web-1-1", "remove shop-web-1-2", "remove shop-web-1-4"}));
    EXPECT_EQ(s.does(), (lines{"proxy"}));
    EXPECT_EQ(s.does(), lines{});
}

TEST(docker_away, keeps_the_routes_and_plans_nothing_for_docker)
{
    auto s = with_instances(2);
    s.draining(1, 3, 0).idle_for = 1s;
    s.exits("shop-web-1-1", 1);
    s.created(1, 4).started_at = s.w.now;
    s.w.docker.reachable = false;
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s2 serving 10.0.1.2:80, s3 draining 10.0.1.3:80]"}));
    EXPECT_EQ(s.does(), lines{});
    s.w.docker.reachable = true;
    EXPECT_EQ(s.does(), (lines{"start shop-web-1-4", "stop shop-web-1-3"}));
    EXPECT_EQ(s.does(), (lines{"condemn shop-web-1-1: exited with code 1"}));
    EXPECT_EQ(s.does(), (lines{"remove shop-web-1-1"}));
}

TEST(docker_away, still_takes_a_sick_one_out_of_the_routes)
{
    auto s = with_instances(2);
    s.w.docker.reachable = false;
    s.falls_sick("shop-web-1-2");
    EXPECT_EQ(s.does(), (lines{"proxy web_8888[s1 serving 10.0.1.1:80, s2 draining 10.0.1.2:80]"}));
}

TEST(docker_away, still_drains_an_old_one_whose_replacement_serves)
{
    auto s = with_instances(1);
    s.release(2, release_outcome::live);
    s.serving(2, 1);
    s.settle_proxy();
    s.w.docker.reachable = false;
    EXPECT_EQ(s.does(), (lines{"begin_drain shop-web-1-1: release 2 takes its place"}));
}
