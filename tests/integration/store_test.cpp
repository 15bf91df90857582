#include "daemon_test.hpp"

#include <fstream>

namespace gantryd::integration {
namespace {

using store = daemon_test;

TEST_F(store, missing_is_named_and_not_made_by_a_question)
{
    const auto path = state_directory() / "store.db";
    for (const auto& words : {std::vector<std::string>{"getconfig", project_}, {"list", project_},
             {"status", project_}, {"why", project_}, {"events", project_}, {"history", project_, "web"},
             {"update", project_, "-c", "web"}, {"stop", project_, "-c", "web"},
             {"kill", project_, "-c", "web"}, {"plan", project_, "-c", "web"},
             {"rollback", project_, "-c", "web"}, {"pause", project_, "-c", "web"}, {"watch", project_},
             {"machines", project_}, {"machine", "drain", project_, "m1"}}) {
        const auto done = gantryd(words, 20s);
        EXPECT_TRUE(ended_with(1, done)) << words[0];
        EXPECT_TRUE(has(done.err, path.string())) << words[0];
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(store, without_the_project_is_told_apart)
{
    const auto file = write_project({component("web", port_)});
    ASSERT_TRUE(ended_with(0, gantryd({"setconfig", "another", file})));
    EXPECT_TRUE(has(gantryd({"getconfig", project_}).both(), "No config found"));
    for (const auto& words :
        {std::vector<std::string>{"list", project_}, {"status", project_}, {"why", project_},
            {"events", project_}, {"history", project_, "web"}, {"update", project_, "-c", "web"},
            {"stop", project_, "-c", "web"}, {"plan", project_, "-c", "web"},
            {"rollback", project_, "-c", "web"}, {"resume", project_, "-c", "web"}, {"watch", project_},
            {"machines", project_}, {"machine", "undrain", project_, "m1"}}) {
        const auto done = gantryd(words, 20s);
        EXPECT_TRUE(ended_with(1, done)) << words[0];
        EXPECT_TRUE(has(done.err, project_)) << words[0];
    }
}

TEST_F(store, is_awaited_by_a_daemon_that_comes_first)
{
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    ASSERT_NO_FATAL_FAILURE(deploy("v1"));
}

TEST_F(store, corrupt_is_named_and_left_alone)
{
    std::filesystem::create_directories(state_directory());
    const auto path = state_directory() / "store.db";
    const std::string garbage(8192, 'x');
    std::ofstream(path) << garbage;
    const auto done = gantryd({"setconfig", project_, write_project({component("web", port_)})});
    EXPECT_TRUE(ended_with(1, done));
    EXPECT_TRUE(has(done.err, path.string()));
    EXPECT_EQ(text_of_file(path), garbage);
}

TEST_F(store, locked_by_another_program_is_reported_in_time)
{
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    const auto path = (state_directory() / "store.db").string();
    // Python's sqlite3 holds the write lock until its input, here nothing, would come from the sleep.
    program locker({"python3", "-c",
                       "import sqlite3,sys,time\n"
                       "c=sqlite3.connect(sys.argv[1],isolation_level=None)\n"
                       "c.execute('BEGIN EXCLUSIVE')\n"
                       "print('locked',flush=True)\n"
                       "time.sleep(120)\n",
                       path},
        directory_ / "locker.log");
    ASSERT_TRUE(wait_until([&] { return locker.output() == "locked\n"; })) << locker.output();
    const auto done = gantryd({"setconfig", project_, write_project({component("web", free_port())})}, 60s);
    EXPECT_TRUE(done.exit_code == 1 || done.exit_code == 3) << done.exit_code << done.err;
    EXPECT_TRUE(has(done.err, path));
    EXPECT_LT(done.took, 40s);
}

TEST_F(store, in_a_directory_that_cannot_be_made_is_named)
{
    const auto in_the_way = write_file("state", "a file");
    const auto done = gantryd({"setconfig", project_, write_project({component("web", port_)})});
    EXPECT_TRUE(ended_with(1, done));
    EXPECT_TRUE(has(done.err, in_the_way));
}

TEST_F(store, losing_it_under_a_running_daemon_disturbs_nothing_that_runs)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto before = containers().at(0).id;
    background_load load(port_);
    for (const char* suffix : {"", "-wal", "-shm"})
        std::filesystem::remove((state_directory() / "store.db").string() + suffix);
    EXPECT_TRUE(holds_for(3s, [&] { return version_at(port_) == "v1"; }));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
    ASSERT_EQ(containers().size(), 1U);
    EXPECT_EQ(containers().at(0).id, before);
}

TEST_F(store, may_be_anywhere)
{
    const auto path = (directory_ / "elsewhere.db").string();
    const auto file = write_project({component("web", port_)});
    ASSERT_TRUE(ended_with(0, gantryd({"setconfig", project_, file, "--store", path})));
    EXPECT_TRUE(std::filesystem::exists(path));
    EXPECT_TRUE(ended_with(0, gantryd({"getconfig", project_, "--store", path})));
    EXPECT_TRUE(ended_with(1, gantryd({"getconfig", project_})));
}

}  // namespace
}  // namespace gantryd::integration
