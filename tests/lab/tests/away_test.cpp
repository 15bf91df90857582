// Three machines that lose all of their etcd for a while.
#include "rollout_fixture.hpp"

#include <set>
#include <vector>

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;

class etcd_away : public rollout_lab<etcd_away> {
public:
    static layout wanted() { return {}; }

protected:
    void SetUp() override
    {
        rollout_lab::SetUp();
        begin({.instances = 2});
    }

    static std::string log_of(const machine& where) { return text_of_file(where.log_of("gantryd")); }
    static std::set<std::string> ids(const machine& where)
    {
        std::set<std::string> out;
        for (const auto& one : where.docker().running(project_, "web"))
            out.insert(one.id);
        return out;
    }
    static std::vector<std::set<std::string>> all_ids()
    {
        std::vector<std::set<std::string>> out;
        for (const auto& each : here().machines())
            out.push_back(ids(each));
        return out;
    }
    /// Kills a container of the machine and waits until another one is there in its place.
    static void kill_one(const machine& where)
    {
        const auto before = ids(where);
        ASSERT_EQ(before.size(), 2U);
        where.docker().run({"kill", *before.begin()});
        ASSERT_TRUE(
            wait_until([&] { return ids(where).size() == 2 && !ids(where).contains(*before.begin()); }, 20s))
            << where.name() << logs();
    }
};

TEST_F(etcd_away, changes_nothing_for_what_runs)
{
    fleet_load load(here().machines(), {.port = external, .requests = {.rate = 100}});
    const auto untouched = ids(here().m(1));
    for (const auto& member : here().members())
        member.kill("etcd");
    for (const auto& each : here().machines())
        ASSERT_TRUE(wait_until([&] { return log_of(each).contains("source away"); }, 30s)) << logs();

    for (const auto* verb : {"update", "stop"}) {
        const auto refused = here().m(1).gantryd({verb, project_, "-c", "web"});
        EXPECT_EQ(refused.exit_code, 1) << refused.both();
        EXPECT_TRUE(refused.err.starts_with("gantryd: the store does not answer, and nothing was changed: "))
            << refused.err;
    }
    ASSERT_NO_FATAL_FAILURE(kill_one(here().m(2)));
    here().m(3).kill("gantryd");
    here().m(3).start_gantryd(project_);
    ASSERT_TRUE(wait_until([&] { return log_of(here().m(3)).contains("store copy used"); }, 20s)) << logs();
    ASSERT_NO_FATAL_FAILURE(kill_one(here().m(3)));
    const auto status = here().m(3).gantryd({"status", project_});
    EXPECT_EQ(status.exit_code, 1);
    EXPECT_TRUE(status.out.contains("store_unreachable")) << status.both();
    EXPECT_EQ(ids(here().m(1)), untouched);

    const auto healed = all_ids();
    for (const auto& member : here().members())
        member.start_etcd();
    const auto lists_all = [&] {
        const auto listed = here().m(1).gantryd({"machines", project_, "-o", "json"});
        std::size_t there = 0;
        for (auto at = listed.out.find("\"here\""); at != std::string::npos;
            at = listed.out.find("\"here\"", at + 1))
            ++there;
        return listed.exit_code == 0 && there == 3;
    };
    EXPECT_TRUE(wait_until(lists_all, 60s)) << here().m(1).gantryd({"machines", project_}).both() << logs();
    EXPECT_EQ(all_ids(), healed) << "a restart that nobody needed";
    push("v2");
    done(update());
    for (const auto& each : here().machines())
        EXPECT_EQ(each.version_at(external), "v2");
    for (const auto& [name, report] : load.finish())
        EXPECT_TRUE(load::problems_in(report).empty()) << name << "\n" << load::table_of(report);
}

}  // namespace
}  // namespace gantryd::integration
