// Three machines, one etcd: a release goes from machine to machine.
#include "lab/observer.hpp"
#include "lab_fixture.hpp"
#include "wait.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <thread>

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t external = 8090;

class fleet : public shared_lab<fleet> {
public:
    static layout wanted() { return {}; }

protected:
    void SetUp() override
    {
        shared_lab::SetUp();
        project_ = "fleet" + std::to_string(++made_);
        const auto file = here().m(1).directory() / "project.json";
        std::ofstream(file) << R"({"components": [{"name": "web", "tag": "live", "repo": ")" << image()
                            << R"(", "ports": [{"external": 8090, "container": 8080, "kind": "http"}],
            "readyChecks": [{"kind": "http", "port": 8080, "path": "/health", "interval": "100ms"}],
            "readyTimeout": "10s", "rollout": {"minHealthyTime": "2s"}}]})";
        done(here().m(1).gantryd({"setconfig", project_, file.string()}));
        for (const auto& each : here().machines())
            each.start_gantryd(project_);
        push("v1");
        done(update());
        for (const auto& each : here().machines())
            ASSERT_EQ(each.version_at(external), "v1") << logs();
    }
    void TearDown() override
    {
        here().m(1).gantryd({"stop", project_, "-c", "web", "--wait", "--timeout", "60s"});
        for (const auto& each : here().machines()) {
            each.stop("gantryd");
            if (const auto proxy = each.proxy_pid())
                each.run({"kill", "-TERM", std::to_string(*proxy)});
            EXPECT_TRUE(wait_until([&] { return !each.proxy_pid(); }));
        }
    }

    static std::string image() { return here().registry().prefix() + "/web"; }

    /// Makes the image that the component's tag names, and gives it to all machines' registry; its id.
    static std::string push(const std::string& version, std::map<std::string, std::string> settings = {})
    {
        settings["VERSION"] = version;
        const auto id = here().m(1).make_image(image() + ":live", settings);
        here().m(1).docker().run({"push", "--quiet", image() + ":live"});
        return id;
    }
    finished update(const std::string& limit = "80s") const
    {
        return here().m(1).gantryd({"update", project_, "-c", "web", "--wait", "--timeout", limit});
    }
    static void done(const finished& what) { EXPECT_EQ(what.exit_code, 0) << what.both() << logs(); }

    static std::string logs()
    {
        std::string out;
        for (const auto& each : here().machines())
            out += "--- " + each.name() + "\n" + text_of_file(each.log_of("gantryd"));
        return out;
    }
    observed what() const { return {.project = project_, .component = "web", .port = external}; }

    std::string project_;

private:
    static inline int made_ = 0;
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
