#include "child_process.hpp"
#include "steps.hpp"

#include <gantryd/base/temporary_directory.hpp>

#include <gantryd/runtime/with_deadline.hpp>

#include <SQLiteCpp/Database.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <time.h>

namespace asio = boost::asio;
namespace base = gantryd::base;
namespace runtime = gantryd::runtime;
namespace store = gantryd::store;
namespace sqlite_store = gantryd::sqlite_store;
using sqlite_store::child_process;
using sqlite_store::durability;
using sqlite_store::open_file;
using sqlite_store::pipe_between;
using sqlite_store::put;
using sqlite_store::put_if;
using namespace std::chrono_literals;

namespace {

using body = std::function<asio::awaitable<void>(store::store&, runtime::clock&)>;

/// What a child does: opens the store on a real loop, and exits with 0 when `what` did not fail a test.
int with_store(const std::string& path, durability commits, const body& what)
{
    const auto loop = store::make_real_loop();
    const auto opened = open_file(path, loop->clock(), commits);
    EXPECT_TRUE(opened) << opened.error().context();
    if (!opened)
        return 1;
    loop->run(what(**opened, loop->clock()), 100s);
    return testing::Test::HasFailure() ? 2 : 0;
}

std::int64_t number(store::revision at) { return std::to_underlying(at); }

asio::awaitable<void> count_up(store::store& with, runtime::clock& clk, int times)
{
    while (times > 0) {
        const auto got = co_await with.get("counter", clk.now() + 30s);
        EXPECT_TRUE(got && *got);
        if (!got || !*got)
            co_return;
        auto what = put_if("counter", (*got)->modified, std::to_string(std::stoi((*got)->value) + 1));
        const auto done = co_await with.commit(std::move(what), clk.now() + 30s);
        if (done)
            --times;
        else if (done.error() != base::errc::conflict) {
            ADD_FAILURE() << done.error().context();
            co_return;
        }
    }
}

/// Every value of the counter from 1 to `last`, each in the revision after the one before.
asio::awaitable<void> see_all(store::store& with, runtime::clock& clk, store::revision after, int last)
{
    const auto watch = with.watch("counter", after);
    auto at = number(after);
    for (int expected = 1; expected <= last;) {
        const auto batch =
            co_await runtime::with_deadline(clk, clk.now() + 60s, "nothing to see", watch->next());
        EXPECT_TRUE(batch) << batch.error().context();
        if (!batch)
            co_return;
        for (const auto& change : *batch) {
            EXPECT_EQ(change.pair.value, std::to_string(expected++));
            EXPECT_EQ(number(change.pair.modified), ++at);
        }
    }
}

std::string integrity(const std::string& path)
{
    SQLite::Database db(path, SQLite::OPEN_READWRITE);
    return db.execAndGet("PRAGMA integrity_check").getString();
}

}  // namespace

TEST(sqlite_store_processes, four_writers_lose_no_increment_and_a_watcher_sees_every_one)
{
    const base::temporary_directory directory;
    const auto path = directory / "state.db";
    store::revision start{};
    const body begin = [&](store::store& with, runtime::clock& clk) -> asio::awaitable<void> {
        const auto done = co_await with.commit(put("counter", "0"), clk.now() + 10s);
        EXPECT_TRUE(done);
        start = done.value_or(store::revision{});
    };
    ASSERT_EQ(with_store(path, durability::relaxed, begin), 0);

    std::vector<child_process> children;
    children.emplace_back([&] {
        return with_store(path, durability::relaxed,
            [&](store::store& with, runtime::clock& clk) { return see_all(with, clk, start, 800); });
    });
    for (int i = 0; i < 4; ++i) {
        children.emplace_back([&] {
            return with_store(path, durability::relaxed,
                [](store::store& with, runtime::clock& clk) { return count_up(with, clk, 200); });
        });
    }
    for (auto& child : children)
        EXPECT_EQ(child.wait(), 0);

    const body end = [&](store::store& with, runtime::clock& clk) -> asio::awaitable<void> {
        const auto got = co_await with.get("counter", clk.now() + 10s);
        EXPECT_TRUE(got && *got && (*got)->value == "800");
        EXPECT_TRUE(got && *got && number((*got)->modified) == number(start) + 800);
    };
    EXPECT_EQ(with_store(path, durability::relaxed, end), 0);
    EXPECT_EQ(integrity(path), "ok");
}

TEST(sqlite_store_processes, many_may_make_the_file_at_once)
{
    const base::temporary_directory directory;
    const auto path = directory / "new/state.db";
    pipe_between go;
    std::vector<child_process> children;
    children.reserve(8);
    for (int i = 0; i < 8; ++i) {
        children.emplace_back([&, i] {
            go.close_writing_end();
            char at_the_end = 0;
            (void)go.read(at_the_end);  // all of them leave here together
            return with_store(path, durability::full,
                [i](store::store& with, runtime::clock& clk) -> asio::awaitable<void> {
                    const auto done =
                        co_await with.commit(put("k" + std::to_string(i), "v"), clk.now() + 30s);
                    EXPECT_TRUE(done) << done.error().context();
                });
        });
    }
    go.close_writing_end();
    for (auto& child : children)
        EXPECT_EQ(child.wait(), 0);
    const body end = [](store::store& with, runtime::clock& clk) -> asio::awaitable<void> {
        const auto listed = co_await with.list("k", clk.now() + 10s);
        EXPECT_TRUE(listed && listed->pairs.size() == 8);
    };
    EXPECT_EQ(with_store(path, durability::full, end), 0);
}

namespace {

/// Writes a pair of keys for ever, and tells each revision once it is committed.
asio::awaitable<void> write_pairs(store::store& with, runtime::clock& clk, pipe_between& tell)
{
    for (int i = 0;; ++i) {
        auto what = put("pair/a", std::to_string(i));
        what.operations.push_back({store::operation::kind::put, "pair/b", std::to_string(i), {}});
        const auto done = co_await with.commit(std::move(what), clk.now() + 30s);
        EXPECT_TRUE(done) << done.error().context();
        if (!done || !tell.write(number(*done)))
            co_return;
    }
}

/// What a killed writer left: the last revision it told, whole, and perhaps one more; and a store that works.
asio::awaitable<void> check_pairs(
    store::store& with, runtime::clock& clk, std::int64_t told, std::int64_t& now)
{
    const auto listed = co_await with.list("pair/", clk.now() + 30s);
    EXPECT_TRUE(listed) << listed.error().context();
    if (!listed)
        co_return;
    now = number(listed->at);
    EXPECT_GE(now, told) << "a commit that was acknowledged is lost";
    EXPECT_LE(now, told + 1);
    EXPECT_EQ(listed->pairs.size(), 2u);
    EXPECT_EQ(listed->pairs.front().value, listed->pairs.back().value);
    EXPECT_EQ(number(listed->pairs.front().modified), number(listed->pairs.back().modified));
    const auto done = co_await with.commit(put("later", std::to_string(now)), clk.now() + 30s);
    EXPECT_TRUE(done) << done.error().context();
    now = number(done.value_or(store::revision{}));
}

asio::awaitable<void> check_history(store::store& with, runtime::clock& clk, std::int64_t last)
{
    const auto watch = with.watch("", store::revision{1});
    const auto all = co_await runtime::with_deadline(clk, clk.now() + 60s, "nothing", watch->next());
    EXPECT_TRUE(all) << all.error().context();
    if (!all)
        co_return;
    auto at = std::int64_t{1};
    for (const auto& change : *all) {
        const auto step = number(change.pair.modified) - at;
        EXPECT_TRUE(step == 0 || step == 1) << "after revision " << at;
        at += step;
    }
    EXPECT_EQ(at, last);
}

}  // namespace

TEST(sqlite_store_processes, a_writer_that_is_killed_leaves_a_whole_store)
{
    const base::temporary_directory directory;
    const auto path = directory / "state.db";
    const auto seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    std::int64_t last = 0;
    for (int round = 0; round < 20; ++round) {
        const auto commits = round % 2 == 0 ? durability::full : durability::relaxed;
        pipe_between told;
        child_process writer([&] {
            return with_store(path, commits,
                [&](store::store& with, runtime::clock& clk) { return write_pairs(with, clk, told); });
        });
        told.close_writing_end();
        std::int64_t at = 0;
        for (auto left = std::uniform_int_distribution<>(1, 25)(random); left > 0; --left)
            ASSERT_TRUE(told.read(at));
        // Anywhere in one of the next commits.
        const timespec moment{0, std::uniform_int_distribution<long>(0, 3'000'000)(random)};
        ::nanosleep(&moment, nullptr);
        EXPECT_EQ(writer.kill(), 128 + SIGKILL);
        while (told.read(at)) {
        }
        const body check = [&](store::store& with, runtime::clock& clk) {
            return check_pairs(with, clk, at, last);
        };
        ASSERT_EQ(with_store(path, durability::relaxed, check), 0);
    }
    const body history = [&](store::store& with, runtime::clock& clk) {
        return check_history(with, clk, last);
    };
    EXPECT_EQ(with_store(path, durability::relaxed, history), 0);
    EXPECT_EQ(integrity(path), "ok");
}

namespace {

constexpr std::size_t rounds = 200;

/// Memory that a child writes and its parent reads.
struct moments {
    std::array<runtime::time_point, rounds> seen{};
};

using shared_moments = std::unique_ptr<moments, void (*)(moments*)>;

shared_moments make_shared_moments()
{
    void* memory =
        ::mmap(nullptr, sizeof(moments), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::bad_alloc();
    return {new (memory) moments, [](moments* m) { ::munmap(m, sizeof *m); }};
}

asio::awaitable<void> note_when_seen(store::store& with, runtime::clock& clk, moments& to, pipe_between& tell)
{
    const auto watch = with.watch("k", store::revision{});
    EXPECT_TRUE(tell.write('r'));
    for (std::size_t i = 0; i < rounds; ++i) {
        const auto batch = co_await runtime::with_deadline(clk, clk.now() + 60s, "nothing", watch->next());
        to.seen[i] = clk.now();
        EXPECT_TRUE(batch && batch->size() == 1) << "each commit is waited for";
        if (!batch || !tell.write('s'))
            co_return;
    }
}

std::chrono::microseconds median(std::vector<runtime::duration> of)
{
    std::ranges::sort(of);
    return std::chrono::duration_cast<std::chrono::microseconds>(of[of.size() / 2]);
}

}  // namespace

TEST(sqlite_store_processes, how_soon_another_process_sees_a_commit)
{
    for (const auto commits : {durability::full, durability::relaxed}) {
        const base::temporary_directory directory;
        const auto path = directory / "state.db";
        const auto shared = make_shared_moments();
        pipe_between tell;
        child_process reader([&] {
            return with_store(path, commits, [&](store::store& with, runtime::clock& clk) {
                return note_when_seen(with, clk, *shared, tell);
            });
        });
        tell.close_writing_end();
        std::vector<runtime::duration> commit_took;
        std::vector<runtime::duration> seen_after;
        const body write = [&](store::store& with, runtime::clock& clk) -> asio::awaitable<void> {
            char answer = 0;
            EXPECT_TRUE(tell.read(answer));
            for (std::size_t i = 0; i < rounds; ++i) {
                co_await clk.sleep_until(clk.now() + 2ms);  // the reader falls asleep
                const auto begun = clk.now();
                const auto done = co_await with.commit(put("k", std::to_string(i)), clk.now() + 30s);
                const auto ended = clk.now();
                EXPECT_TRUE(done) << done.error().context();
                if (!done || !tell.read(answer))
                    co_return;
                commit_took.push_back(ended - begun);
                seen_after.push_back(shared->seen[i] - ended);
            }
        };
        EXPECT_EQ(with_store(path, commits, write), 0);
        EXPECT_EQ(reader.wait(), 0);
        ASSERT_EQ(seen_after.size(), rounds);
        std::cout << "[ MEASURED ] " << (commits == durability::full ? "full" : "relaxed")
                  << ": a commit takes " << median(commit_took).count() << " us, another process has it "
                  << median(seen_after).count() << " us later (medians)\n";
    }
}
