#include "machine.hpp"

#include <gtest/gtest.h>

namespace gantryd::daemon {
namespace {

/// Updates release 1 to 2 and ends the daemon that long after the release was stored; the next one must bring
/// it to its end. True when the update was over before the end of the daemon.
bool crash_during_update(runtime::duration after, bool lose_ledger)
{
    machine m;
    m.make_slow();
    m.start();
    m.make_live("1");
    m.always("somebody serves", [&] { return !m.serving().empty(); });
    m.release("2");
    m.run_for(after);
    const bool was_over = m.is_alone("shop-web-2-1") && m.outcome_of(2) == model::release_outcome::live;
    m.crash();
    m.run_for(50ms);
    if (lose_ledger)
        m.ledger = store::make_memory_store(m.sim.clock);
    m.start();

    const auto is_done = [&] {
        const auto now = m.serving();
        return now.size() == 1 && now.begin()->starts_with("shop-web-2-") && m.containers() == now &&
               m.outcome_of(2) == model::release_outcome::live;
    };
    EXPECT_TRUE(m.run_until(is_done, 2min));
    const auto before = m.docker.calls.size();
    m.run_for(30s, 20ms);
    EXPECT_TRUE(is_done());
    EXPECT_EQ(m.changes_since(before), std::vector<std::string>()) << "it is not at rest";
    return was_over;
}

void crash_at_every_step(bool lose_ledger)
{
    constexpr auto longest_update = 5s;
    for (runtime::duration after = 0ms; after < longest_update; after += 5ms) {
        SCOPED_TRACE(fmt::format("daemon ended {} ms after the release", after / 1ms));
        if (crash_during_update(after, lose_ledger)) {
            EXPECT_GT(after, 50ms) << "the update takes no time: nothing was tried";
            return;
        }
        if (testing::Test::HasFailure())
            return;
    }
    ADD_FAILURE() << "the update never came to its end";
}

TEST(a_daemon_that_ends_in_an_update, is_followed_by_one_that_completes_it) { crash_at_every_step(false); }

TEST(a_daemon_that_ends_in_an_update, is_followed_by_one_that_completes_it_without_the_ledger)
{
    crash_at_every_step(true);
}

TEST(a_daemon_that_ends, leaves_containers_and_proxy_as_they_are)
{
    machine m;
    m.start();
    m.make_live("1");
    const auto routes = m.proxy.routes;
    const auto before = m.docker.calls.size();
    m.crash();
    m.run_for(1min, 1s);
    EXPECT_TRUE(m.is_alone("shop-web-1-1"));
    EXPECT_EQ(m.proxy.routes, routes);
    EXPECT_EQ(m.docker.calls.size(), before);
}

TEST(a_daemon_that_lost_its_ledger, takes_over_what_the_proxy_serves)
{
    machine m;
    m.start();
    m.make_live("1");
    m.crash();
    m.ledger = store::make_memory_store(m.sim.clock);
    // An instance that has to prove itself once more would not pass now.
    m.prober.on_probe = [](const model::check_spec& check, const health::probe_target&) {
        return health::probe_result{check.id != "up", "asked again"};
    };
    const auto before = m.docker.calls.size();
    m.always("it serves", [&] { return m.is_alone("shop-web-1-1"); });
    m.start();
    m.run_for(2min, 20ms);
    EXPECT_EQ(m.changes_since(before), std::vector<std::string>());
    EXPECT_EQ(m.proxy.reloads, 0);
    const auto report = m.report_on();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->state, "running");
}

TEST(a_daemon_that_starts_while_docker_is_away, leaves_the_proxy_as_it_is)
{
    machine m;
    m.start();
    m.make_live("1");
    m.crash();
    m.docker.set_reachable(false);
    const auto before = m.docker.calls.size();
    m.always("it serves", [&] { return m.is_alone("shop-web-1-1"); });
    m.start();
    m.run_for(1min, 20ms);
    m.docker.set_reachable(true);
    m.run_for(1min, 20ms);
    EXPECT_EQ(m.changes_since(before), std::vector<std::string>());
}

/// A release on trial, and the one before it beside it.
void begin_trial(machine& m)
{
    m.start();
    m.make_live("1");
    auto spec = machine::web();
    spec.rollout.min_healthy_time = 10s;
    m.release(spec, "2");
    const names both{"shop-web-1-1", "shop-web-2-1"};
    ASSERT_TRUE(m.run_until([&] { return m.serving() == both; }));
}

TEST(a_machine_that_loses_its_power, does_not_blame_a_release_on_trial)
{
    machine m;
    begin_trial(m);
    m.crash();
    m.docker.restart();
    m.boot_id = "boot-2";
    m.start();
    EXPECT_TRUE(m.run_until([&] { return m.outcome_of(2) == model::release_outcome::live; }));
    EXPECT_EQ(m.told("instance_failed"), std::vector<std::string>());
    EXPECT_EQ(m.containers().size(), 1U);
}

TEST(a_daemon_that_finds_an_instance_dead, blames_its_release_in_the_same_boot)
{
    machine m;
    begin_trial(m);
    m.crash();
    m.docker.die(m.id_of("shop-web-2-1"), 3);
    m.start();
    EXPECT_TRUE(m.run_until([&] { return m.outcome_of(2) == model::release_outcome::failed; }));
    EXPECT_TRUE(m.run_until([&] { return m.is_alone("shop-web-1-1"); }));
}

TEST(a_daemon_that_finds_an_empty_store, leaves_containers_and_routes_alone)
{
    machine m;
    m.start();
    m.make_live("1");
    m.crash();
    m.desired = store::make_memory_store(m.sim.clock);
    const auto before = m.docker.calls.size();
    const auto routes = m.proxy.routes;
    m.always("the table stays", [&] { return m.proxy.routes == routes; });
    m.start();
    m.run_for(5min, 50ms);
    EXPECT_TRUE(m.is_alone("shop-web-1-1"));
    EXPECT_EQ(m.changes_since(before), std::vector<std::string>());
}

void find_an_old_instance_draining(bool lose_ledger)
{
    machine m;
    auto spec = machine::web();
    spec.drain.timeout = 1h;
    m.start();
    m.release(spec, "1");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1) == model::release_outcome::live; }));
    m.proxy.sessions[m.endpoint_of("shop-web-1-1")] = 1;
    m.release(spec, "2");
    const names old{"shop-web-1-1"};
    ASSERT_TRUE(m.run_until([&] { return m.draining() == old; }));
    m.crash();
    if (lose_ledger)
        m.ledger = store::make_memory_store(m.sim.clock);
    m.start();
    m.run_for(5min, 50ms);
    EXPECT_EQ(m.draining(), old);
    EXPECT_EQ(m.docker.count_calls("stop"), 0U);
    m.proxy.sessions.clear();
    EXPECT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }));
}

TEST(a_daemon_that_finds_an_old_instance_draining, waits_for_its_connections_too)
{
    find_an_old_instance_draining(false);
}

TEST(a_daemon_that_finds_an_old_instance_draining, waits_for_its_connections_without_the_ledger)
{
    find_an_old_instance_draining(true);
}

TEST(a_restart_in_the_middle_of_a_stop, tells_the_container_again)
{
    machine m;
    m.docker.on_start = [](const docker::fake_container&) {
        docker::fake_run run;
        run.stop_takes = 8s;
        return run;
    };
    m.start();
    m.make_live("1");
    m.set_intent("web", model::intent::stopped);
    ASSERT_TRUE(m.run_until([&] { return m.docker.count_calls("stop shop-web-1-1") == 1; }));
    // The next daemon cannot know whether Docker heard that. If not, SIGKILL would be the first signal.
    m.crash();
    m.start();
    EXPECT_TRUE(m.run_until([&] { return m.containers().empty(); }));
    EXPECT_EQ(m.docker.count_calls("stop shop-web-1-1"), 2U);
    EXPECT_EQ(m.docker.count_calls("kill"), 0U);
}

TEST(a_restart, knows_nothing_before_docker_has_told_of_every_container)
{
    machine m;
    m.start();
    m.make_live("1");
    m.crash();
    int silent = 3;
    m.docker.on_call = [&](const std::string& call) -> std::optional<base::error> {
        if (!call.starts_with("inspect") || silent-- <= 0)
            return std::nullopt;
        return base::error(base::errc::timed_out, "no answer");
    };
    m.always("it serves", [&] { return m.serving() == names{"shop-web-1-1"}; });
    const auto changes = m.proxy.changes + m.proxy.reloads + m.proxy.starts;
    m.start();
    m.run_for(1min, 20ms);
    EXPECT_LE(silent, 0);
    EXPECT_TRUE(m.is_alone("shop-web-1-1"));
    EXPECT_EQ(m.proxy.changes + m.proxy.reloads + m.proxy.starts, changes) << "there was nothing to change";
}

TEST(a_restart, without_its_ledger_waits_for_haproxy_to_tell_who_serves)
{
    machine m;
    m.start();
    m.make_live("1");
    m.crash();
    m.ledger = store::make_memory_store(m.sim.clock);
    m.proxy.reachable = false;
    m.always("it serves", [&] { return m.serving() == names{"shop-web-1-1"}; });
    m.start();
    m.run_for(1s);
    m.proxy.reachable = true;
    m.run_for(1min, 20ms);
    EXPECT_TRUE(m.is_alone("shop-web-1-1"));
}

}  // namespace
}  // namespace gantryd::daemon
