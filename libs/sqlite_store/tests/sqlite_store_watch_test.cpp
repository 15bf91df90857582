#include "steps.hpp"

#include <gantryd/base/temporary_directory.hpp>

#include <gantryd/runtime/simulation.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

namespace asio = boost::asio;
namespace base = gantryd::base;
namespace fs = std::filesystem;
namespace runtime = gantryd::runtime;
namespace store = gantryd::store;
namespace sqlite_store = gantryd::sqlite_store;
using sqlite_store::put;
using namespace std::chrono_literals;

namespace {

using batch = base::result<std::vector<store::change>>;

class sqlite_store_watch : public testing::Test {
protected:
    std::unique_ptr<store::store> open()
    {
        auto made = sqlite_store::open_file(path, sim.clock);
        if (!made) {
            ADD_FAILURE() << made.error().context();
            return nullptr;
        }
        return std::move(*made);
    }

    store::revision must_commit(store::store& to, store::transaction what)
    {
        const auto done = sim.outcome_after(0s, to.commit(std::move(what), sim.clock.now() + 1s));
        EXPECT_TRUE(done && *done);
        return done && *done ? **done : store::revision{};
    }

    static asio::awaitable<void> keep(std::shared_ptr<batch> to, store::watcher& from, bool& done)
    {
        *to = co_await from.next();
        done = true;
    }

    base::temporary_directory directory;
    std::string path = directory / "state.db";
    runtime::simulation sim;
};

std::chrono::nanoseconds cpu_time()
{
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

}  // namespace

TEST_F(sqlite_store_watch, a_write_of_another_handle_is_heard_without_any_time)
{
    const auto writer = open();
    const auto reader = open();
    const auto at = must_commit(*writer, put("k", "1"));
    const auto watch = reader->watch("k", at);
    const auto seen = std::make_shared<batch>();
    bool done = false;
    sim.start(keep(seen, *watch, done));
    sim.clock.advance(10s);
    EXPECT_FALSE(done);
    must_commit(*writer, put("k", "2"));
    sim.clock.settle();
    ASSERT_TRUE(done);
    ASSERT_TRUE(*seen);
    EXPECT_EQ((*seen)->front().pair.value, "2");
}

TEST_F(sqlite_store_watch, a_writer_that_cannot_announce_is_noticed_within_two_seconds)
{
    fs::create_directory(path + "-changed");  // neither side can use it
    const auto writer = open();
    const auto reader = open();
    const auto at = must_commit(*writer, put("k", "1"));
    const auto watch = reader->watch("k", at);
    const auto seen = std::make_shared<batch>();
    bool done = false;
    sim.start(keep(seen, *watch, done));
    sim.clock.advance(1s);
    must_commit(*writer, put("k", "2"));
    sim.clock.settle();
    EXPECT_FALSE(done) << "then the other tests here prove nothing";
    sim.clock.advance(2s);
    EXPECT_TRUE(done);
}

TEST_F(sqlite_store_watch, its_own_writes_need_no_announcement)
{
    fs::create_directory(path + "-changed");
    const auto both = open();
    const auto at = must_commit(*both, put("k", "1"));
    const auto watch = both->watch("k", at);
    const auto seen = std::make_shared<batch>();
    bool done = false;
    sim.start(keep(seen, *watch, done));
    must_commit(*both, put("k", "2"));
    sim.clock.settle();
    EXPECT_TRUE(done);
}

TEST_F(sqlite_store_watch, a_removed_file_of_announcements_costs_two_seconds_once)
{
    const auto writer = open();
    const auto reader = open();
    const auto at = must_commit(*writer, put("k", "1"));
    const auto watch = reader->watch("k", at);
    auto seen = std::make_shared<batch>();
    bool done = false;
    sim.start(keep(seen, *watch, done));
    fs::remove(path + "-changed");
    must_commit(*writer, put("k", "2"));  // makes it anew; nobody listens to that one yet
    sim.clock.advance(2s);
    ASSERT_TRUE(done);
    done = false;
    sim.start(keep(seen, *watch, done));
    must_commit(*writer, put("k", "3"));
    sim.clock.settle();
    EXPECT_TRUE(done);
}

TEST_F(sqlite_store_watch, a_lease_that_another_handle_grants_wakes_at_its_end)
{
    const auto writer = open();
    const auto reader = open();
    const auto at = must_commit(*writer, put("other", "1"));
    const auto watch = reader->watch("k", at);
    const auto seen = std::make_shared<batch>();
    bool done = false;
    sim.start(keep(seen, *watch, done));
    const auto lease = sim.outcome_after(0s, writer->grant(1s, sim.clock.now() + 1s));
    ASSERT_TRUE(lease && *lease);
    auto what = put("k", "leased");
    what.operations[0].lease = **lease;
    must_commit(*writer, what);
    sim.clock.settle();
    ASSERT_TRUE(done);
    done = false;
    sim.start(keep(seen, *watch, done));
    sim.clock.advance(999ms);
    EXPECT_FALSE(done);
    sim.clock.advance(2ms);
    ASSERT_TRUE(done);
    ASSERT_TRUE(*seen);
    EXPECT_TRUE((*seen)->front().erased);
}

TEST_F(sqlite_store_watch, a_loop_may_end_under_a_waiting_watcher_and_the_store_serves_the_next)
{
    const auto clock = runtime::make_system_clock();
    const auto opened = sqlite_store::open_file(path, *clock);
    ASSERT_TRUE(opened) << opened.error().context();
    const auto watch = (*opened)->watch("k", store::revision{});
    const auto seen = std::make_shared<batch>();
    bool done = false;
    {
        asio::io_context first(1);
        asio::co_spawn(first, keep(seen, *watch, done), [](std::exception_ptr) {});
        first.poll();
    }
    EXPECT_FALSE(done);
    const auto anew = (*opened)->watch("k", store::revision{});
    asio::io_context second(1);
    asio::co_spawn(second, keep(seen, *anew, done), [](std::exception_ptr) {});
    auto write = [&]() -> asio::awaitable<void> {
        (void)co_await (*opened)->commit(put("k", "1"), clock->now() + 5s);
    };
    asio::co_spawn(second, write(), [](std::exception_ptr) {});
    second.run_for(10s);
    EXPECT_TRUE(done);
}

TEST_F(sqlite_store_watch, what_an_idle_watcher_costs)
{
    const auto opened = open();
    const auto at = must_commit(*opened, put("k", "1"));
    const auto watch = opened->watch("k", at);
    const auto seen = std::make_shared<batch>();
    bool done = false;
    sim.start(keep(seen, *watch, done));
    sim.clock.advance(10s);
    const auto before = cpu_time();
    constexpr int looks = 2000;
    sim.clock.advance(looks * 2s);
    const auto used = cpu_time() - before;
    EXPECT_FALSE(done);
    must_commit(*opened, put("k", "2"));
    sim.clock.settle();
    EXPECT_TRUE(done) << "it was still there";
    std::cout << "[ MEASURED ] an idle watcher uses " << used / looks / 1us << " us of CPU every 2 s\n";
}
