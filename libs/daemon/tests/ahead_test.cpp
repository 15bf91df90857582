// Machines that change next make their container before their turn.
#include "fleet.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace gantryd::daemon {
namespace {

using model::release_outcome;

const std::string fresh = "shop-web-2-1";

/// Release 1 runs on three machines, and release 2 has to last for some seconds on each.
void begin_slow_rollout(fleet& f)
{
    f.make_slow();
    f.start_all();
    f.make_live("1");
    f.always("every machine serves", [&] { return f.all_serve(); });
    auto spec = machine::web();
    spec.rollout.min_healthy_time = 10s;
    ASSERT_EQ(f.release(std::move(spec), "2"), 2);
}

bool is_made_on_second(fleet& f)
{
    return f.run_until([&] { return f.holder() == "m1" && f.at(2).containers().contains(fresh); }, 5s);
}

std::string state_of(machine& on, const std::string& name)
{
    const auto report = on.report_on();
    if (!report)
        return "not reported";
    const auto found =
        std::ranges::find(report->instances, model::instance_name(name), &model::instance_report::name);
    return found == report->instances.end() ? "not reported" : found->state;
}

bool becomes_live(fleet& f)
{
    return f.run_until([&] { return f.is_over(2); });
}

TEST(a_machine_that_changes_next, makes_its_container_and_starts_it_in_its_turn)
{
    fleet f(3);
    begin_slow_rollout(f);
    ASSERT_TRUE(is_made_on_second(f));
    f.run_for(2s);
    EXPECT_EQ(f.holder(), "m1");
    EXPECT_FALSE(f.at(2).is_running(fresh));
    EXPECT_EQ(state_of(f.at(2), fresh), "prepared");
    EXPECT_FALSE(f.at(3).containers().contains(fresh)) << "it is not the next one";
    ASSERT_TRUE(becomes_live(f));
    for (std::size_t i = 1; i <= 3; ++i)
        EXPECT_EQ(f.at(i).docker.count_calls("create " + fresh), 1U) << i;
}

TEST(a_machine_that_changes_next, keeps_its_container_over_a_restart_and_does_not_start_it)
{
    fleet f(3);
    begin_slow_rollout(f);
    ASSERT_TRUE(is_made_on_second(f));
    f.may_stop_serving = true;  // as far as anybody knows while its daemon is away
    f.crash(2);
    f.at(2).start();
    f.run_for(3s);
    EXPECT_EQ(f.holder(), "m1");
    EXPECT_TRUE(f.at(2).containers().contains(fresh));
    EXPECT_FALSE(f.at(2).is_running(fresh));
    ASSERT_TRUE(becomes_live(f));
    EXPECT_EQ(f.at(2).docker.count_calls("create " + fresh), 1U);
}

TEST(a_machine_that_changes_next, makes_another_container_when_somebody_has_tidied_up)
{
    fleet f(3);
    begin_slow_rollout(f);
    ASSERT_TRUE(is_made_on_second(f));
    auto& docker = f.at(2).docker;
    docker.event_copies = [](const docker::container_event&) { return 0; };  // nobody hears of it
    const auto gone =
        f.sim.outcome_after(100ms, docker.remove(f.at(2).id_of(fresh), true, f.sim.clock.now() + 5s));
    ASSERT_TRUE(gone && *gone);
    ASSERT_TRUE(becomes_live(f));
    EXPECT_EQ(docker.count_calls("create " + fresh), 2U);
    EXPECT_TRUE(f.at(2).told("instance_failed").empty()) << "the release is not to blame";
}

TEST(a_machine_that_changes_next, does_not_judge_the_release_before_its_turn)
{
    fleet f(3);
    begin_slow_rollout(f);
    auto& docker = f.at(2).docker;
    docker.on_call = [&](const std::string& call) -> std::optional<base::error> {
        if (call == "create " + fresh)
            return base::error(base::errc::rejected, "no such mount");
        return std::nullopt;
    };
    ASSERT_TRUE(f.run_until([&] { return docker.count_calls("create " + fresh) == 1; }, 5s));
    f.run_for(5s);
    EXPECT_EQ(f.holder(), "m1");
    EXPECT_EQ(docker.count_calls("create " + fresh), 1U) << "it is not tried again and again";
    EXPECT_TRUE(f.at(2).told("instance_failed").empty());
    EXPECT_TRUE(f.at(2).told("action_failed").empty());
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(2) == release_outcome::failed; }));
    EXPECT_GE(docker.count_calls("create " + fresh), 2U) << "in its turn it is";
    EXPECT_EQ(f.at(1).release_in_store(2).why_failed->reason, "no such mount");
    ASSERT_TRUE(f.run_until([&] { return f.all_run(1); }));
}

TEST(a_machine_that_changes_next, removes_its_container_when_the_release_fails)
{
    fleet f(3);
    begin_slow_rollout(f);
    ASSERT_TRUE(is_made_on_second(f));
    ASSERT_TRUE(f.run_until([&] { return f.at(1).is_running(fresh); }, 5s));
    f.at(1).docker.die(f.at(1).id_of(fresh), 3);
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(2) == release_outcome::failed; }, 5s));
    ASSERT_TRUE(f.run_until([&] { return f.all_run(1); }, 10s));
    EXPECT_EQ(f.at(2).docker.count_calls("start " + fresh), 0U);
}

}  // namespace
}  // namespace gantryd::daemon
