#include "conformance_case.hpp"

#include <gantryd/runtime/task_scope.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <boost/asio/this_coro.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace asio = boost::asio;
using gantryd::base::errc;
using namespace std::chrono_literals;
using words = std::vector<std::string>;

namespace gantryd::store::conformance {
namespace {

asio::awaitable<void> from_a_list(conformance_environment& env)
{
    (void)co_await must_put(env, "k/1", "a");
    const auto listed = co_await must_list(env, "k/");
    (void)co_await must_put(env, "k/2", "b");  // between the list and the watch
    const auto watch = env.first().watch("k/", listed.at);
    (void)co_await must_put(env, "k/3", "c");  // between the watch and its first next()
    const auto seen = co_await must_see(env, *watch, 2);
    EXPECT_EQ(words_of(seen), (words{"k/2=b", "k/3=c"}));
    (void)co_await must_put(env, "k/1", "d");
    const auto more = co_await must_see(env, *watch, 1);
    EXPECT_EQ(words_of(more), (words{"k/1=d"}));
}

asio::awaitable<void> only_the_prefix(conformance_environment& env)
{
    const auto at = co_await present(env);
    const auto watch = env.first().watch("k/", at);
    for (const auto* key : {"k", "k0", "j/", "k/a", "l", "k/b/c", "K/a"})
        (void)co_await must_put(env, key, "x");
    const auto seen = co_await must_see(env, *watch, 2);
    EXPECT_EQ(words_of(seen), (words{"k/a=x", "k/b/c=x"}));
}

asio::awaitable<void> everything(conformance_environment& env)
{
    const auto at = co_await present(env);
    const auto watch = env.first().watch("", at);
    (void)co_await must_put(env, "a", "1");
    (void)co_await must_put(env, "\xff", "2");
    const auto seen = co_await must_see(env, *watch, 2);
    EXPECT_EQ(words_of(seen), (words{"a=1", "\xff=2"}));
}

asio::awaitable<void> history(conformance_environment& env)
{
    const auto start = co_await present(env);
    const auto made = co_await must_put(env, "k", "1");
    const auto modified = co_await must_put(env, "k", "2");
    auto removal = of({erase("k")});
    const auto erased = co_await must_commit(env, env.first(), std::move(removal));
    const auto anew = co_await must_put(env, "k", "3");

    const auto watch = env.first().watch("k", start);
    const auto seen = co_await must_see(env, *watch, 4);
    EXPECT_EQ(words_of(seen), (words{"k=1", "k=2", "-k", "k=3"}));
    if (seen.size() == 4) {
        EXPECT_EQ(seen[0].pair, (key_value{"k", "1", made, made, {}}));
        EXPECT_EQ(seen[1].pair, (key_value{"k", "2", made, modified, {}}));
        EXPECT_EQ(seen[2].pair.modified, erased);
        EXPECT_EQ(seen[3].pair, (key_value{"k", "3", anew, anew, {}}));
    }
    const auto later = env.first().watch("k", modified);
    const auto rest = co_await must_see(env, *later, 2);
    EXPECT_EQ(words_of(rest), (words{"-k", "k=3"}));
}

asio::awaitable<void> one_batch(conformance_environment& env)
{
    (void)co_await must_put(env, "k/old", "x");
    const auto start = co_await present(env);
    const auto watch = env.first().watch("k/", start);
    auto what = of({put("k/b", "1"), erase("k/old"), put("elsewhere", "1"), put("k/a", "1")});
    const auto at = co_await must_commit(env, env.first(), std::move(what));
    const auto seen = co_await must_see_batch(env, *watch);
    EXPECT_EQ(seen.size(), 3u);
    for (const auto& c : seen)
        EXPECT_EQ(c.pair.modified, at);
}

asio::awaitable<void> transfer(conformance_environment& env, int times)
{
    for (int i = 0; i < times; ++i) {
        auto what = of({put("k/a", std::to_string(i)), put("k/b", std::to_string(i)), put("k/c", "")});
        (void)co_await must_commit(env, env.second(), std::move(what));
        co_await env.clock().sleep_until(env.clock().now() + 1ms);  // let the watcher run between
    }
}

asio::awaitable<void> never_half(conformance_environment& env)
{
    const auto start = co_await present(env);
    const auto watch = env.first().watch("k/", start);
    runtime::task_scope writers(co_await asio::this_coro::executor);
    writers.spawn("writer", transfer(env, 20));
    std::size_t seen = 0;
    auto last = start;
    while (seen < 60) {
        const auto batch = co_await must_see_batch(env, *watch);
        EXPECT_EQ(batch.size() % 3, 0u) << "half a transaction";
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const auto at = batch[i].pair.modified;
            EXPECT_EQ(distance(last, at), i % 3 == 0 ? 1 : 0);
            last = at;
        }
        if (batch.empty())
            break;
        seen += batch.size();
    }
    co_await writers.join();
    EXPECT_EQ(seen, 60u);
}

asio::awaitable<void> put_later(conformance_environment& env, store& with, std::string key)
{
    co_await env.clock().sleep_until(env.clock().now() + 50ms);
    auto what = of({put(std::move(key), "later")});
    (void)co_await must_commit(env, with, std::move(what));
}

asio::awaitable<void> wakes(conformance_environment& env, store& writer)
{
    const auto start = co_await present(env);
    const auto watch = env.first().watch("k", start);
    runtime::task_scope writers(co_await asio::this_coro::executor);
    writers.spawn("writer", put_later(env, writer, "k"));
    const auto begun = env.clock().now();
    const auto seen = co_await must_see_batch(env, *watch);
    EXPECT_EQ(words_of(seen), (words{"k=later"}));
    EXPECT_LT(env.clock().now() - begun, 1500ms) << "it was told, it did not come across it";
    co_await writers.join();
}

asio::awaitable<void> wakes_by_first(conformance_environment& env) { return wakes(env, env.first()); }
asio::awaitable<void> wakes_by_second(conformance_environment& env) { return wakes(env, env.second()); }

asio::awaitable<void> keep_seen(conformance_environment& env, watcher& from, std::size_t count, words& to)
{
    const auto seen = co_await must_see(env, from, count);
    to = words_of(seen);
}

asio::awaitable<void> several_watchers(conformance_environment& env)
{
    const auto start = co_await present(env);
    std::vector<std::unique_ptr<watcher>> watchers;
    std::vector<words> seen(4);
    runtime::task_scope readers(co_await asio::this_coro::executor);
    for (std::size_t i = 0; i < seen.size(); ++i) {
        auto& with = i % 2 == 0 ? env.first() : env.second();
        watchers.push_back(with.watch(i == 3 ? "k/b" : "k/", start));
        readers.spawn("reader", keep_seen(env, *watchers[i], i == 3 ? 1 : 2, seen[i]));
    }
    co_await put_later(env, env.first(), "k/a");
    co_await put_later(env, env.second(), "k/b");
    co_await readers.join();
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_EQ(seen[i], (words{"k/a=later", "k/b=later"}));
    EXPECT_EQ(seen[3], (words{"k/b=later"}));
}

asio::awaitable<void> dropped_watcher(conformance_environment& env)
{
    const auto start = co_await present(env);
    const auto kept = env.first().watch("k", start);
    (void)env.first().watch("k", start);  // never asked
    auto dropped = env.first().watch("k", start);
    words seen;
    words never;
    runtime::task_scope readers(co_await asio::this_coro::executor);
    readers.spawn("kept", keep_seen(env, *kept, 1, seen));
    readers.spawn("dropped", keep_seen(env, *dropped, 1, never));
    co_await env.clock().sleep_until(env.clock().now() + 50ms);
    EXPECT_EQ(readers.size(), 2u);
    readers.stop("dropped");
    while (readers.size() > 1)
        co_await env.clock().sleep_until(env.clock().now() + 1ms);
    dropped.reset();
    (void)co_await must_put(env, "k", "1");
    co_await readers.join();
    EXPECT_EQ(seen, (words{"k=1"}));
    EXPECT_TRUE(never.empty());
}

asio::awaitable<void> cancelled(conformance_environment& env)
{
    const auto start = co_await must_put(env, "k", "1");
    const auto watch = env.first().watch("k", start);
    words seen;
    runtime::task_scope readers(co_await asio::this_coro::executor);
    readers.spawn("reader", keep_seen(env, *watch, 1, seen));
    co_await env.clock().sleep_until(env.clock().now() + 50ms);
    readers.stop();
    co_await readers.join();  // throws when the reader ended by anything but cancellation
    EXPECT_TRUE(seen.empty());
    (void)co_await must_put(env, "k", "2");
    const auto anew = env.first().watch("k", start);
    const auto after = co_await must_see(env, *anew, 1);
    EXPECT_EQ(words_of(after), (words{"k=2"}));
}

asio::awaitable<void> compacted(conformance_environment& env)
{
    const auto old = co_await must_put(env, "k", "1");
    (void)co_await must_put(env, "k", "2");
    const auto behind = env.first().watch("k", old);
    co_await env.compact();
    const auto got = co_await runtime::with_deadline(env.clock(), soon(env), "no answer", behind->next());
    EXPECT_TRUE(!got && got.error() == errc::compacted);

    const auto listed = co_await must_list(env, "k");
    EXPECT_EQ(keys_of(listed.pairs), (words{"k"})) << "only the history is gone";
    const auto anew = env.first().watch("k", listed.at);
    (void)co_await must_put(env, "k", "3");
    const auto seen = co_await must_see(env, *anew, 1);
    EXPECT_EQ(words_of(seen), (words{"k=3"}));
}

asio::awaitable<void> burst(conformance_environment& env)
{
    const auto start = co_await present(env);
    const auto watch = env.first().watch("k/", start);
    words expected;
    for (int i = 0; i < 50; ++i) {
        const auto number = std::to_string(i);
        (void)co_await must_put(env, "k/" + number, number);
        expected.push_back(std::string("k/").append(number).append("=").append(number));
    }
    const auto seen = co_await must_see(env, *watch, 50);
    EXPECT_EQ(words_of(seen), expected);
    for (std::size_t i = 0; i < seen.size(); ++i)
        EXPECT_EQ(distance(start, seen[i].pair.modified), static_cast<std::int64_t>(i) + 1);
}

}  // namespace

std::vector<test_case> watch_cases()
{
    return {
        {"a_watch_from_a_list_misses_nothing_and_repeats_nothing", from_a_list},
        {"a_watch_sees_only_its_prefix", only_the_prefix},
        {"a_watch_of_the_empty_prefix_sees_everything", everything},
        {"a_watch_from_an_old_revision_replays_history", history},
        {"a_transaction_comes_in_one_batch", one_batch},
        {"a_watcher_never_sees_half_a_transaction", never_half},
        {"a_waiting_watcher_wakes_at_a_write", wakes_by_first},
        {"a_write_by_a_second_handle_wakes_the_watcher", wakes_by_second},
        {"several_watchers_each_see_everything", several_watchers},
        {"a_dropped_watcher_leaves_the_others_alone", dropped_watcher},
        {"a_cancelled_next_ends_and_loses_nothing", cancelled},
        {"a_watch_of_forgotten_history_is_compacted", compacted},
        {"a_burst_is_seen_in_order_without_gaps", burst},
    };
}

}  // namespace gantryd::store::conformance
