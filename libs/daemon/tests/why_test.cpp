// What the reports and the history say while something waits or is broken.
#include "machine.hpp"
#include "moody_store.hpp"

#include <gtest/gtest.h>

namespace gantryd::daemon {
namespace {

using texts = std::vector<std::string>;

const base::error no_room(base::errc::unavailable, "store file: database or disk is full (SQLite error 13)");

TEST(the_history, of_an_update_is_told_in_order_and_without_secrets)
{
    machine m;
    auto spec = machine::web();
    spec.environment_variables.push_back({"PASSWORD", "hunter2-hunter2"});
    m.start();
    m.release(spec, "1");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1) == model::release_outcome::live; }));
    m.run_for(1s);
    m.docker.write_log(m.id_of("shop-web-1-1"), "login with hunter2-hunter2 failed");
    m.docker.die(m.id_of("shop-web-1-1"), 3);
    m.docker.on_start = [](const docker::fake_container&) {
        docker::fake_run run;
        run.start_error = "exec: no such file (env PASSWORD=hunter2-hunter2)";
        return run;
    };
    m.run_for(10s);
    const auto report = m.report_on();
    ASSERT_TRUE(report && report->last_failure);
    EXPECT_FALSE(report->last_failure->reason.contains("hunter2")) << report->last_failure->reason;
    m.crash();
    m.start();
    m.run_for(1s);

    texts codes;
    std::int64_t number = 0;
    for (const auto& event : m.events()) {
        EXPECT_EQ(event.sequence, ++number);
        if (event.change.empty() && event.component == model::component_name("web") && codes.size() < 9)
            codes.push_back(event.code);
        EXPECT_FALSE(event.text.contains("hunter2")) << event.text;
        if (event.why) {
            EXPECT_FALSE(event.why->reason.contains("hunter2")) << event.why->reason;
            for (const auto& line : event.why->last_log_lines)
                EXPECT_FALSE(line.contains("hunter2")) << line;
        }
    }
    EXPECT_EQ(codes,
        (texts{"desired_changed", "slot_taken", "container_created", "container_started", "instance_ready",
            "slot_freed", "release_settled", "instance_failed", "container_created"}));
    EXPECT_EQ(m.told("daemon_started").size(), 2U);
    EXPECT_EQ(m.told("daemon_stopped").size(), 1U);
    const auto all = m.events();
    const auto failed = std::ranges::find(all, "instance_failed", &model::event::code);
    ASSERT_NE(failed, all.end());
    ASSERT_TRUE(failed->why);
    EXPECT_EQ(failed->why->exit_code, 3);
    EXPECT_EQ(failed->why->last_log_lines, texts{"login with (PASSWORD) failed"});
    EXPECT_EQ(failed->instance, "shop-web-1-1");
    EXPECT_EQ(failed->release, model::release_number(1));
    EXPECT_EQ(
        m.log_lines.count(base::log_level::warning, "instance failed component=web instance=shop-web-1-1 "
                                                    "release=1 what=\"exited with code 3\""),
        1U);
}

TEST(the_history, tells_what_lasts_and_not_what_passes)
{
    machine m;
    m.start();
    m.make_live("1");
    m.make_live("2");
    m.run_for(5s);
    for (const auto& event : m.events())
        EXPECT_EQ(event.change, "") << event.code << ": " << event.text;
    m.docker.set_reachable(false);
    m.run_for(500ms);
    EXPECT_EQ(m.told("docker_unreachable"), texts());
    m.run_for(2s);
    EXPECT_EQ(m.told("docker_unreachable").size(), 1U);
    m.docker.set_reachable(true);
    m.run_for(10s);
    const auto both = m.told("docker_unreachable");
    ASSERT_EQ(both.size(), 2U);
    EXPECT_TRUE(both[0].starts_with("began: ")) << both[0];
    EXPECT_TRUE(both[1].starts_with("ended: ")) << both[1];
    EXPECT_EQ(m.told("source_away").size(), 1U);
    EXPECT_EQ(m.told("source_back").size(), 1U);
}

TEST(the_history, tells_of_haproxy)
{
    machine m;
    m.start();
    m.make_live("1");
    m.release(machine::named("api", 9999), "1");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1, "api") == model::release_outcome::live; }));
    m.run_for(1s);
    EXPECT_EQ(m.told("haproxy_started").size(), 1U);
    EXPECT_EQ(m.told("haproxy_reloaded"), texts{"new structure"});
    EXPECT_EQ(m.told("haproxy_repaired"), texts());
    for (auto& slot : m.proxy.routes.front().slots)
        slot.mode = haproxy_config::slot_mode::empty;
    m.run_for(10s);
    EXPECT_EQ(m.told("haproxy_changed").size(), 1U);
    EXPECT_EQ(m.told("haproxy_repaired").size(), 1U);
    m.proxy.kill();
    m.run_for(10s);
    EXPECT_EQ(m.told("haproxy_ended").size(), 1U);
    EXPECT_EQ(m.told("haproxy_started").size(), 2U);
    m.crash();
    m.start();
    m.run_for(1s);
    EXPECT_EQ(m.told("haproxy_started").size(), 2U) << "the new daemon found it running";
}

TEST(why, tells_of_a_pull_and_how_far_it_is)
{
    machine m;
    m.docker.latency["pull"] = 20s;
    m.start();
    m.release_published("1");
    m.run_for(5s);
    const auto told = m.reason("pulling");
    ASSERT_TRUE(told);
    EXPECT_EQ(told->instance, "shop-web-1-1");
    EXPECT_EQ(told->text, "image web:1 is not on this machine and is fetched: Pulling from web:1");
    ASSERT_TRUE(told->until);
    EXPECT_EQ(*told->until - told->since, 15min);
    EXPECT_EQ(told->command, "docker pull web:1");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1) == model::release_outcome::live; }));
    m.run_for(1s);
    EXPECT_FALSE(m.reason("pulling"));
    EXPECT_EQ(m.told("image_pulling").size(), 1U);
    EXPECT_EQ(m.told("image_pulled"), texts{"web:1 is here after 20.0s"});
}

TEST(why, tells_of_an_action_that_is_held_back_after_it_failed)
{
    machine m;
    m.start();
    m.docker.registry_error = base::error(base::errc::unavailable, "registry: connection refused");
    m.release_published("1");
    m.run_for(60s);
    const auto told = m.reason("pull_failed");
    ASSERT_TRUE(told);
    EXPECT_EQ(told->instance, "shop-web-1-1");
    EXPECT_EQ(told->text, "docker pull web:1: registry: connection refused");
    EXPECT_TRUE(told->until);
    EXPECT_EQ(told->then, "it is tried again");
    EXPECT_EQ(m.told("action_failed").size(), 1U) << "the first one of many";
    EXPECT_EQ(m.told("pull_failed").size(), 1U) << "it goes on, also while it is being tried";
    m.docker.registry_error.reset();
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1) == model::release_outcome::live; }));
    m.run_for(1s);
    EXPECT_FALSE(m.reason("pull_failed"));
}

TEST(why, tells_of_an_action_that_failed_otherwise)
{
    machine m;
    m.start();
    m.docker.on_call = [](const std::string& call) -> std::optional<base::error> {
        if (call.starts_with("create "))
            return base::error(base::errc::unavailable, "docker " + call + ": the engine is busy");
        return std::nullopt;
    };
    m.release("1");
    m.run_for(60s);
    const auto told = m.reason("retrying");
    ASSERT_TRUE(told);
    EXPECT_TRUE(told->text.starts_with("create shop-web-1-1 failed ")) << told->text;
    EXPECT_TRUE(told->text.ends_with(" times in a row: docker create shop-web-1-1: the engine is busy"))
        << told->text;
}

TEST(why, tells_of_a_component_that_the_store_has_lost)
{
    machine m;
    m.start();
    m.make_live("1");
    m.crash();
    m.desired = store::make_memory_store(m.sim.clock);
    m.start();
    m.run_for(2s);
    const auto told = m.reason("held");
    ASSERT_TRUE(told);
    EXPECT_EQ(told->text, "the store has no readable state for it");
    EXPECT_EQ(told->then, "its containers and its traffic are left as they are");
    EXPECT_EQ(told->command, "gantryd update shop -c web");
    EXPECT_FALSE(m.reason("no_release")) << "nobody knows";
}

TEST(why, tells_of_the_trial_of_the_first_instance)
{
    machine m;
    auto spec = machine::web();
    spec.instances = 3;
    m.prober.on_probe = [](const model::check_spec&, const health::probe_target&) {
        return health::probe_result{false, "connection refused"};
    };
    m.start();
    m.release(spec, "1");
    m.run_for(3s);
    const auto told = m.reason("trial");
    ASSERT_TRUE(told);
    EXPECT_EQ(told->text, "release 1 is tried with the first of 3 instances");
    EXPECT_EQ(told->then, "the others follow when it serves");
    EXPECT_TRUE(m.reason("waiting_ready"));
    m.prober.on_probe = nullptr;
    ASSERT_TRUE(m.run_until([&] { return m.serving().size() == 3; }));
    m.run_for(1s);
    EXPECT_FALSE(m.reason("trial"));
}

TEST(a_full_disk, stops_nothing_and_is_told)
{
    machine m;
    auto& ledger = *new moody_store(m.sim.clock);
    m.ledger.reset(&ledger);
    m.start();
    m.make_live("1");
    ledger.refuses_writes = no_room;
    m.docker.die(m.id_of("shop-web-1-1"), 1);
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-1-2"); }));
    m.run_for(10s);
    const auto told = m.reason("state_unwritable");
    ASSERT_TRUE(told);
    EXPECT_EQ(told->text, no_room.context());
    EXPECT_TRUE(told->then.starts_with("what runs goes on")) << told->then;
    EXPECT_EQ(told->command, "df -h");
    ledger.refuses_writes.reset();
    m.run_for(10s);
    EXPECT_FALSE(m.reason("state_unwritable"));
    EXPECT_EQ(m.told("state_unwritable").size(), 2U);
}

TEST(a_store_that_cannot_be_written, stops_nothing_and_is_told_when_it_is_back)
{
    machine m;
    auto& desired = *new moody_store(m.sim.clock);
    m.desired.reset(&desired);
    m.start();
    m.make_live("1");
    m.run_for(1s);
    m.always("it serves", [&] { return m.serving().size() == 1; });
    desired.refuses_writes = no_room;
    m.proxy.kill();
    m.always("HAProxy comes back", [] { return true; });
    ASSERT_TRUE(m.run_until([&] { return m.serving() == names{"shop-web-1-1"}; }, 5s));
    m.run_for(60s);
    desired.refuses_writes.reset();
    ASSERT_TRUE(m.run_until([&] { return m.told("source_back").size() == 1; }, 20s));
    m.run_for(10s);
    EXPECT_EQ(m.told("source_away"), (texts{"writing the store: " + no_room.context()}));
    EXPECT_EQ(m.told("haproxy_ended").size(), 1U) << "what happened meanwhile is not lost";
    const auto report = m.report_on();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->conditions, std::vector<model::condition>());
    EXPECT_EQ(report->state, "running");
}

TEST(a_store_that_cannot_be_written, is_noticed_by_a_daemon_that_has_nothing_to_write)
{
    machine m;
    auto& desired = *new moody_store(m.sim.clock);
    m.desired.reset(&desired);
    m.start();
    m.make_live("1");
    m.run_for(30s);
    desired.refuses_writes = no_room;
    m.run_for(20s);
    desired.refuses_writes.reset();
    ASSERT_TRUE(m.run_until([&] { return m.told("source_back").size() == 1; }, 20s));
    EXPECT_EQ(m.told("source_away"), (texts{"writing the store: " + no_room.context()}));
}

TEST(a_removal, is_told_also_when_docker_shows_it_before_it_answers)
{
    machine m;
    m.start();
    m.make_live("1");
    m.docker.latency["remove"] = 2s;
    m.make_live("2");
    ASSERT_TRUE(m.run_until([&] { return m.told("container_removed").size() == 1; }, 20s));
    m.run_for(60s);
    EXPECT_EQ(m.told("container_removed").size(), 1U);
}

}  // namespace
}  // namespace gantryd::daemon
