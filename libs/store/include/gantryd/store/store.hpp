#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/runtime/clock.hpp>
#include <gantryd/store/data.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::store {

/// The changes under a prefix, from one revision on. Dropping it ends the watch; not while next() is under
/// way.
class watcher {
public:
    virtual ~watcher() = default;

    /// Suspends until there are changes; all that are there, never half a transaction, never empty.
    /// Errors: compacted (the history after the last revision is gone: list, then watch anew), unavailable,
    /// malformed. After an error: make a new watcher. Cancellation: terminal.
    virtual boost::asio::awaitable<base::result<std::vector<change>>> next() = 0;
};

/// Keys and values with revisions, transactions, watches and leases, as in etcd v3.
///
/// Common errors: timed_out (a write may have happened: read back), unavailable, malformed.
class store {
public:
    virtual ~store() = default;

    /// Nothing when there is no such key.
    virtual boost::asio::awaitable<base::result<std::optional<key_value>>> get(
        std::string key, runtime::time_point deadline) = 0;

    virtual boost::asio::awaitable<base::result<snapshot>> list(
        std::string prefix, runtime::time_point deadline) = 0;

    /// All or nothing. The revision of the write; a transaction that changes nothing (it is empty, or erases
    /// keys that are not there) gives the present one.
    /// Errors: conflict (a condition does not hold; nothing was written), rejected (a key twice, an empty
    /// key, an unknown lease), limit_exceeded (a value over 1 MiB).
    virtual boost::asio::awaitable<base::result<revision>> commit(
        transaction what, runtime::time_point deadline) = 0;

    /// Changes of keys that start with `prefix`, after `after` (exclusive): snapshot::at of a list() misses
    /// nothing and repeats nothing. The store must outlive the watcher.
    virtual std::unique_ptr<watcher> watch(std::string prefix, revision after) = 0;

    /// A lease that ends `ttl` after its last keep_alive(); its keys are erased then.
    /// Errors: rejected (less than a second, or more than etcd can count).
    virtual boost::asio::awaitable<base::result<lease_id>> grant(
        std::chrono::seconds ttl, runtime::time_point deadline) = 0;

    /// Errors: not_found (it has ended: its keys are gone).
    virtual boost::asio::awaitable<base::result<void>> keep_alive(
        lease_id lease, runtime::time_point deadline) = 0;

    /// Ends the lease and erases its keys now. Errors: not_found.
    virtual boost::asio::awaitable<base::result<void>> revoke(
        lease_id lease, runtime::time_point deadline) = 0;
};

}  // namespace gantryd::store
