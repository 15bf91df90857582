#include "conformance_case.hpp"

#include <gantryd/store/rules.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace asio = boost::asio;
using gantryd::base::errc;
using namespace std::chrono_literals;
using words = std::vector<std::string>;

namespace gantryd::store::conformance {
namespace {

asio::awaitable<void> missing_key(conformance_environment& env)
{
    const auto got = co_await must_get(env, "nothing");
    EXPECT_FALSE(got);
    const auto listed = co_await must_list(env, "nothing");
    EXPECT_TRUE(listed.pairs.empty());
}

asio::awaitable<void> put_is_read_back(conformance_environment& env)
{
    const auto at = co_await must_put(env, "a/key", "value");
    const auto got = co_await must_get(env, "a/key");
    EXPECT_EQ(got, (key_value{"a/key", "value", at, at, lease_id{}}));
    const auto listed = co_await must_list(env, "a/key");
    EXPECT_EQ(listed.pairs, (std::vector<key_value>{{"a/key", "value", at, at, lease_id{}}}));
    EXPECT_EQ(listed.at, at);
}

asio::awaitable<void> second_put(conformance_environment& env)
{
    const auto created = co_await must_put(env, "k", "one");
    (void)co_await must_put(env, "other", "x");
    const auto modified = co_await must_put(env, "k", "two");
    const auto got = co_await must_get(env, "k");
    EXPECT_EQ(got, (key_value{"k", "two", created, modified, lease_id{}}));
    EXPECT_EQ(distance(created, modified), 2);
}

asio::awaitable<void> made_anew(conformance_environment& env)
{
    (void)co_await must_put(env, "k", "one");
    auto removal = of({erase("k")});
    (void)co_await must_commit(env, env.first(), std::move(removal));
    const auto gone = co_await must_get(env, "k");
    EXPECT_FALSE(gone);
    const auto anew = co_await must_put(env, "k", "two");
    const auto got = co_await must_get(env, "k");
    EXPECT_EQ(got, (key_value{"k", "two", anew, anew, lease_id{}}));
}

asio::awaitable<void> revisions_grow(conformance_environment& env)
{
    auto last = co_await present(env);
    for (int i = 0; i < 10; ++i) {
        auto what = of({put("a", std::to_string(i)), put("b", "x"), put("c" + std::to_string(i), "")});
        const auto at = co_await must_commit(env, env.first(), std::move(what));
        EXPECT_EQ(distance(last, at), 1);
        const auto seen = co_await present(env);
        EXPECT_EQ(seen, at);
        last = at;
    }
    const auto pairs = co_await must_list(env, "");
    EXPECT_EQ(pairs.at, last) << "reading does not make revisions";
}

asio::awaitable<void> prefix_order(conformance_environment& env)
{
    for (const auto* key : {"p/b", "p", "q", "p/a/x", "p0", "o/z", "p/", "p/a"})
        (void)co_await must_put(env, key, "");
    const auto under = co_await must_list(env, "p/");
    EXPECT_EQ(keys_of(under.pairs), (words{"p/", "p/a", "p/a/x", "p/b"}));
    const auto all_p = co_await must_list(env, "p");
    EXPECT_EQ(keys_of(all_p.pairs), (words{"p", "p/", "p/a", "p/a/x", "p/b", "p0"}));
}

asio::awaitable<void> empty_prefix(conformance_environment& env)
{
    (void)co_await must_put(env, "z", "1");
    (void)co_await must_put(env, "a", "2");
    (void)co_await must_put(env, "\xff\xff", "3");
    const auto all = co_await must_list(env, "");
    EXPECT_EQ(keys_of(all.pairs), (words{"a", "z", "\xff\xff"}));
}

asio::awaitable<void> any_byte(conformance_environment& env)
{
    std::string every_byte;
    for (int c = 0; c < 256; ++c)
        every_byte += static_cast<char>(c);
    words keys;
    for (const char c : every_byte)
        keys.push_back(std::string("bin/") + c + "x");
    auto shuffled = keys;
    std::ranges::reverse(shuffled);
    for (const auto& key : shuffled)
        (void)co_await must_put(env, key, every_byte + key);
    const auto all = co_await must_list(env, "bin/");
    EXPECT_EQ(keys_of(all.pairs), keys) << "the order is that of unsigned bytes";
    for (const auto& pair : all.pairs)
        EXPECT_EQ(pair.value, every_byte + pair.key);
    const auto zero = co_await must_list(env, std::string("bin/\0", 5));
    EXPECT_EQ(keys_of(zero.pairs), (words{keys[0]}));
    const auto last = co_await must_list(env, "bin/\xff");
    EXPECT_EQ(keys_of(last.pairs), (words{keys[255]}));
    const auto got = co_await must_get(env, keys[0]);
    EXPECT_TRUE(got && got->value == every_byte + keys[0]);
}

asio::awaitable<void> empty_value(conformance_environment& env)
{
    const auto at = co_await must_put(env, "k", "");
    const auto got = co_await must_get(env, "k");
    EXPECT_EQ(got, (key_value{"k", "", at, at, lease_id{}}));
}

asio::awaitable<void> value_limit(conformance_environment& env)
{
    const std::string largest(largest_value, '\xee');
    (void)co_await must_put(env, "large", largest);
    const auto got = co_await must_get(env, "large");
    EXPECT_TRUE(got && got->value == largest);

    auto what = of({put("small", "x"), put("large", largest + "!")});
    const auto refused = co_await env.first().commit(std::move(what), soon(env));
    EXPECT_TRUE(!refused && refused.error() == errc::limit_exceeded);
    const auto small = co_await must_get(env, "small");
    EXPECT_FALSE(small);
}

asio::awaitable<void> second_handle(conformance_environment& env)
{
    const auto at = co_await must_put(env, "k", "v");
    const auto got = co_await env.second().get("k", soon(env));
    EXPECT_TRUE(got && *got == (key_value{"k", "v", at, at, lease_id{}}));
    auto what = of({modified_at("k", at)}, {put("k", "w")});
    const auto next = co_await must_commit(env, env.second(), std::move(what));
    const auto back = co_await must_get(env, "k");
    EXPECT_EQ(back, (key_value{"k", "w", at, next, lease_id{}}));
}

asio::awaitable<void> past_deadline(conformance_environment& env)
{
    const auto past = env.clock().now() - 1s;
    const auto got = co_await env.first().get("k", past);
    EXPECT_TRUE(!got && got.error() == errc::timed_out);
    const auto listed = co_await env.first().list("k", past);
    EXPECT_TRUE(!listed && listed.error() == errc::timed_out);
    auto what = of({put("k", "v")});
    const auto written = co_await env.first().commit(std::move(what), past);
    EXPECT_TRUE(!written && written.error() == errc::timed_out);
    const auto lease = co_await env.first().grant(5s, past);
    EXPECT_TRUE(!lease && lease.error() == errc::timed_out);
    const auto kept = co_await env.first().keep_alive(lease_id{1}, past);
    EXPECT_TRUE(!kept && kept.error() == errc::timed_out);
    const auto revoked = co_await env.first().revoke(lease_id{1}, past);
    EXPECT_TRUE(!revoked && revoked.error() == errc::timed_out);
}

}  // namespace

std::vector<test_case> data_cases()
{
    return {
        {"a_missing_key_is_nothing", missing_key},
        {"a_put_is_read_back", put_is_read_back},
        {"a_second_put_keeps_created_and_moves_modified", second_put},
        {"a_key_put_after_its_erase_is_made_anew", made_anew},
        {"revisions_grow_by_one_per_commit", revisions_grow},
        {"a_list_is_a_prefix_of_bytes_in_key_order", prefix_order},
        {"an_empty_prefix_lists_everything", empty_prefix},
        {"keys_and_values_hold_any_byte", any_byte},
        {"an_empty_value_is_a_value", empty_value},
        {"a_value_of_one_mebibyte_is_kept_and_a_larger_one_refused", value_limit},
        {"a_second_handle_reads_and_writes_the_same_data", second_handle},
        {"a_deadline_that_has_passed_is_timed_out", past_deadline},
    };
}

}  // namespace gantryd::store::conformance
