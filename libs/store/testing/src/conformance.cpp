#include <gantryd/store/conformance.hpp>

#include "conformance_case.hpp"

#include <gantryd/runtime/with_deadline.hpp>

#include <gtest/gtest.h>

#include <iterator>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace gantryd::store {
namespace {

class conformance_test : public testing::Test {
public:
    conformance_test(conformance::test_case what, make_conformance_environment make)
        : what_(what),
          make_(std::move(make))
    {
    }
    void TestBody() override
    {
        const auto env = make_();
        ASSERT_TRUE(env) << "no environment";
        env->run(what_.body(*env));
    }

private:
    conformance::test_case what_;
    make_conformance_environment make_;
};

}  // namespace

bool add_conformance_tests(const std::string& suite, make_conformance_environment make)
{
    for (const auto& cases : {conformance::data_cases(), conformance::transaction_cases(),
             conformance::watch_cases(), conformance::lease_cases()}) {
        for (const auto& what : cases) {
            auto factory = [what, make]() -> testing::Test* { return new conformance_test(what, make); };
            testing::RegisterTest(
                suite.c_str(), what.name, nullptr, nullptr, __FILE__, __LINE__, std::move(factory));
        }
    }
    return true;
}

}  // namespace gantryd::store

namespace gantryd::store::conformance {

runtime::time_point soon(conformance_environment& env) { return env.clock().now() + 20s; }

compare is_missing(std::string key) { return created_at(std::move(key), revision{}); }

compare modified_at(std::string key, revision at) { return {std::move(key), compare::target::modified, at}; }

compare created_at(std::string key, revision at) { return {std::move(key), compare::target::created, at}; }

operation put(std::string key, std::string value, lease_id lease)
{
    return {operation::kind::put, std::move(key), std::move(value), lease};
}

operation erase(std::string key) { return {operation::kind::erase, std::move(key), "", {}}; }

transaction of(std::vector<compare> conditions, std::vector<operation> operations)
{
    return {std::move(conditions), std::move(operations)};
}

transaction of(std::vector<operation> operations) { return {{}, std::move(operations)}; }

asio::awaitable<revision> must_commit(conformance_environment& env, store& to, transaction what)
{
    const auto done = co_await to.commit(std::move(what), soon(env));
    EXPECT_TRUE(done) << done.error().context();
    co_return done.value_or(revision{});
}

asio::awaitable<revision> must_put(conformance_environment& env, std::string key, std::string value)
{
    std::vector<operation> writes;
    writes.push_back(put(std::move(key), std::move(value)));
    auto what = of(std::move(writes));
    co_return co_await must_commit(env, env.first(), std::move(what));
}

asio::awaitable<std::optional<key_value>> must_get(conformance_environment& env, std::string key)
{
    auto got = co_await env.first().get(std::move(key), soon(env));
    EXPECT_TRUE(got) << got.error().context();
    co_return got ? *got : std::nullopt;
}

asio::awaitable<snapshot> must_list(conformance_environment& env, std::string prefix)
{
    auto got = co_await env.first().list(std::move(prefix), soon(env));
    EXPECT_TRUE(got) << got.error().context();
    co_return got ? *got : snapshot();
}

asio::awaitable<lease_id> must_grant(conformance_environment& env, std::chrono::seconds ttl)
{
    const auto lease = co_await env.first().grant(ttl, soon(env));
    EXPECT_TRUE(lease) << lease.error().context();
    co_return lease.value_or(lease_id{});
}

asio::awaitable<revision> present(conformance_environment& env)
{
    const auto got = co_await must_list(env, "no such key");
    co_return got.at;
}

asio::awaitable<std::vector<change>> must_see_batch(conformance_environment& env, watcher& from)
{
    auto got =
        co_await runtime::with_deadline(env.clock(), soon(env), "the watcher saw nothing", from.next());
    EXPECT_TRUE(got) << got.error().context();
    if (!got)
        co_return std::vector<change>();
    EXPECT_FALSE(got->empty());
    co_return std::move(*got);
}

asio::awaitable<std::vector<change>> must_see(conformance_environment& env, watcher& from, std::size_t count)
{
    std::vector<change> seen;
    while (seen.size() < count) {
        auto some = co_await must_see_batch(env, from);
        if (some.empty())
            break;
        std::move(some.begin(), some.end(), std::back_inserter(seen));
    }
    EXPECT_EQ(seen.size(), count);
    co_return seen;
}

std::vector<std::string> keys_of(const std::vector<key_value>& pairs)
{
    std::vector<std::string> out;
    out.reserve(pairs.size());
    for (const auto& pair : pairs)
        out.push_back(pair.key);
    return out;
}

std::vector<std::string> words_of(const std::vector<change>& changes)
{
    std::vector<std::string> out;
    out.reserve(changes.size());
    for (const auto& c : changes)
        out.push_back(c.erased ? "-" + c.pair.key : c.pair.key + "=" + c.pair.value);
    return out;
}

std::int64_t distance(revision from, revision to)
{
    return std::to_underlying(to) - std::to_underlying(from);
}

}  // namespace gantryd::store::conformance
