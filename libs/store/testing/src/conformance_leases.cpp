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

constexpr auto ttl = 2s;  // etcd's shortest

asio::awaitable<void> pass(conformance_environment& env, runtime::duration time)
{
    co_await env.clock().sleep_until(env.clock().now() + time);
}

asio::awaitable<revision> must_put_leased(conformance_environment& env, std::string key, lease_id lease)
{
    auto what = of({put(std::move(key), "leased", lease)});
    co_return co_await must_commit(env, env.first(), std::move(what));
}

asio::awaitable<void> expiry(conformance_environment& env)
{
    const auto lease = co_await must_grant(env, ttl);
    EXPECT_NE(lease, lease_id{});
    (void)co_await must_put(env, "k/kept", "x");
    const auto at = co_await must_put_leased(env, "k/leased", lease);
    co_await pass(env, ttl / 2);
    const auto before = co_await must_list(env, "k/");
    EXPECT_EQ(keys_of(before.pairs), (words{"k/kept", "k/leased"}));
    const auto leased = co_await must_get(env, "k/leased");
    EXPECT_TRUE(leased && leased->lease == lease);
    co_await pass(env, ttl / 2 + env.lease_slack());
    const auto after = co_await must_list(env, "k/");
    EXPECT_EQ(keys_of(after.pairs), (words{"k/kept"}));
    EXPECT_EQ(distance(at, after.at), 1) << "the erase is a revision like others";
    const auto gone = co_await must_get(env, "k/leased");
    EXPECT_FALSE(gone);
}

asio::awaitable<void> watcher_sees_expiry(conformance_environment& env)
{
    const auto granted_at = env.clock().now();
    const auto lease = co_await must_grant(env, ttl);
    auto what = of({put("k/a", "1", lease), put("k/b", "1", lease)});
    const auto at = co_await must_commit(env, env.first(), std::move(what));
    const auto watch = env.second().watch("k/", at);
    const auto seen = co_await must_see_batch(env, *watch);
    EXPECT_EQ(words_of(seen), (words{"-k/a", "-k/b"})) << "the keys of a lease go in one batch";
    for (const auto& c : seen)
        EXPECT_EQ(distance(at, c.pair.modified), 1);
    const auto took = env.clock().now() - granted_at;
    EXPECT_GE(took, ttl);
    EXPECT_LT(took, ttl + env.lease_slack());
}

asio::awaitable<void> kept_alive(conformance_environment& env)
{
    const auto lease = co_await must_grant(env, ttl);
    (void)co_await must_put_leased(env, "k", lease);
    for (int i = 0; i < 4; ++i) {
        co_await pass(env, ttl / 2);
        const auto kept = co_await env.second().keep_alive(lease, soon(env));
        EXPECT_TRUE(kept) << kept.error().context();
        const auto there = co_await must_get(env, "k");
        EXPECT_TRUE(there);
    }
    co_await pass(env, ttl + env.lease_slack());
    const auto gone = co_await must_get(env, "k");
    EXPECT_FALSE(gone);
}

asio::awaitable<void> dead_lease(conformance_environment& env)
{
    const auto lease = co_await must_grant(env, ttl);
    co_await pass(env, ttl + env.lease_slack());
    const auto kept = co_await env.first().keep_alive(lease, soon(env));
    EXPECT_TRUE(!kept && kept.error() == errc::not_found);
    const auto revoked = co_await env.first().revoke(lease, soon(env));
    EXPECT_TRUE(!revoked && revoked.error() == errc::not_found);
    auto what = of({put("k", "v", lease)});
    const auto written = co_await env.first().commit(std::move(what), soon(env));
    EXPECT_TRUE(!written && written.error() == errc::rejected);
    const auto next = co_await must_grant(env, ttl);
    EXPECT_NE(next, lease) << "ids are not used again";
}

asio::awaitable<void> unknown_lease(conformance_environment& env)
{
    const lease_id unknown{987'654'321};
    const auto kept = co_await env.first().keep_alive(unknown, soon(env));
    EXPECT_TRUE(!kept && kept.error() == errc::not_found);
    const auto revoked = co_await env.first().revoke(unknown, soon(env));
    EXPECT_TRUE(!revoked && revoked.error() == errc::not_found);

    const auto before = co_await present(env);
    auto what = of({put("a", "v"), put("b", "v", unknown)});
    const auto written = co_await env.first().commit(std::move(what), soon(env));
    EXPECT_TRUE(!written && written.error() == errc::rejected);
    const auto after = co_await must_list(env, "");
    EXPECT_TRUE(after.pairs.empty());
    EXPECT_EQ(after.at, before);
}

asio::awaitable<void> revoked(conformance_environment& env)
{
    const auto lease = co_await must_grant(env, 3600s);
    const auto other = co_await must_grant(env, 3600s);
    (void)co_await must_put_leased(env, "k/a", lease);
    (void)co_await must_put_leased(env, "k/b", lease);
    const auto at = co_await must_put_leased(env, "k/other", other);
    const auto watch = env.first().watch("k/", at);
    const auto done = co_await env.second().revoke(lease, soon(env));
    EXPECT_TRUE(done) << done.error().context();
    const auto seen = co_await must_see_batch(env, *watch);
    EXPECT_EQ(words_of(seen), (words{"-k/a", "-k/b"}));
    const auto left = co_await must_list(env, "k/");
    EXPECT_EQ(keys_of(left.pairs), (words{"k/other"}));
    const auto again = co_await env.first().revoke(lease, soon(env));
    EXPECT_TRUE(!again && again.error() == errc::not_found);
    const auto kept = co_await env.first().keep_alive(lease, soon(env));
    EXPECT_TRUE(!kept && kept.error() == errc::not_found);
}

asio::awaitable<void> revoke_later(conformance_environment& env, lease_id lease)
{
    co_await pass(env, 50ms);
    const auto done = co_await env.second().revoke(lease, soon(env));
    EXPECT_TRUE(done) << done.error().context();
}

asio::awaitable<void> watcher_sees_revoke(conformance_environment& env)
{
    const auto lease = co_await must_grant(env, 3600s);
    const auto at = co_await must_put_leased(env, "k", lease);
    const auto watch = env.first().watch("k", at);
    runtime::task_scope others(co_await asio::this_coro::executor);
    others.spawn("revoke", revoke_later(env, lease));
    const auto begun = env.clock().now();
    const auto seen = co_await must_see_batch(env, *watch);
    EXPECT_EQ(words_of(seen), (words{"-k"}));
    EXPECT_LT(env.clock().now() - begun, 1500ms) << "it was told, it did not come across it";
    co_await others.join();
}

asio::awaitable<void> lease_without_keys(conformance_environment& env)
{
    const auto before = co_await present(env);
    const auto lease = co_await must_grant(env, 3600s);
    const auto done = co_await env.first().revoke(lease, soon(env));
    EXPECT_TRUE(done);
    const auto after = co_await present(env);
    EXPECT_EQ(before, after) << "a lease without keys changes nothing";
}

asio::awaitable<void> last_put_decides(conformance_environment& env)
{
    const auto first = co_await must_grant(env, 3600s);
    const auto second = co_await must_grant(env, 3600s);
    (void)co_await must_put_leased(env, "k/moved", first);
    (void)co_await must_put_leased(env, "k/moved", second);
    (void)co_await must_put_leased(env, "k/freed", first);
    (void)co_await must_put(env, "k/freed", "for ever");
    (void)co_await must_put_leased(env, "k/anew", first);
    auto removal = of({erase("k/anew")});
    (void)co_await must_commit(env, env.first(), std::move(removal));
    (void)co_await must_put(env, "k/anew", "for ever");

    const auto done = co_await env.first().revoke(first, soon(env));
    EXPECT_TRUE(done);
    const auto left = co_await must_list(env, "k/");
    EXPECT_EQ(keys_of(left.pairs), (words{"k/anew", "k/freed", "k/moved"}));
    const auto freed = co_await must_get(env, "k/freed");
    EXPECT_TRUE(freed && freed->lease == lease_id{});
    const auto also_done = co_await env.first().revoke(second, soon(env));
    EXPECT_TRUE(also_done);
    const auto rest = co_await must_list(env, "k/");
    EXPECT_EQ(keys_of(rest.pairs), (words{"k/anew", "k/freed"}));
}

asio::awaitable<void> impossible_ttl(conformance_environment& env)
{
    for (const auto time : {0s, -1s, std::chrono::seconds::max()}) {
        const auto lease = co_await env.first().grant(time, soon(env));
        EXPECT_TRUE(!lease && lease.error() == errc::rejected) << time.count();
    }
}

}  // namespace

std::vector<test_case> lease_cases()
{
    return {
        {"the_keys_of_a_lease_go_when_it_ends_and_not_before", expiry},
        {"a_waiting_watcher_sees_a_lease_end", watcher_sees_expiry},
        {"keep_alive_extends_a_lease", kept_alive},
        {"a_lease_that_has_ended_is_not_found", dead_lease},
        {"an_unknown_lease_is_refused", unknown_lease},
        {"revoke_erases_the_keys_of_that_lease_at_once", revoked},
        {"a_waiting_watcher_sees_a_revoke_at_once", watcher_sees_revoke},
        {"a_lease_without_keys_makes_no_revision", lease_without_keys},
        {"the_last_put_decides_about_the_lease_of_a_key", last_put_decides},
        {"a_lease_of_no_time_is_rejected", impossible_ttl},
    };
}

}  // namespace gantryd::store::conformance
