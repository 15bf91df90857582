// The commands about rollouts and machines, with one daemon on real Docker and HAProxy.
#include "daemon_test.hpp"

namespace json = boost::json;

namespace gantryd::integration {
namespace {

class rollouts : public daemon_test {
protected:
    /// The answer of a command with `-o json`; null when it is none.
    json::value answer(std::vector<std::string> words) const
    {
        words.insert(words.end(), {"-o", "json"});
        const auto done = gantryd(words);
        EXPECT_TRUE(ended_with(0, done));
        boost::system::error_code ec;
        return json::parse(done.out, ec);
    }
};

TEST_F(rollouts, roll_back_to_what_was_live_before)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto none = gantryd({"rollback", project_, "-c", "web"});
    EXPECT_TRUE(ended_with(1, none));
    EXPECT_TRUE(has(none.err, "nothing to go back to"));
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    background_load load(port_);
    const auto back = gantryd({"rollback", project_, "-c", "web", "--wait"});
    ASSERT_TRUE(ended_with(0, back));
    EXPECT_TRUE(has(back.out, "Component web -> release 3, the same as release 1"));
    EXPECT_TRUE(has(back.err, "web: release 3 is live"));
    EXPECT_EQ(version_at(port_), "v1");
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));

    const auto releases = answer({"history", project_, "web"}).at("releases").as_array();
    ASSERT_EQ(releases.size(), 3U);
    EXPECT_EQ(releases[0].at("release").as_int64(), 3);
    EXPECT_EQ(releases[0].at("imageid"), releases[2].at("imageid"));
    EXPECT_EQ(releases[0].at("outcome").as_string(), "live");
    EXPECT_EQ(releases[0].at("outcomeBy"), answer({"machines", project_}).at("machines").at(0).at("id"));
    EXPECT_EQ(releases[0].at("rollout").at("verdict").as_string(), "done");

    EXPECT_TRUE(has(gantryd({"rollback", project_, "-c", "web", "-r", "9"}).err, "no release 9 is known"));
    EXPECT_TRUE(has(gantryd({"rollback", project_, "-c", "web", "-r", "1"}).err, "the same spec and image"));
    EXPECT_TRUE(ended_with(2, gantryd({"rollback", project_, "-c", "web", "api"})));
}

TEST_F(rollouts, tell_in_the_history_which_machine_found_out_what)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    make_image("v2", {{"EXIT_CODE", "3"}});
    ASSERT_TRUE(ended_with(4, update()));
    const auto machine = answer({"machines", project_}).at("machines").at(0);
    const auto table = gantryd({"history", project_, "web"}).out;
    EXPECT_TRUE(has(table, std::string(machine.at("host").as_string())));
    EXPECT_TRUE(has(table, "exited with code 3"));
    const auto refused = gantryd({"rollback", project_, "-c", "web", "-r", "2"});
    EXPECT_TRUE(ended_with(1, refused));
    EXPECT_TRUE(has(refused.err, "release 2 failed: "));
    EXPECT_TRUE(ended_with(4, gantryd({"rollback", project_, "-c", "web", "-r", "2", "--force", "-w"})))
        << "it goes through the same gates, and fails again";
    EXPECT_EQ(version_at(port_), "v1");
}

TEST_F(rollouts, are_planned_without_anything_being_written)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    EXPECT_TRUE(has(gantryd({"plan", project_, "-c", "web"}).out, "nothing new: release 1 has this"));
    auto web = component("web", port_);
    web["instances"] = 2;
    web["environmentVariables"] = json::array{json::object{{"name", "TOKEN"}, {"value", "secret-token"}}};
    const auto file = write_file("planned.json", json::serialize(json::object{{"components", {web}}}));
    const auto listed = gantryd({"list", project_}).out;
    const auto planned = gantryd({"plan", project_, "-c", "web", "--file", file});
    ASSERT_TRUE(ended_with(0, planned));
    EXPECT_TRUE(has(planned.out, "web: release 2 would follow release 1"));
    EXPECT_TRUE(has(planned.out, "instances: 1 -> 2"));
    EXPECT_TRUE(has(planned.out, "environmentVariables.TOKEN: none -> ***"));
    EXPECT_EQ(planned.both().find("secret-token"), std::string::npos);
    EXPECT_TRUE(has(planned.out, ", runs release 1"));
    EXPECT_EQ(gantryd({"list", project_}).out, listed);

    web["tag"] = "never-made";
    const auto missing = write_file("missing.json", json::serialize(json::object{{"components", {web}}}));
    EXPECT_TRUE(
        has(gantryd({"plan", project_, "-c", "web", "--file", missing}).out, "it is not on this machine"));
    EXPECT_TRUE(ended_with(1, gantryd({"plan", project_, "-c", "api"})));
}

TEST_F(rollouts, are_watched_from_elsewhere_to_their_end)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto done = gantryd({"watch", project_, "web"});
    EXPECT_TRUE(ended_with(0, done));
    EXPECT_TRUE(has(done.out, "web: release 1 is live"));

    auto web = component("web", port_);
    web["readyTimeout"] = "30s";
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    make_image("v2", {{"UNHEALTHY", "1"}});
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    const auto early = gantryd({"watch", project_, "--timeout", "2s"});
    EXPECT_TRUE(ended_with(3, early));
    EXPECT_TRUE(has(early.out, "release 2"));
    // A watcher that is interrupted disturbs nobody, and another one takes over.
    program first({GANTRYD_PROGRAM, "watch", project_, "web", "-o", "json"}, directory_ / "watch.log",
        {{"GANTRYD_STATE_DIR", state_directory().string()}});
    ASSERT_TRUE(
        wait_until([&] { return first.output().find("\"stage\":\"under way\"") != std::string::npos; }));
    first.send(SIGINT);
    EXPECT_EQ(first.wait(5s), 1);
    EXPECT_TRUE(has(first.output(), "interrupted; what is stored goes on"));
    program second({GANTRYD_PROGRAM, "watch", project_}, directory_ / "second.log",
        {{"GANTRYD_STATE_DIR", state_directory().string()}});
    EXPECT_EQ(second.wait(60s), 4);
    EXPECT_TRUE(has(second.output(), "release 2 failed on "));
    EXPECT_EQ(version_at(port_), "v1");
}

TEST_F(rollouts, are_painted_over_the_last_state_on_a_terminal)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    auto web = component("web", port_);
    web["readyTimeout"] = "4s";
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    make_image("v2", {{"UNHEALTHY", "1"}});
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    const auto words = std::string(GANTRYD_PROGRAM) + " watch " + project_ + " --timeout 60s";
    const auto seen =
        run({"script", "-qec", words, "/dev/null"}, {{"GANTRYD_STATE_DIR", state_directory().string()}}, 90s);
    EXPECT_TRUE(ended_with(4, seen));
    EXPECT_TRUE(has(seen.out, "\033[Kweb: release 2"));
    EXPECT_TRUE(has(seen.out, "\033[2A")) << "the component's line and the machine's";
    EXPECT_TRUE(has(seen.out, "release 2 failed on "));
}

TEST_F(rollouts, are_held_and_let_go_on)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    EXPECT_TRUE(has(gantryd({"pause", project_, "-c", "web"}).err, "no rollout is under way"));
    ASSERT_NO_FATAL_FAILURE(stop_daemon());
    make_image("v2");
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    const auto held = gantryd({"pause", project_, "-c", "web"});
    ASSERT_TRUE(ended_with(0, held));
    EXPECT_TRUE(has(held.out, "release 2 is paused"));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_TRUE(wait_until([&] { return why().find("rollout_paused") != std::string::npos; })) << why();
    EXPECT_TRUE(has(why(), "to change it: gantryd resume " + project_ + " -c web"));
    EXPECT_TRUE(holds_for(2s, [&] { return version_at(port_) == "v1"; }));
    ASSERT_TRUE(ended_with(0, gantryd({"resume", project_, "-c", "web"})));
    EXPECT_TRUE(ended_with(0, gantryd({"watch", project_, "web", "--timeout", "60s"})));
    EXPECT_EQ(version_at(port_), "v2");
}

TEST_F(rollouts, show_machines_and_drain_them)
{
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    daemon_ = std::make_unique<program>(std::vector<std::string>{GANTRYD_PROGRAM, "run", project_, "--tag",
                                            "zone=a", "--tag", "disk=fast", "--address", "10.1.2.3"},
        directory_ / "tagged.log", environment{{"GANTRYD_STATE_DIR", state_directory().string()}});
    ASSERT_NO_FATAL_FAILURE(deploy("v1"));
    const auto all = answer({"machines", project_}).at("machines").as_array();
    ASSERT_EQ(all.size(), 1U);
    const auto& me = all[0];
    EXPECT_EQ(me.at("state").as_string(), "here");
    EXPECT_EQ(me.at("address").as_string(), "10.1.2.3");
    EXPECT_EQ(me.at("tags").at("zone").as_string(), "a");
    EXPECT_EQ(me.at("tags").at("disk").as_string(), "fast");
    EXPECT_GT(me.at("cpus").as_int64(), 0);
    EXPECT_GT(me.at("memory").as_int64(), 0);
    EXPECT_EQ(me.at("runs").at(0).at("component").as_string(), "web");
    EXPECT_EQ(me.at("runs").at(0).at("release").as_int64(), 1);
    const auto id = std::string(me.at("id").as_string());
    EXPECT_TRUE(has(gantryd({"machines", project_}).out, "web 1 running"));

    EXPECT_TRUE(ended_with(1, gantryd({"machine", "drain", project_, "nobody"})));
    const auto drained = gantryd({"machine", "drain", project_, id.substr(0, 8)});
    ASSERT_TRUE(ended_with(0, drained));
    EXPECT_TRUE(has(drained.err, "no other machine that is there could take: web"));
    EXPECT_TRUE(has(gantryd({"machines", project_}).out, "draining"));
    EXPECT_TRUE(has(gantryd({"machine", "drain", project_, id}).out, "drained already"));
    EXPECT_TRUE(has(gantryd({"machine", "undrain", project_, id}).out, "takes its work back"));
    EXPECT_TRUE(wait_until([&] {  // it is "returning" until it has noticed
        return answer({"machines", project_}).at("machines").at(0).at("state").as_string() == "here";
    }));

    ASSERT_NO_FATAL_FAILURE(kill_daemon());
    EXPECT_TRUE(wait_until(
        [&] {
            const auto seen = answer({"machines", project_}).at("machines").at(0);
            return seen.at("state").as_string() == "lost" && seen.at("host") == me.at("host");
        },
        40s));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    EXPECT_TRUE(wait_until([&] {
        return answer({"machines", project_}).at("machines").at(0).at("state").as_string() == "here";
    }));
}

TEST_F(rollouts, refuse_a_tag_or_an_address_without_sense)
{
    for (const auto& words :
        {std::vector<std::string>{"run", project_, "--tag", "zone"}, {"run", project_, "--tag", "=a"},
            {"run", project_, "--address", "not one"}, {"machine", project_}, {"machine", "drain", project_}})
        EXPECT_TRUE(ended_with(2, gantryd(words, 20s))) << words.back();
}

}  // namespace
}  // namespace gantryd::integration
