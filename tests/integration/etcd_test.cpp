// The store is a real etcd.
#include "daemon_test.hpp"

#include <gantryd/etcd/cluster.hpp>

#include <algorithm>
#include <set>
#include <string>

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
             {"stop", project_, "-c", "web"}, {"status", project_}}) {
        const auto refused = gantryd(words);
        EXPECT_TRUE(ended_with(1, refused)) << words[0];
        EXPECT_TRUE(has(refused.err, "connection refused")) << words[0];
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
    std::set<std::string> names;
    for (const auto& one : running())
        names.insert(one.name);
    const auto tells_of_all = [&] {
        const auto status = gantryd({"status", project_});
        return status.exit_code == 0 &&
               std::ranges::all_of(names, [&](const std::string& name) { return status.out.contains(name); });
    };
    EXPECT_TRUE(wait_until(tells_of_all, 60s)) << gantryd({"status", project_}).both();
    EXPECT_EQ(ids(), healed) << "a restart that nobody needed";
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
}

}  // namespace
}  // namespace gantryd::integration
