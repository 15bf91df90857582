#include "child_process.hpp"
#include "steps.hpp"

#include <gantryd/base/temporary_directory.hpp>

#include <gantryd/runtime/task_scope.hpp>

#include <SQLiteCpp/Database.h>
#include <boost/asio/this_coro.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <sys/resource.h>

namespace asio = boost::asio;
namespace base = gantryd::base;
namespace fs = std::filesystem;
namespace runtime = gantryd::runtime;
namespace store = gantryd::store;
namespace sqlite_store = gantryd::sqlite_store;
using base::errc;
using sqlite_store::open_file;
using sqlite_store::outcome;
using sqlite_store::put;
using namespace std::chrono_literals;

namespace {

class sqlite_store_failures : public testing::Test {
protected:
    void SetUp() override
    {
        auto made = open_file(path, loop->clock());
        ASSERT_TRUE(made) << made.error().context();
        opened = std::move(*made);
    }
    runtime::time_point soon() { return loop->clock().now() + 10s; }

    base::temporary_directory directory;
    std::string path = directory / "state.db";
    std::unique_ptr<store::test_loop> loop = store::make_virtual_loop();
    std::unique_ptr<store::store> opened;
};

asio::awaitable<void> unlock_after(
    runtime::clock& clk, runtime::duration time, SQLite::Database& held, int& ticks)
{
    for (const auto until = clk.now() + time; clk.now() < until; ++ticks)
        co_await clk.sleep_until(clk.now() + 10ms);
    held.exec("COMMIT");
}

}  // namespace

TEST_F(sqlite_store_failures, a_commit_waits_for_a_lock_and_the_loop_goes_on)
{
    SQLite::Database other(path, SQLite::OPEN_READWRITE);
    other.exec("BEGIN IMMEDIATE");
    int ticks = 0;
    auto body = [&]() -> asio::awaitable<void> {
        const auto begun = loop->clock().now();
        auto write = [&]() -> asio::awaitable<void> {
            const auto done = co_await opened->commit(put("k", "v"), soon());
            EXPECT_TRUE(done) << done.error().context();
            EXPECT_GE(loop->clock().now() - begun, 1s);
            EXPECT_LT(loop->clock().now() - begun, 1100ms) << "the pauses between the attempts are short";
        };
        runtime::task_scope tasks(co_await asio::this_coro::executor);
        tasks.spawn("unlock", unlock_after(loop->clock(), 1s, other, ticks));
        tasks.spawn("write", write());
        co_await tasks.join();
    };
    loop->run(body());
    EXPECT_GE(ticks, 100);
}

TEST_F(sqlite_store_failures, a_lock_until_the_deadline_is_timed_out_and_nothing_is_written)
{
    SQLite::Database other(path, SQLite::OPEN_READWRITE);
    other.exec("BEGIN IMMEDIATE");
    const auto begun = loop->clock().now();
    const auto done = outcome(*loop, opened->commit(put("k", "v"), begun + 5s));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error(), errc::timed_out);
    EXPECT_NE(done.error().context().find(path), std::string::npos) << done.error().context();
    EXPECT_NE(done.error().context().find("locked by another process"), std::string::npos);
    const auto lease = outcome(*loop, opened->grant(5s, loop->clock().now() + 1s));
    EXPECT_TRUE(!lease && lease.error() == errc::timed_out);
    other.exec("COMMIT");
    const auto got = outcome(*loop, opened->get("k", soon()));
    EXPECT_TRUE(got && !*got);
}

TEST_F(sqlite_store_failures, reading_goes_on_while_another_process_writes)
{
    ASSERT_TRUE(outcome(*loop, opened->commit(put("k", "v"), soon())));
    SQLite::Database other(path, SQLite::OPEN_READWRITE);
    other.exec("BEGIN IMMEDIATE; UPDATE state SET revision = 100");
    const auto now = loop->clock().now();
    const auto listed = outcome(*loop, opened->list("", now + 1ms));
    ASSERT_TRUE(listed) << listed.error().context();
    EXPECT_EQ(listed->pairs.size(), 1u);
    EXPECT_LT(std::to_underlying(listed->at), 100);
    other.exec("ROLLBACK");
}

TEST_F(sqlite_store_failures, leases_end_when_the_machine_starts_anew)
{
    const auto lease = outcome(*loop, opened->grant(3600s, soon()));
    ASSERT_TRUE(lease);
    auto what = put("k/leased", "v");
    what.operations[0].lease = *lease;
    ASSERT_TRUE(outcome(*loop, opened->commit(what, soon())));
    ASSERT_TRUE(outcome(*loop, opened->commit(put("k/kept", "v"), soon())));
    opened.reset();
    {
        SQLite::Database other(path, SQLite::OPEN_READWRITE);
        EXPECT_EQ(other.exec("UPDATE leases SET boot = 'an earlier one'"), 1);
    }
    SetUp();
    const auto listed = outcome(*loop, opened->list("k/", soon()));
    ASSERT_TRUE(listed);
    ASSERT_EQ(listed->pairs.size(), 1u);
    EXPECT_EQ(listed->pairs[0].key, "k/kept");
    const auto kept = outcome(*loop, opened->keep_alive(*lease, soon()));
    EXPECT_TRUE(!kept && kept.error() == errc::not_found);
}

TEST_F(sqlite_store_failures, a_damaged_page_is_malformed_when_it_is_read)
{
    for (int i = 0; i < 100; ++i)
        ASSERT_TRUE(
            outcome(*loop, opened->commit(put("k" + std::to_string(i), std::string(3000, 'x')), soon())));
    opened.reset();  // the last one moves the log into the file
    const auto size = static_cast<std::streamoff>(fs::file_size(path));
    {
        std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(size / 4);
        file << std::string(static_cast<std::size_t>(size / 2), '\xee');
    }
    SetUp();
    const auto listed = outcome(*loop, opened->list("", soon()));
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error(), errc::malformed) << listed.error().context();
    EXPECT_NE(listed.error().context().find(path), std::string::npos) << listed.error().context();
    const auto watch = opened->watch("", store::revision{});
    const auto seen = outcome(*loop, watch->next());
    EXPECT_TRUE(!seen && seen.error() == errc::malformed);
}

TEST_F(sqlite_store_failures, a_removed_file_is_unavailable_until_there_is_a_new_one)
{
    ASSERT_TRUE(outcome(*loop, opened->commit(put("k", "v"), soon())));
    const auto at = outcome(*loop, opened->commit(put("k", "w"), soon()));
    ASSERT_TRUE(at);
    const auto watch = opened->watch("", *at);
    for (const auto* side : {"", "-wal", "-shm", "-changed"})
        fs::remove(path + side);

    const auto lost = outcome(*loop, opened->commit(put("k", "x"), soon()));
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error(), errc::unavailable);
    EXPECT_NE(lost.error().context().find(path + " does not exist"), std::string::npos)
        << lost.error().context();

    const auto another = open_file(path, loop->clock());
    ASSERT_TRUE(another) << another.error().context();
    const auto got = outcome(*loop, opened->get("k", soon()));
    EXPECT_TRUE(got && !*got) << "it reads the file that others write";
    const auto seen = outcome(*loop, watch->next());
    ASSERT_FALSE(seen) << "the new file has no such revision yet";
    EXPECT_EQ(seen.error(), errc::compacted);
}

TEST(sqlite_store_disk, a_full_disk_is_unavailable_and_the_store_goes_on_when_there_is_room)
{
    const base::temporary_directory directory;
    const auto path = directory / "state.db";
    // In a child: the limit on the size of files is that of a process.
    sqlite_store::child_process child([&] {
        const auto loop = store::make_virtual_loop();
        const auto opened = open_file(path, loop->clock());
        if (!opened)
            return 1;
        const auto soon = loop->clock().now() + 30s;
        if (!outcome(*loop, (*opened)->commit(put("before", "v"), soon)))
            return 2;
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit limit{};
        ::getrlimit(RLIMIT_FSIZE, &limit);
        const auto unlimited = limit.rlim_cur;
        limit.rlim_cur = 1024UL * 1024;
        ::setrlimit(RLIMIT_FSIZE, &limit);
        const std::string large(1000UL * 1000, 'x');
        base::result<store::revision> done = store::revision{};
        for (int i = 0; i < 4 && done; ++i)
            done = outcome(*loop, (*opened)->commit(put("large" + std::to_string(i), large), soon));
        if (done || done.error() != errc::unavailable ||
            done.error().context().find(path) == std::string::npos)
            return 3;
        const auto still_there = outcome(*loop, (*opened)->get("before", soon));
        if (!still_there || !*still_there)
            return 4;
        limit.rlim_cur = unlimited;
        ::setrlimit(RLIMIT_FSIZE, &limit);
        if (!outcome(*loop, (*opened)->commit(put("after", large), soon)))
            return 5;
        return 0;
    });
    EXPECT_EQ(child.wait(), 0);
    const auto loop = store::make_virtual_loop();
    const auto opened = open_file(path, loop->clock());
    ASSERT_TRUE(opened) << opened.error().context();
    const auto got = outcome(*loop, (*opened)->get("after", loop->clock().now() + 1s));
    EXPECT_TRUE(got && *got);
}
