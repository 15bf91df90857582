#pragma once
#include <gantryd/store/conformance.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantryd::store::conformance {

/// One promise of the interface: a sentence, and a coroutine that checks it.
struct test_case {
    const char* name;
    boost::asio::awaitable<void> (*body)(conformance_environment& env);
};

std::vector<test_case> data_cases();
std::vector<test_case> transaction_cases();
std::vector<test_case> watch_cases();
std::vector<test_case> lease_cases();

runtime::time_point soon(conformance_environment& env);

compare is_missing(std::string key);
compare modified_at(std::string key, revision at);
compare created_at(std::string key, revision at);
operation put(std::string key, std::string value, lease_id lease = {});
operation erase(std::string key);

/// The transaction of these parts.
transaction of(std::vector<compare> conditions, std::vector<operation> operations);
transaction of(std::vector<operation> operations);

/// commit() that must succeed. Its revision, zero after a failure of the test.
boost::asio::awaitable<revision> must_commit(conformance_environment& env, store& to, transaction what);
boost::asio::awaitable<revision> must_put(conformance_environment& env, std::string key, std::string value);

/// get() and list() that must succeed, of first().
boost::asio::awaitable<std::optional<key_value>> must_get(conformance_environment& env, std::string key);
boost::asio::awaitable<snapshot> must_list(conformance_environment& env, std::string prefix);
boost::asio::awaitable<lease_id> must_grant(conformance_environment& env, std::chrono::seconds ttl);

/// The store's present revision.
boost::asio::awaitable<revision> present(conformance_environment& env);

/// next() again and again until there are `count` changes; fewer after a failure of the test.
boost::asio::awaitable<std::vector<change>> must_see(
    conformance_environment& env, watcher& from, std::size_t count);

/// One next() that must succeed in time.
boost::asio::awaitable<std::vector<change>> must_see_batch(conformance_environment& env, watcher& from);

std::vector<std::string> keys_of(const std::vector<key_value>& pairs);

/// "key=value" of a put, "-key" of an erase.
std::vector<std::string> words_of(const std::vector<change>& changes);

/// A number of revisions from one to the other, for tests only: the type does not count.
std::int64_t distance(revision from, revision to);

}  // namespace gantryd::store::conformance
