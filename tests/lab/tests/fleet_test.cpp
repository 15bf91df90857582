// Three machines, one etcd: a release goes from machine to machine.
#include "lab/observer.hpp"
#include "rollout_fixture.hpp"
#include "wait.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;

class fleet : public rollout_lab<fleet> {
public:
    static layout wanted() { return {}; }

protected:
    void SetUp() override
    {
        rollout_lab::SetUp();
        begin({.rollout = R"({"minHealthyTime": "2s"})"});
    }
};

TEST_F(fleet, takes_an_update_one_machine_after_the_other_and_loses_nothing)
{
    fleet_load load(here().machines(), {.port = external, .requests = {.rate = 100}});
    observer watching(here().machines(), what());
    push("v2");
    done(update());
    for (const auto& each : here().machines())
        EXPECT_EQ(each.version_at(external), "v2");
    const auto seen = watching.finish();
    for (const auto& [name, report] : load.finish())
        EXPECT_TRUE(load::problems_in(report).empty()) << name << "\n" << load::table_of(report);
    for (const auto& [name, looks] : seen) {
        EXPECT_EQ(versions_served(looks).front(), "v1") << name;  // then both, for minHealthyTime
        EXPECT_EQ(versions_served(looks).back(), "v2") << name;
    }
    EXPECT_TRUE(below(seen, 1).empty());
    EXPECT_EQ(most_at_once(seen, changing(1)).machines.size(), 1u) << "each changes in its turn";
}

TEST_F(fleet, stops_a_release_that_dies_early_at_its_first_machine)
{
    observer watching(here().machines(), what());
    const auto bad = push("bad", {{"EXIT_AFTER_MS", "700"}, {"EXIT_CODE", "3"}});
    const auto failed = update();
    EXPECT_EQ(failed.exit_code, 4) << failed.both() << logs();
    for (const auto& each : here().machines())
        EXPECT_EQ(each.version_at(external), "v1");
    const auto seen = watching.finish();
    EXPECT_EQ(machines_that_ran(seen, bad).size(), 1u);
    EXPECT_TRUE(below(seen, 1).empty());

    push("v3");
    done(update());
    for (const auto& each : here().machines())
        EXPECT_EQ(each.version_at(external), "v3") << "a bad release is in nobody's way";
}

TEST_F(fleet, goes_on_when_etcds_leader_is_killed_and_when_a_gantryd_is)
{
    fleet_load load(here().machines(), {.port = external, .requests = {.rate = 100}});
    push("v2");
    done(here().m(1).gantryd({"update", project_, "-c", "web"}));
    ASSERT_TRUE(wait_until([&] { return here().m(1).docker().run({"ps", "-q"}).size() > 20; }));
    const auto leader = here().leader();
    leader.kill("etcd");
    here().m(2).kill("gantryd");
    std::this_thread::sleep_for(1s);
    here().m(2).start_gantryd(project_);
    for (const auto& each : here().machines())
        EXPECT_TRUE(wait_until([&] { return each.version_at(external) == "v2"; }, 60s)) << logs();
    leader.start_etcd();
    EXPECT_TRUE(wait_until([&] { return leader.healthy(); }));
    for (const auto& [name, report] : load.finish())
        EXPECT_TRUE(load::problems_in(report).empty()) << name << "\n" << load::table_of(report);
}

}  // namespace
}  // namespace gantryd::integration
