#include "daemon_test.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>
#include <set>

namespace gantryd::integration {
namespace {

namespace json = boost::json;

/// The daemon of these tests dies by SIGKILL before and after each kind of action that it comes to, once
/// each, and is started again every time: see tests/mortal. The simulator does the same with every single
/// action.
class crash_points : public daemon_test {
protected:
    json::object web() const
    {
        auto out = component("web", port_);
        out["instances"] = 2;
        out["terminationSignals"] =
            json::array{json::object{{"kind", "http"}, {"port", 8080}, {"path", "/fail"}}};
        return out;
    }

    /// Two instances of v1, by the usual daemon; then it has ended, and the next one is mortal.
    void deploy_and_become_mortal(const std::set<std::string>& at)
    {
        make_image("v1");
        ASSERT_NO_FATAL_FAILURE(configure({web()}));
        ASSERT_NO_FATAL_FAILURE(start_daemon());
        ASSERT_TRUE(ended_with(0, update()));
        stop_daemon();
        begin_to_die(at);
    }

    /// From now on, with all deaths before it; at these actions, or at all.
    void begin_to_die(const std::set<std::string>& at)
    {
        daemon_.reset();
        deaths_ = deaths_of(++courses_);
        std::filesystem::create_directories(deaths_);
        added_["GANTRYD_DEATHS"] = deaths_.string();
        std::string actions;
        for (const auto& each : at)
            actions += each + ";";
        added_["GANTRYD_DIES_AT"] = actions;
        start_mortal();
    }

    std::filesystem::path deaths_of(int course) const
    {
        return directory_ / ("deaths" + std::to_string(course));
    }

    void start_mortal() { daemon_ = begin(MORTAL_GANTRYD_PROGRAM, {"run", project_}, "daemon.log"); }

    /// Starts the daemon again whenever it has died, until `is_done` holds. False when it does not after a
    /// minute, or when a daemon ended otherwise.
    bool lives_until(const std::function<bool()>& is_done)
    {
        const auto end = std::chrono::steady_clock::now() + 60s;
        while (std::chrono::steady_clock::now() < end) {
            if (const auto code = daemon_->wait(1ms); code && *code != 128 + SIGKILL)
                return false;
            if (!daemon_->running())
                start_mortal();
            else if (is_done())
                return true;
        }
        return false;
    }

    /// The same for a release of the image: both instances run it, it has its outcome, and nothing else is
    /// left.
    bool lives_until_only(const std::string& image, const std::string& outcome)
    {
        return lives_until([&] {
            const auto all = containers();
            const auto of_image = std::ranges::count(all, image, &container::image);
            most_of_an_image_ = std::max(most_of_an_image_, of_image);
            return all.size() == 2 && of_image == 2 && std::ranges::all_of(all, &container::running) &&
                   newest_outcome() == outcome;
        });
    }

    std::string newest_outcome() const
    {
        const auto told = gantryd({"history", project_, "web", "-o", "json"});
        if (told.exit_code != 0)
            return told.err;
        const auto releases = json::parse(told.out).at("releases").as_array();
        return releases.empty() ? "none" : std::string(releases.front().at("outcome").as_string());
    }

    /// That daemons died before and after each of these, at least.
    void expect_deaths_at(const std::set<std::string>& actions) const
    {
        for (const auto& action : actions)
            for (const char* moment : {"before ", "after "})
                EXPECT_TRUE(std::filesystem::exists(deaths_ / (moment + action))) << moment << action;
    }

    std::filesystem::path deaths_;
    std::ptrdiff_t most_of_an_image_ = 0;  ///< that were there at the same time

private:
    int courses_ = 0;
};

const std::set<std::string> from_start_to_end{
    "create", "start", "change of HAProxy", "termination signal", "stop", "remove"};
const std::set<std::string> of_the_store{"write of rollout to the store", "write of slots to the store",
    "write of events to the store", "write of report to the store", "write of instance to the ledger"};

TEST_F(crash_points, of_a_rollout_lose_and_leave_nothing)
{
    ASSERT_NO_FATAL_FAILURE(deploy_and_become_mortal({}));
    background_load load(port_);
    const auto v2 = make_image("v2");
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    ASSERT_TRUE(lives_until_only(v2, "live")) << why();
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
    EXPECT_EQ(most_of_an_image_, 2) << "no instance was made twice";
    expect_deaths_at({"create", "start", "change of HAProxy", "stop", "remove"});
    expect_deaths_at(of_the_store);
    // Another death may have come when the ledger had it already that both are told: then neither is told any
    // more. With those deaths behind it, the next update gets that far.
    if (!std::filesystem::exists(deaths_ / "before termination signal")) {
        const auto v3 = make_image("v3");
        ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
        ASSERT_TRUE(lives_until_only(v3, "live")) << why();
    }
    EXPECT_TRUE(std::filesystem::exists(deaths_ / "before termination signal"));
}

TEST_F(crash_points, of_a_release_that_fails_lose_and_leave_nothing)
{
    const std::set<std::string> actions{
        "create", "start", "logs", "remove", "write of rollout to the store", "write of crash to the ledger"};
    ASSERT_NO_FATAL_FAILURE(deploy_and_become_mortal(actions));
    const auto before = containers();
    background_load load(port_);
    make_image("v2", {{"EXIT_CODE", "3"}});
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    ASSERT_TRUE(lives_until_only(before.at(0).image, "failed")) << why();
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
    for (const auto& each : containers())
        EXPECT_EQ(std::ranges::count(before, each.id, &container::id), 1) << each.name;
    expect_deaths_at(actions);
}

TEST_F(crash_points, of_a_heal_lose_and_leave_nothing)
{
    const std::set<std::string> actions{
        "create", "start", "logs", "remove", "change of HAProxy", "write of crash to the ledger"};
    ASSERT_NO_FATAL_FAILURE(deploy_and_become_mortal(actions));
    const auto victim = running().at(0);
    background_load load(port_);
    ::kill(victim.pid, SIGKILL);
    const auto is_replaced = [&] {
        const auto all = containers();
        return std::ranges::count(all, victim.id, &container::id) == 0 && all.size() == 2;
    };
    ASSERT_TRUE(lives_until(is_replaced)) << why();
    ASSERT_TRUE(lives_until_only(victim.image, "live")) << why();
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
    expect_deaths_at(actions);
}

TEST_F(crash_points, of_a_stop_and_of_a_kill_leave_nothing)
{
    std::filesystem::create_directories(deaths_of(1));
    write_file(
        "deaths1/before termination signal", "");  // it is sent once, so this leaves the moment after it
    ASSERT_NO_FATAL_FAILURE(deploy_and_become_mortal(from_start_to_end));
    ASSERT_TRUE(ended_with(0, gantryd({"stop", project_, "-c", "web"})));
    const auto is_gone = [&] { return containers().empty() && !proxy_pid(); };
    ASSERT_TRUE(lives_until(is_gone)) << why();
    expect_deaths_at({"stop", "remove", "termination signal", "change of HAProxy"});

    daemon_.reset();
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_TRUE(ended_with(0, update()));
    stop_daemon();

    begin_to_die({"kill", "remove", "stop of HAProxy"});
    ASSERT_TRUE(ended_with(0, gantryd({"kill", project_, "-c", "web"})));
    ASSERT_TRUE(lives_until(is_gone)) << why();
    expect_deaths_at({"kill", "remove", "stop of HAProxy"});
}

TEST_F(crash_points, of_a_reload_for_a_link_and_a_new_port_lose_nothing)
{
    // HAProxy checks its file after that was written and before anything is told to the one that runs.
    added_["GANTRYD_HAPROXY"] = write_file("haproxy",
        "#!/bin/sh\n"
        "case \" $* \" in *' -c '*)\n"
        "    [ -z \"$GANTRYD_DEATHS\" ] || ! mkdir \"$GANTRYD_DEATHS/within reload\" 2>/dev/null ||\n"
        "        kill -KILL $PPID ;;\n"
        "esac\n"
        "exec haproxy \"$@\"\n");
    std::filesystem::permissions(directory_ / "haproxy", std::filesystem::perms::owner_all);
    const std::set<std::string> actions{"change of HAProxy", "write of link to the ledger"};
    ASSERT_NO_FATAL_FAILURE(deploy_and_become_mortal(actions));
    background_load load(port_);
    const auto second = free_port();
    auto changed = web();
    changed["ports"].as_array().push_back(
        json::object{{"external", second}, {"container", 8080}, {"kind", "http"}});
    changed["defineComponentLinks"] =
        json::array{json::object{{"name", "pages"}, {"port", 8080}, {"kind", "http"}}};
    const json::object worker{{"name", "worker"}, {"repo", project_ + "/demo"}, {"tag", "live"},
        {"readyChecks", json::array{}},
        {"requireComponentLinks", json::array{json::object{{"name", "pages"}, {"alias", "web"}}}}};
    make_image("v2");
    ASSERT_NO_FATAL_FAILURE(configure({changed, worker}));
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web", "worker"})));
    ASSERT_TRUE(lives_until([&] {
        return version_at(second) == "v2" && running("worker").size() == 1 && containers().size() == 3 &&
               newest_outcome() == "live";
    })) << why();
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
    expect_deaths_at(actions);
    EXPECT_TRUE(std::filesystem::exists(deaths_ / "within reload"));
}

}  // namespace
}  // namespace gantryd::integration
