// The store is a real etcd.
#include "daemon_test.hpp"

#include <gantryd/etcd/cluster.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>
#include <string>
#include <thread>

namespace gantryd::integration {
namespace {

class with_etcd : public daemon_test {
protected:
    with_etcd() { added_ = {{"ETCDCTL_ENDPOINTS", etcd_.endpoints()}}; }

    std::set<std::string> ids() const
    {
        std::set<std::string> out;
        for (const auto& one : running())
            out.insert(one.id);
        return out;
    }

    /// Whether `status` ends so, and knows every container that runs.
    bool tells_of_all(int exit_code) const
    {
        const auto status = gantryd({"status", project_});
        return status.exit_code == exit_code &&
               std::ranges::all_of(running(), [&](const auto& one) { return status.out.contains(one.name); });
    }

    /// How many questions etcd was asked since its start, streams included.
    long questions() const
    {
        const auto got = run({"curl", "--silent", "--fail", etcd_.endpoint(0) + "/metrics"});
        EXPECT_EQ(got.exit_code, 0) << got.err;
        std::istringstream lines(got.out);
        double sum = 0;
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with("grpc_server_started_total{"))
                sum += std::stod(line.substr(line.rfind(' ')));
        return std::lround(sum);
    }

    etcd_testing::cluster etcd_;
};

TEST_F(with_etcd, updates_lose_nothing)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web(2));
    background_load load(port_);
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    ASSERT_NO_FATAL_FAILURE(deploy("v3"));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2", "v3"}));

    EXPECT_TRUE(has(etcd_.etcdctl({"get", "--prefix", "--keys-only", "/"}), "/projects/" + project_ + "/"));
    EXPECT_FALSE(std::filesystem::exists(state_directory() / "store.db"));
    EXPECT_TRUE(has(gantryd({"status", project_}).out, "release 3"));
}

TEST_F(with_etcd, the_words_of_the_python_gantryd_name_it)
{
    added_.clear();
    const auto file = write_project({component("web", port_)});
    const std::vector<std::string> where{"-etcd", "127.0.0.1", "-etcdport", std::to_string(etcd_.port(0))};
    const auto with = [&](std::vector<std::string> words) {
        words.insert(words.end(), where.begin(), where.end());
        return gantryd(words);
    };
    ASSERT_TRUE(ended_with(0, with({"setconfig", project_, file})));
    EXPECT_TRUE(ended_with(0, with({"getconfig", project_})));
    EXPECT_TRUE(ended_with(1, gantryd({"getconfig", project_}))) << "another store";
    EXPECT_TRUE(ended_with(0, gantryd({"getconfig", project_, "--etcd", etcd_.endpoints()})));
}

TEST_F(with_etcd, a_wrong_endpoint_is_named_and_a_password_is_not)
{
    added_ = {
        {"ETCDCTL_ENDPOINTS", "127.0.0.1:" + std::to_string(free_port())}, {"ETCDCTL_USER", "root:hunter2"}};
    const auto refused = gantryd({"list", project_});
    EXPECT_TRUE(ended_with(1, refused));
    EXPECT_TRUE(has(refused.err, "connection refused"));
    added_ = {{"ETCDCTL_ENDPOINTS", "root:hunter2@127.0.0.1"}};
    const auto wrong = gantryd({"list", project_});
    EXPECT_TRUE(ended_with(1, wrong));
    EXPECT_EQ((refused.both() + wrong.both()).find("hunter2"), std::string::npos);
}

TEST_F(with_etcd, away_for_a_while_stops_orders_and_nothing_else)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web(2));
    background_load load(port_);
    const auto before = ids();
    etcd_.kill(0);
    for (const auto& words : {std::vector<std::string>{"update", project_, "-c", "web"},
             {"stop", project_, "-c", "web"}, {"getconfig", project_}}) {
        const auto refused = gantryd(words);
        EXPECT_TRUE(ended_with(1, refused)) << words[0];
        EXPECT_TRUE(has(refused.err, "gantryd: the store does not answer, and nothing was changed: "))
            << words[0];
        EXPECT_TRUE(has(refused.err, "connection refused")) << words[0];
        EXPECT_EQ(std::ranges::count(refused.err, '\n'), 1) << words[0];
    }
    EXPECT_TRUE(wait_until([&] { return daemon_log().contains("connection refused"); }, 30s));
    EXPECT_EQ(ids(), before);

    // What dies meanwhile is replaced, and nothing else.
    const auto victim = *before.begin();
    docker_.run({"kill", victim});
    ASSERT_TRUE(wait_until([&] { return ids().size() == 2 && !ids().contains(victim); }));
    const auto healed = ids();
    EXPECT_TRUE(healed.contains(*before.rbegin()));

    etcd_.start(0);
    EXPECT_TRUE(wait_until([&] { return tells_of_all(0); }, 60s)) << gantryd({"status", project_}).both();
    EXPECT_EQ(ids(), healed) << "a restart that nobody needed";
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
}

TEST_F(with_etcd, away_at_the_start_of_gantryd_changes_nothing_for_what_runs)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web(2));
    background_load load(port_);
    const auto before = ids();
    etcd_.kill(0);
    ASSERT_NO_FATAL_FAILURE(kill_daemon());
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_TRUE(wait_until([&] { return daemon_log().contains("store copy used"); }, 30s));

    const auto victim = *before.begin();
    docker_.run({"kill", victim});
    ASSERT_TRUE(wait_until([&] { return ids().size() == 2 && !ids().contains(victim); })) << daemon_log();
    const auto healed = ids();
    EXPECT_TRUE(healed.contains(*before.rbegin()));
    EXPECT_TRUE(wait_until([&] { return tells_of_all(1); }, 30s)) << gantryd({"status", project_}).both();
    const auto told = gantryd({"why", project_});
    EXPECT_TRUE(ended_with(1, told));
    EXPECT_TRUE(has(told.out, "store_unreachable"));
    EXPECT_TRUE(has(told.out, "gantryd goes by the copy that it kept, of 20"));
    EXPECT_TRUE(has(told.err, "This is what gantryd on this machine goes by: the store's state of 20"));
    const auto mode = std::filesystem::status(state_directory() / "ledger.db").permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << "environment variables stand in it";

    // And once more: the presence of the first daemon is still in etcd.
    ASSERT_NO_FATAL_FAILURE(kill_daemon());
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_TRUE(wait_until([&] { return daemon_log().contains("store copy used"); }, 30s));
    etcd_.start(0);
    EXPECT_TRUE(wait_until([&] { return tells_of_all(0); }, 60s)) << gantryd({"status", project_}).both();
    EXPECT_TRUE(holds_for(3s, [&] { return ids() == healed; })) << "a restart that nobody needed";
    EXPECT_FALSE(daemon_log().contains("machine id refused"));
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
}

TEST_F(with_etcd, away_while_somebody_waits_is_waited_for)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    make_image("v2", {{"START_DELAY_MS", "3000"}});
    const auto waits =
        begin_gantryd({"update", project_, "-c", "web", "--wait", "--timeout", "80s"}, "update.log");
    ASSERT_TRUE(wait_until([&] { return running().size() == 2; })) << waits->output();
    etcd_.kill(0);
    EXPECT_TRUE(wait_until([&] { return waits->output().contains("the store does not answer"); }, 30s))
        << waits->output();
    EXPECT_TRUE(holds_for(10s, [&] { return waits->running(); })) << waits->output();
    etcd_.start(0);
    EXPECT_EQ(waits->wait(60s), 0) << waits->output();
    EXPECT_EQ(version_at(port_), "v2");
}

TEST_F(with_etcd, at_rest_is_asked_less_than_ten_times_in_a_minute)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto is_at_rest = [&] {
        const auto asked = questions();
        return holds_for(2s, [&] { return questions() == asked; });
    };
    ASSERT_TRUE(wait_until(is_at_rest, 60s));
    const auto before = questions();
    std::this_thread::sleep_for(90s);  // the time for which it is counted
    const auto asked = questions() - before;
    EXPECT_LT(asked, 15) << "in 90 s";
    EXPECT_GT(asked, 5) << "a presence has to be kept alive";
}

TEST_F(with_etcd, an_order_as_the_python_gantryd_writes_it_is_obeyed)
{
    const auto id = make_image("v1");
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    const auto key = "/gantryd/projects/" + project_ + "/components/web/state";
    etcd_.etcdctl({"put", key, R"({"status":"ready","imageid":")" + id + "\"}"});
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v1"; }, 30s)) << daemon_log();
    EXPECT_TRUE(has(gantryd({"list", project_}).out, "ready"));
    EXPECT_TRUE(has(gantryd({"status", project_}).out, "release 1"));
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    etcd_.etcdctl({"put", key, R"({"status":"stopped"})"});
    EXPECT_TRUE(wait_until([&] { return containers().empty(); }, 30s)) << daemon_log();
}

}  // namespace
}  // namespace gantryd::integration
