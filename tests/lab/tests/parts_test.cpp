#include "lab/observer.hpp"
#include "lab_fixture.hpp"
#include "wait.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;

/// Everything that a lab has.
class lab_parts : public shared_lab<lab_parts> {
public:
    static layout wanted() { return {}; }

protected:
    void TearDown() override
    {
        here().links().heal_all(here().nodes());
        for (const auto& each : here().nodes())
            each.thaw_all();
        here().start_all();
        for (const auto& each : here().machines()) {
            const auto engine = each.docker();
            engine.remove_containers("lab");
        }
    }

    /// A container as gantryd would make one, and its port on the machine.
    static void run_container(const machine& where, const std::string& name, const std::string& image)
    {
        where.docker().run({"run", "--detach", "--name", name, "--publish", "8080:8080", "--label",
            "io.gantryd.project=lab", "--label", "io.gantryd.component=web", image});
    }

    static finished etcdctl(const node& from, std::vector<std::string> words)
    {
        words.insert(words.begin(), {"etcdctl", "--command-timeout=10s"});
        return from.run(std::move(words), {{"ETCDCTL_API", "3"}, {"ETCDCTL_ENDPOINTS", here().endpoints()}});
    }
};

TEST_F(lab_parts, every_machine_has_an_engine_of_its_own)
{
    std::set<std::string> ids;
    for (const auto& each : here().machines())
        ids.insert(each.docker().run({"info", "--format", "{{.ID}}"}));
    EXPECT_EQ(ids.size(), 3u);
    EXPECT_EQ(here().m(2).must_run({"hostname"}), "m2\n");
}

TEST_F(lab_parts, an_image_goes_through_the_registry_to_another_machine)
{
    const auto name = here().registry().prefix() + "/demo:pushed";
    const auto id = here().m(1).make_image(name, {{"VERSION", "pushed"}});
    here().m(1).docker().run({"push", "--quiet", name});

    here().m(2).docker().run({"pull", "--quiet", name});
    EXPECT_EQ(here().m(2).docker().run({"image", "inspect", "--format", "{{.Id}}", name}), id + "\n");
    run_container(here().m(2), "pulled", name);
    EXPECT_TRUE(wait_until([&] { return here().m(2).version_at(8080) == "pushed"; }));
}

TEST_F(lab_parts, etcd_goes_on_without_its_leader_frozen_and_takes_it_back)
{
    const auto& leader = here().leader();
    leader.freeze("etcd");
    ASSERT_TRUE(leader.frozen("etcd"));
    const auto& next = here().leader();
    EXPECT_NE(next.name(), leader.name());
    ASSERT_TRUE(
        wait_until([&] { return etcdctl(here().m(1), {"put", "who", next.name()}).exit_code == 0; }, 60s));

    leader.thaw("etcd");
    EXPECT_TRUE(wait_until([&] { return leader.healthy(); }));
    EXPECT_FALSE(leader.frozen("etcd"));
}

TEST_F(lab_parts, etcd_needs_two_members_and_comes_back_with_what_it_knew)
{
    ASSERT_EQ(etcdctl(here().m(1), {"put", "kept", "yes"}).exit_code, 0);
    here().e(1).kill("etcd");
    here().e(2).kill("etcd");
    EXPECT_TRUE(wait_until([&] { return !here().e(3).healthy(); }));

    here().start_all();
    const auto got = etcdctl(here().m(3), {"get", "kept", "--print-value-only"});
    EXPECT_EQ(got.out, "yes\n") << got.err;
}

TEST_F(lab_parts, a_killed_engine_comes_back_and_its_containers_never_left)
{
    const auto& where = here().m(1);
    run_container(where, "survivor", where.make_image("demo:survivor", {{"VERSION", "survivor"}}));
    const auto before = where.docker().containers("lab").at(0);
    where.kill("docker");
    EXPECT_FALSE(where.docker_answers());

    where.restart_docker();
    const auto after = where.docker().containers("lab").at(0);
    EXPECT_TRUE(after.running());
    EXPECT_EQ(after.pid, before.pid);
}

TEST_F(lab_parts, a_machine_without_power_has_nothing_left_but_its_disk)
{
    const auto& where = here().m(1);
    run_container(where, "lost", where.make_image("demo:lost", {{"VERSION", "lost"}}));
    where.docker().run({"pause", "lost"});
    where.power_off();
    EXPECT_TRUE(where.process_names().empty());
    EXPECT_TRUE(here().m(2).docker_answers());

    where.restart_docker();
    const auto after = where.docker().containers("lab");
    ASSERT_EQ(after.size(), 1u);
    EXPECT_FALSE(after[0].running());
    where.docker().run({"start", "lost"});
    EXPECT_TRUE(wait_until([&] { return where.version_at(8080) == "lost"; }));
}

TEST_F(lab_parts, a_frozen_machine_stands_still_as_a_whole)
{
    const auto& where = here().m(3);
    run_container(where, "still", where.make_image("demo:still", {{"VERSION", "still"}}));
    ASSERT_TRUE(wait_until([&] { return where.version_at(8080) == "still"; }));
    where.freeze_all();
    EXPECT_FALSE(where.docker_answers());
    EXPECT_EQ(where.version_at(8080), "");

    where.thaw_all();
    EXPECT_TRUE(wait_until([&] { return where.docker_answers(); }));
    EXPECT_EQ(where.version_at(8080), "still");
}

TEST_F(lab_parts, a_process_has_one_number_inside_and_one_outside)
{
    const auto& where = here().m(1);
    const auto inside = pid_in_file(where.directory() / "dockerd.pid");
    ASSERT_TRUE(inside);
    EXPECT_EQ(where.seen_from_outside(*inside), where.process("docker"));
    EXPECT_EQ(where.seen_from_outside(99'999), std::nullopt);
}

TEST_F(lab_parts, a_program_that_is_not_there_is_not_started)
{
    EXPECT_THROW(here().m(1).start("nothing", {"/no/such/program"}), std::runtime_error);
    EXPECT_FALSE(here().m(1).runs("nothing"));
    EXPECT_EQ(here().m(1).run({"sh", "-c", "exit 7"}).exit_code, 7);
}

TEST_F(lab_parts, gantryd_updates_a_component_under_load_as_on_a_machine_of_its_own)
{
    const auto& where = here().m(1);
    const auto file = where.directory() / "project.json";
    std::ofstream(file) << R"({"components": [{"name": "web", "repo": "lab/demo", "tag": "live",
        "ports": [{"external": 8090, "container": 8080, "kind": "http"}],
        "readyChecks": [{"kind": "http", "port": 8080, "path": "/health", "interval": "100ms"}]}]})";
    const auto update_to = [&](const std::string& version) {
        where.make_image("lab/demo:live", {{"VERSION", version}});
        const auto done = where.gantryd({"update", "lab", "-c", "web", "--wait", "--timeout", "60s"});
        EXPECT_EQ(done.exit_code, 0) << done.both() << text_of_file(where.log_of("gantryd"));
        EXPECT_EQ(where.version_at(8090), version);
    };
    const auto configured = where.gantryd({"setconfig", "lab", file.string()});
    ASSERT_EQ(configured.exit_code, 0) << configured.both();
    where.start_gantryd("lab");
    update_to("v1");
    EXPECT_TRUE(where.proxy_pid());

    const std::vector<machine> one{where};
    fleet_load load(one, {.port = 8090, .requests = {.rate = 200}});
    observer watching(one, {.project = "lab", .component = "web", .port = 8090, .period = 10ms});
    update_to("v2");
    const auto report = load.finish().at("m1");
    const auto seen = watching.finish();
    EXPECT_TRUE(load::problems_in(report).empty()) << load::table_of(report);
    EXPECT_EQ(versions_served(seen.at("m1")).back(), "v2");
    EXPECT_TRUE(below(seen, 1).empty());
    EXPECT_EQ(most_at_once(seen, changing(1)).machines, (std::set<std::string>{"m1"}));
    where.stop("gantryd");
    where.power_off();  // HAProxy would go on
}

TEST_F(lab_parts, the_observer_sees_which_version_serves_and_which_machine_changes)
{
    const auto name = here().registry().prefix() + "/observed:";
    const auto v1 = here().m(1).make_image(name + "v1", {{"VERSION", "v1"}});
    const auto v2 = here().m(1).make_image(name + "v2", {{"VERSION", "v2"}});
    for (const std::string version : {"v1", "v2"}) {
        here().m(1).docker().run({"push", "--quiet", name + version});
        here().m(2).docker().run({"pull", "--quiet", name + version});
    }
    const std::vector<machine> two{here().m(1), here().m(2)};
    for (const auto& each : two)
        run_container(each, "old", name + "v1");

    observer watching(two, {.project = "lab", .component = "web", .port = 8080});
    const auto served = [&](const std::string& machine) {
        const auto seen = watching.so_far().at(machine);
        return seen.empty() ? "" : seen.back().version;
    };
    ASSERT_TRUE(wait_until([&] { return served("m1") == "v1" && served("m2") == "v1"; }));
    two[1].docker().run({"rm", "--force", "old"});
    const auto empty_looks = [&] {
        const auto seen = watching.so_far().at("m2");
        return std::ranges::count_if(seen, changing(1));
    };
    ASSERT_TRUE(wait_until([&] { return empty_looks() >= 2; })) << "one look alone is no proof";
    run_container(two[1], "new", name + "v2");
    ASSERT_TRUE(wait_until([&] { return served("m2") == "v2"; }));

    const auto seen = watching.finish();
    EXPECT_EQ(versions_served(seen.at("m1")), (std::vector<std::string>{"v1"}));
    EXPECT_EQ(versions_served(seen.at("m2")), (std::vector<std::string>{"v1", "v2"}));
    EXPECT_EQ(machines_that_ran(seen, v2), (std::set<std::string>{"m2"}));
    EXPECT_EQ(machines_that_ran(seen, v1), (std::set<std::string>{"m1", "m2"}));
    EXPECT_EQ(most_at_once(seen, changing(1)).machines, (std::set<std::string>{"m2"}));
    EXPECT_FALSE(below(seen, 1).empty()) << "m2 was without a container for a while";
    EXPECT_TRUE(below({{"m1", seen.at("m1")}}, 1).empty());
}

TEST_F(lab_parts, the_load_of_each_machine_is_its_own)
{
    const std::vector<machine> two{here().m(1), here().m(2)};
    for (const auto& each : two)
        run_container(each, "served", each.make_image("demo:" + each.name(), {{"VERSION", each.name()}}));
    for (const auto& each : two)
        ASSERT_TRUE(wait_until([&] { return each.version_at(8080) == each.name(); }));

    fleet_load load(two, {.port = 8080, .requests = {.rate = 200}});
    std::this_thread::sleep_for(500ms);
    for (const auto& [name, report] : load.finish()) {
        EXPECT_TRUE(load::problems_in(report).empty()) << load::table_of(report);
        ASSERT_EQ(report.requests.versions.size(), 1u);
        EXPECT_EQ(report.requests.versions.begin()->first, name);
    }
}

}  // namespace
}  // namespace gantryd::integration
