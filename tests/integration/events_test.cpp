// What `events` and `why` say while something goes wrong, on real Docker and HAProxy.
#include "daemon_test.hpp"

#include <sys/mount.h>

#include <fstream>

namespace json = boost::json;

namespace gantryd::integration {
namespace {

class events : public daemon_test {
protected:
    std::string told(const std::vector<std::string>& more = {}) const
    {
        std::vector<std::string> words{"events", project_};
        words.insert(words.end(), more.begin(), more.end());
        return gantryd(words, 20s).both();
    }
    bool is_told(const std::string& part) const { return told().find(part) != std::string::npos; }
};

TEST_F(events, tell_of_an_update_from_its_order_to_its_end)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    program follower({GANTRYD_PROGRAM, "events", project_, "-f", "-n", "0", "-o", "json"},
        directory_ / "follower.log", {{"GANTRYD_STATE_DIR", state_directory().string()}});
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    ASSERT_TRUE(wait_until([&] { return is_told("container_removed"); })) << told();

    const auto all = gantryd({"events", project_, "-c", "web", "-o", "json"});
    ASSERT_TRUE(ended_with(0, all));
    const auto list = json::parse(all.out).at("events").as_array();
    std::string codes;
    std::int64_t last = 0;
    for (const auto& event : list) {
        EXPECT_GT(event.at("sequence").as_int64(), last);
        last = event.at("sequence").as_int64();
        // Conditions are told when they last, and that depends on the machine.
        const auto& members = event.as_object();
        if (!members.contains("change") && members.contains("release") && event.at("release").as_int64() == 1)
            codes += std::string(event.at("code").as_string()) + " ";
    }
    EXPECT_EQ(codes,
        "desired_changed slot_taken container_created container_started instance_ready slot_freed "
        "release_settled drain_begun "
        "drain_ended container_stopping container_stopped container_removed ");
    EXPECT_TRUE(has(told({"-n", "1"}), "container_removed"));
    EXPECT_FALSE(has(told({"-n", "1"}), "container_stopped"));

    EXPECT_TRUE(wait_until([&] { return follower.output().find("container_removed") != std::string::npos; }));
    EXPECT_TRUE(has(follower.output(), "\"desired_changed\""));
    EXPECT_FALSE(has(follower.output(), "\"daemon_started\"")) << "that was before";
    follower.send(SIGINT);
    EXPECT_EQ(follower.wait(5s), 0);
}

TEST_F(events, are_not_followed_for_a_reader_that_has_gone)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    ASSERT_TRUE(wait_until([&] { return is_told("release_settled"); }));
    const auto command = std::string(GANTRYD_PROGRAM) + " events " + project_ + " -f | head -n 1";
    program follower({"/bin/sh", "-c", command}, directory_ / "first.log",
        {{"GANTRYD_STATE_DIR", state_directory().string()}});
    ASSERT_TRUE(wait_until([&] { return !follower.output().empty(); }));
    ASSERT_TRUE(ended_with(0, gantryd({"stop", project_, "-c", "web"})));  // the next thing to tell
    EXPECT_EQ(follower.wait(30s), 0);
}

TEST_F(events, go_on_counting_after_a_kill_of_the_daemon)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    ASSERT_TRUE(wait_until([&] { return is_told("release_settled"); }));
    ASSERT_NO_FATAL_FAILURE(kill_daemon());
    const auto before = told();
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_TRUE(wait_until([&] { return told().size() > before.size(); }));
    EXPECT_TRUE(told().starts_with(before)) << told();
    ASSERT_NO_FATAL_FAILURE(stop_daemon());
    EXPECT_TRUE(has(told(), "daemon_stopped"));
}

TEST_F(events, tell_what_a_garbled_check_saw)
{
    auto web = component("web", port_);
    web["ports"].as_array().push_back(json::object{{"external", free_port()}, {"container", 8081}});
    // It sends the request back, which is no answer.
    web["readyChecks"] = json::array{json::object{
        {"kind", "http"}, {"port", 8081}, {"path", "/"}, {"interval", "100ms"}, {"timeout", "1s"}}};
    web["readyTimeout"] = "4s";
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    make_image("v1", {{"ECHO_PORT", "8081"}});
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    ASSERT_TRUE(wait_until([&] { return why().find("does not pass: ") != std::string::npos; })) << why();
    EXPECT_TRUE(has(why(), "waiting_ready"));
    EXPECT_TRUE(has(why(), "then it is stopped, and the release counts as failed unless it was live before"));
    ASSERT_TRUE(wait_until([&] { return is_told("release_settled"); })) << told();
    EXPECT_TRUE(has(told(), "not ready within 4.0s"));
}

TEST_F(events, tell_of_checks_and_signals_that_hang_and_of_the_deadline_that_ends_them)
{
    auto web = component("web", port_);
    const json::array hangs{"/demo_server", "--hang"};
    web["drain"] = json::object{{"timeout", "6s"}};
    web["terminationSignals"] =
        json::array{json::object{{"kind", "http"}, {"port", 8080}, {"path", "/fail"}, {"id", "flag"}},
            json::object{{"kind", "exec"}, {"id", "hook"}, {"command", hangs}, {"timeout", "500ms"}}};
    web["terminationChecks"] = json::array{json::object{{"kind", "exec"}, {"id", "flushed"},
        {"command", hangs}, {"interval", "200ms"}, {"timeout", "500ms"}, {"fall", 1}}};
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_NO_FATAL_FAILURE(deploy("v1"));
    ASSERT_TRUE(ended_with(0, gantryd({"stop", project_, "-c", "web"})));
    ASSERT_TRUE(wait_until([&] { return why().find("flushed") != std::string::npos; })) << why() << told();
    EXPECT_TRUE(has(
        why(), "no connections; its termination check \"flushed\" does not pass: no answer within 500ms"));
    EXPECT_TRUE(has(why(), "then it is stopped, and connections that are left are cut"));
    EXPECT_TRUE(has(why(), "to change it: gantryd kill " + project_ + " -c web"));
    EXPECT_TRUE(wait_until([&] { return containers().empty(); })) << why();
    ASSERT_TRUE(wait_until([&] { return is_told("container_removed"); }));
    EXPECT_TRUE(has(told(), "signal \"flag\": 200 OK"));
    EXPECT_TRUE(has(told(), "signal \"hook\": no answer within 500ms"));
    EXPECT_TRUE(has(told(), "termination check \"flushed\" fails: no answer within 500ms"));
}

TEST_F(events, tell_of_a_drain_whose_deadline_passed_while_no_daemon_ran)
{
    auto web = component("web", port_);
    web["drain"] = json::object{{"timeout", "3s"}};
    web["terminationSignals"] =
        json::array{json::object{{"kind", "http"}, {"port", 8080}, {"path", "/fail"}, {"id", "flag"}}};
    web["healthChecks"] = json::array{};
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_NO_FATAL_FAILURE(deploy("v1"));
    auto peer = connection::to(port_);
    ASSERT_TRUE(peer && peer->send("GET /slow?ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_EQ(peer->receive(1, 300ms), "") << "it is in flight";
    ASSERT_TRUE(ended_with(0, gantryd({"stop", project_, "-c", "web"})));
    ASSERT_TRUE(wait_until([&] { return is_told("signal_delivered"); })) << told();
    EXPECT_TRUE(wait_until([&] { return why().find("draining 1: ") != std::string::npos; })) << why();
    ASSERT_NO_FATAL_FAILURE(kill_daemon());
    EXPECT_TRUE(holds_for(4s, [&] { return running().size() == 1; })) << "nobody is there to stop it";
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    EXPECT_TRUE(wait_until([&] { return containers().empty(); })) << why();
    ASSERT_TRUE(wait_until([&] { return is_told("container_removed"); }));
    EXPECT_TRUE(has(told(), "with 1 connection left"));
    const auto all = told();
    EXPECT_EQ(all.find("signal_delivered"), all.rfind("signal_delivered")) << "once per drain";
}

/// The state directory on a disk of its own, and small.
class full_disk : public events {
protected:
    void SetUp() override
    {
        daemon_test::SetUp();
        std::filesystem::create_directories(state_directory());
        ASSERT_EQ(::mount("tmpfs", state_directory().c_str(), "tmpfs", 0, "size=6m,mode=0700"), 0);
        mounted_ = true;
    }
    void TearDown() override
    {
        daemon_.reset();
        if (mounted_)
            EXPECT_EQ(::umount2(state_directory().c_str(), MNT_DETACH), 0);
        daemon_test::TearDown();
    }
    /// Leaves no room, also not in SQLite's log, which would take small writes for a while.
    void fill() const
    {
        for (const auto* name : {"store.db", "ledger.db"}) {
            finished emptied;
            EXPECT_TRUE(wait_until([&] {
                emptied = run({"python3", "-c",
                    "import sqlite3,sys\n"
                    "c=sqlite3.connect(sys.argv[1],timeout=10)\n"
                    "sys.exit(c.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()[0])\n",
                    (state_directory() / name).string()});
                return emptied.exit_code == 0;  // it is refused while somebody else reads
            })) << name
                << emptied.both();
        }
        std::ofstream file(filler(), std::ios::binary);
        const std::string block(4096, 'x');
        while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
    }
    std::filesystem::path filler() const { return state_directory() / "filler"; }

private:
    bool mounted_ = false;
};

TEST_F(full_disk, is_told_and_keeps_nobody_from_serving)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    ASSERT_TRUE(wait_until([&] { return is_told("release_settled"); }));
    const auto container_before = containers().at(0).id;
    background_load load(port_);
    fill();
    EXPECT_TRUE(wait_until([&] { return why().find("disk_full") != std::string::npos; })) << why();
    EXPECT_TRUE(has(why(), "the disk of " + (state_directory() / "store.db").string() + " is full"));
    EXPECT_TRUE(has(why(), "what runs goes on; no order can be stored"));
    EXPECT_TRUE(has(gantryd({"status", project_}).both(), "disk_full"));
    EXPECT_TRUE(has(gantryd({"status", project_, "-o", "json"}).both(), "\"disk_full\""));
    const auto refused = gantryd({"stop", project_, "-c", "web"}, 30s);
    EXPECT_TRUE(ended_with(1, refused));
    EXPECT_TRUE(has(refused.err, "full"));
    // Longer than a lease lives: the daemon cannot say that it is there, and what is stored can be read.
    EXPECT_TRUE(holds_for(18s, [&] { return version_at(port_) == "v1"; }));
    EXPECT_TRUE(has(why(), "disk_full"));
    EXPECT_TRUE(is_told("release_settled"));
    EXPECT_TRUE(daemon_->running()) << daemon_log();

    std::filesystem::remove(filler());
    EXPECT_TRUE(wait_until([&] { return why() == "web: nothing waits\n"; }, 30s)) << why();
    EXPECT_EQ(containers().at(0).id, container_before);
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
    // Nothing but its own presence was there to write meanwhile, and that was refused.
    EXPECT_TRUE(wait_until([&] { return is_told("source_back"); }, 30s)) << told();
    EXPECT_TRUE(has(told(), "source_away"));
}

}  // namespace
}  // namespace gantryd::integration
