#pragma once
#include <gantryd/store/store.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantryd::runtime {
class dirty_flag;
}

namespace gantryd::store {

/// The memory store's data: synchronous, time comes in as an argument.
class memory_data {
public:
    explicit memory_data(std::size_t history_limit);

    /// Ends the leases that are over. Everything below asks for it first, so that nobody sees a dead key.
    void expire(runtime::time_point now);

    std::optional<key_value> get(const std::string& key) const;
    snapshot list(const std::string& prefix) const;

    /// Precondition: validate(what). Errors: conflict, rejected (an unknown lease).
    base::result<revision> commit(const transaction& what);

    lease_id grant(std::chrono::seconds ttl, runtime::time_point now);
    /// False: there is no such lease.
    bool keep_alive(lease_id lease, runtime::time_point now);
    bool revoke(lease_id lease);

    /// Changes under `prefix` after `after`, which moves to the present revision. Errors: compacted.
    base::result<std::vector<change>> changes(const std::string& prefix, revision& after) const;

    /// When the next lease ends, if nobody keeps it alive.
    std::optional<runtime::time_point> next_expiry() const;

    /// Somebody who waits for changes under `prefix`, and has seen all until `position`. While it lives,
    /// `flag` is set when there is one, and `position` moves past those that do not concern it.
    class listener {
    public:
        listener(memory_data& data, runtime::dirty_flag& flag, const std::string& prefix, revision& position);
        listener(const listener&) = delete;
        listener& operator=(const listener&) = delete;
        ~listener();

        /// One of them has to expire() the leases in time, for all; its flag is set when that becomes sooner.
        bool keeps_time() const { return data_.listeners_.front() == this; }

    private:
        friend memory_data;
        memory_data& data_;
        runtime::dirty_flag& flag_;
        const std::string& prefix_;
        revision& position_;
    };

private:
    struct lease {
        std::chrono::seconds ttl{};
        runtime::time_point ends{};
        std::set<std::string> keys;
    };

    bool holds(const compare& condition) const;
    void put(const operation& write, revision at);
    void erase(const std::string& key, revision at);
    void end(std::map<lease_id, lease>::iterator which);
    void prune();
    /// Tells the listeners of what has just happened.
    void tell(revision before) const;

    std::int64_t history_limit_;
    revision present_{1};   // as in etcd: the first write is 2, so that no write is at "not there"
    revision compacted_{};  // changes up to this one are forgotten
    std::map<std::string, key_value> pairs_;
    std::deque<change> history_;
    std::map<lease_id, lease> leases_;
    lease_id last_lease_{};
    std::vector<listener*> listeners_;  // in the order in which they came, not of their addresses
};

}  // namespace gantryd::store
