// A machine is drained under load: others do its work, and it gets it back. Then it is gone, and forgotten.
#include "rollout_fixture.hpp"

#include <vector>

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;

class moving : public rollout_lab<moving> {
public:
    static layout wanted() { return {}; }

protected:
    void SetUp() override
    {
        rollout_lab::SetUp();
        begin({});
    }

    static void release(const std::string& version)
    {
        push(version);
        done(update());
    }
    static finished machine_command(const std::string& verb)
    {
        return here().m(1).gantryd({"machine", verb, project_, "m2"});
    }
    /// How many containers of the component run on each machine.
    static std::vector<std::size_t> running()
    {
        std::vector<std::size_t> out;
        for (const auto& each : here().machines())
            out.push_back(look_at(each, {.project = project_, .component = "web"}).running());
        return out;
    }
    static bool has_moved()
    {
        const auto now = running();
        return now[1] == 0 && now[0] + now[2] == 3;
    }
    static std::string state_of_m2()
    {
        const auto table = here().m(1).gantryd({"machines", project_}).out;
        for (const std::string state : {"draining", "drained", "returning", "lost"})
            if (table.contains(" " + state + " "))
                return state;
        return table.contains(" m2 ") ? "here" : "unknown";
    }
    static void expect_whole(fleet_load& load)
    {
        for (const auto& [name, report] : load.finish())
            EXPECT_TRUE(load::problems_in(report).empty()) << name << "\n" << load::table_of(report);
    }
};

TEST_F(moving, loses_nothing_on_the_way_there_and_back_and_a_lost_machine_can_be_forgotten)
{
    const std::vector others{here().m(1), here().m(3)};
    fleet_load load(others, {.port = external, .requests = {.rate = 100}});
    done(machine_command("drain"));
    ASSERT_TRUE(wait_until(has_moved)) << logs();
    EXPECT_TRUE(wait_until([] { return state_of_m2() == "drained"; })) << logs();
    EXPECT_TRUE(here().m(2).proxy_pid()) << "its port stays its own";
    EXPECT_EQ(here().m(2).version_at(external), "");

    release("v2");
    EXPECT_EQ(here().m(1).version_at(external), "v2");
    EXPECT_EQ(here().m(3).version_at(external), "v2");
    EXPECT_TRUE(wait_until(has_moved)) << logs();

    done(machine_command("undrain"));
    const std::vector<std::size_t> one_each{1, 1, 1};
    EXPECT_TRUE(wait_until([&] { return running() == one_each; })) << logs();
    EXPECT_EQ(here().m(2).version_at(external), "v2");
    EXPECT_TRUE(wait_until([] { return state_of_m2() == "here"; })) << logs();
    expect_whole(load);

    EXPECT_EQ(machine_command("forget").exit_code, 1) << "it is there";
    here().m(2).power_off();
    ASSERT_TRUE(wait_until([] { return state_of_m2() == "lost"; }, 30s)) << "when its lease is over";
    done(machine_command("forget"));
    EXPECT_EQ(state_of_m2(), "unknown");
    EXPECT_EQ(here().m(1).version_at(external), "v2");
}

}  // namespace
}  // namespace gantryd::integration
