#include "conformance_case.hpp"

#include <gantryd/runtime/task_scope.hpp>

#include <boost/asio/this_coro.hpp>
#include <gtest/gtest.h>

#include <utility>

namespace asio = boost::asio;
using gantryd::base::errc;
using namespace std::chrono_literals;
using words = std::vector<std::string>;

namespace gantryd::store::conformance {
namespace {

/// commit() that must be refused, and must leave the store as it was.
asio::awaitable<void> must_refuse(conformance_environment& env, transaction what, errc why)
{
    const auto before = co_await must_list(env, "");
    const auto done = co_await env.first().commit(std::move(what), soon(env));
    EXPECT_FALSE(done);
    if (!done) {
        EXPECT_EQ(done.error().code(), why) << done.error().context();
        EXPECT_FALSE(done.error().context().empty());
    }
    const auto after = co_await must_list(env, "");
    EXPECT_EQ(before.pairs, after.pairs);
    EXPECT_EQ(before.at, after.at);
}

asio::awaitable<void> created_zero(conformance_environment& env)
{
    auto claim = of({is_missing("slot")}, {put("slot", "mine")});
    const auto at = co_await must_commit(env, env.first(), claim);
    co_await must_refuse(env, claim, errc::conflict);
    const auto got = co_await must_get(env, "slot");
    EXPECT_EQ(got, (key_value{"slot", "mine", at, at, lease_id{}}));
}

asio::awaitable<void> modified_zero(conformance_environment& env)
{
    auto claim = of({modified_at("slot", revision{})}, {put("slot", "mine")});
    (void)co_await must_commit(env, env.first(), claim);
    co_await must_refuse(env, claim, errc::conflict);
}

asio::awaitable<void> modified_is(conformance_environment& env)
{
    const auto first = co_await must_put(env, "k", "1");
    auto update = of({modified_at("k", first)}, {put("k", "2")});
    const auto second = co_await must_commit(env, env.first(), update);
    co_await must_refuse(env, update, errc::conflict);
    auto again = of({modified_at("k", second)}, {put("k", "3")});
    (void)co_await must_commit(env, env.first(), std::move(again));
    auto missing = of({modified_at("no such key", second)}, {put("k", "4")});
    co_await must_refuse(env, std::move(missing), errc::conflict);
}

asio::awaitable<void> created_is(conformance_environment& env)
{
    const auto token = co_await must_put(env, "slot", "1");
    (void)co_await must_put(env, "slot", "2");
    auto fenced = of({created_at("slot", token)}, {put("slot", "3")});
    (void)co_await must_commit(env, env.first(), fenced);

    auto removal = of({erase("slot")});
    (void)co_await must_commit(env, env.first(), std::move(removal));
    co_await must_refuse(env, fenced, errc::conflict);
    (void)co_await must_put(env, "slot", "another's");
    co_await must_refuse(env, fenced, errc::conflict);
}

asio::awaitable<void> conflict_writes_nothing(conformance_environment& env)
{
    const auto at = co_await must_put(env, "a", "1");
    (void)co_await must_put(env, "b", "1");
    auto what = of({modified_at("a", at), is_missing("b")}, {put("a", "2"), put("new", "x"), erase("b")});
    co_await must_refuse(env, std::move(what), errc::conflict);
}

asio::awaitable<void> several_keys(conformance_environment& env)
{
    const auto a = co_await must_put(env, "a", "1");
    const auto b = co_await must_put(env, "b", "1");
    auto what = of({modified_at("a", a), created_at("b", b), is_missing("c")},
        {put("a", "2"), erase("b"), put("c", "1")});
    const auto at = co_await must_commit(env, env.first(), std::move(what));
    const auto all = co_await must_list(env, "");
    EXPECT_EQ(all.pairs, (std::vector<key_value>{{"a", "2", a, at, {}}, {"c", "1", at, at, {}}}));
    EXPECT_EQ(all.at, at);
}

asio::awaitable<void> key_twice(conformance_environment& env)
{
    (void)co_await must_put(env, "k", "0");
    auto puts = of({put("k", "1"), put("other", "1"), put("k", "2")});
    co_await must_refuse(env, std::move(puts), errc::rejected);
    auto mixed = of({put("k", "1"), erase("k")});
    co_await must_refuse(env, std::move(mixed), errc::rejected);
    auto erases = of({erase("k"), erase("k")});
    co_await must_refuse(env, std::move(erases), errc::rejected);
}

asio::awaitable<void> two_conditions_on_one_key(conformance_environment& env)
{
    const auto created = co_await must_put(env, "k", "1");
    const auto modified = co_await must_put(env, "k", "2");
    auto what = of({created_at("k", created), modified_at("k", modified)}, {put("k", "3")});
    (void)co_await must_commit(env, env.first(), std::move(what));
}

asio::awaitable<void> empty_key(conformance_environment& env)
{
    auto write = of({put("", "x")});
    co_await must_refuse(env, std::move(write), errc::rejected);
    auto condition = of({is_missing("")}, {put("k", "x")});
    co_await must_refuse(env, std::move(condition), errc::rejected);
}

asio::awaitable<void> erase_of_nothing(conformance_environment& env)
{
    const auto before = co_await must_put(env, "k", "1");
    auto what = of({erase("no such key")});
    const auto at = co_await must_commit(env, env.first(), std::move(what));
    EXPECT_EQ(at, before) << "nothing changed, so there is no new revision";
    auto both = of({erase("no such key"), put("k", "2")});
    const auto next = co_await must_commit(env, env.first(), std::move(both));
    EXPECT_EQ(distance(before, next), 1);
}

asio::awaitable<void> empty_transaction(conformance_environment& env)
{
    const auto at = co_await must_put(env, "k", "1");
    const auto same = co_await must_commit(env, env.first(), transaction());
    EXPECT_EQ(same, at);
    auto question = of({modified_at("k", at)}, {});
    const auto answer = co_await must_commit(env, env.first(), std::move(question));
    EXPECT_EQ(answer, at);
    auto wrong = of({is_missing("k")}, {});
    co_await must_refuse(env, std::move(wrong), errc::conflict);
}

struct score {
    int won = 0;
    int lost = 0;
};

/// Adds one to the counter `times` times.
asio::awaitable<void> count_up(conformance_environment& env, store& with, int times, score& total)
{
    while (times > 0) {
        const auto got = co_await with.get("counter", soon(env));
        EXPECT_TRUE(got && *got);
        if (!got || !*got)
            co_return;
        co_await env.clock().sleep_until(env.clock().now() + 1ms);  // so that the others read the same
        auto what = of({modified_at("counter", (*got)->modified)},
            {put("counter", std::to_string(std::stoi((*got)->value) + 1))});
        const auto done = co_await with.commit(std::move(what), soon(env));
        if (done) {
            ++total.won;
            --times;
        } else if (done.error() == errc::conflict) {
            ++total.lost;
        } else {
            ADD_FAILURE() << done.error().context();
            co_return;
        }
    }
}

asio::awaitable<void> racing_counters(conformance_environment& env)
{
    (void)co_await must_put(env, "counter", "0");
    score total;
    runtime::task_scope writers(co_await asio::this_coro::executor);
    for (int i = 0; i < 3; ++i) {
        writers.spawn("first", count_up(env, env.first(), 20, total));
        writers.spawn("second", count_up(env, env.second(), 20, total));
    }
    co_await writers.join();
    const auto got = co_await must_get(env, "counter");
    EXPECT_EQ(total.won, 120);
    EXPECT_GT(total.lost, 0) << "there was no race";
    EXPECT_TRUE(got && got->value == "120");
}

asio::awaitable<void> claim(conformance_environment& env, store& with, std::string name, words& winners)
{
    auto what = of({is_missing("slot")}, {put("slot", name)});
    const auto done = co_await with.commit(std::move(what), soon(env));
    if (done)
        winners.push_back(std::move(name));
    else
        EXPECT_EQ(done.error().code(), errc::conflict) << done.error().context();
}

asio::awaitable<void> racing_claims(conformance_environment& env)
{
    for (int round = 0; round < 10; ++round) {
        words winners;
        runtime::task_scope writers(co_await asio::this_coro::executor);
        writers.spawn("first", claim(env, env.first(), "first", winners));
        writers.spawn("second", claim(env, env.second(), "second", winners));
        co_await writers.join();
        const auto got = co_await must_get(env, "slot");
        EXPECT_EQ(winners.size(), 1u);
        EXPECT_TRUE(got && winners == words{got->value});
        auto removal = of({erase("slot")});
        (void)co_await must_commit(env, env.first(), std::move(removal));
    }
}

}  // namespace

std::vector<test_case> transaction_cases()
{
    return {
        {"created_zero_asks_for_a_missing_key", created_zero},
        {"modified_zero_asks_for_a_missing_key", modified_zero},
        {"modified_guards_against_every_write_between", modified_is},
        {"created_guards_against_another_key_of_the_same_name", created_is},
        {"a_conflict_writes_nothing", conflict_writes_nothing},
        {"several_keys_change_together", several_keys},
        {"a_key_twice_is_rejected_and_writes_nothing", key_twice},
        {"several_conditions_on_one_key_are_fine", two_conditions_on_one_key},
        {"an_empty_key_is_rejected", empty_key},
        {"the_erase_of_a_missing_key_is_no_change", erase_of_nothing},
        {"an_empty_transaction_answers_with_the_present_revision", empty_transaction},
        {"of_two_racing_claims_exactly_one_wins", racing_claims},
        {"racing_counters_lose_no_increment", racing_counters},
    };
}

}  // namespace gantryd::store::conformance
