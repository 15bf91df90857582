#include "memory_data.hpp"

#include <gantryd/runtime/dirty_flag.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace gantryd::store {
namespace {

template <class Number>
Number following(Number n)
{
    return Number{std::to_underlying(n) + 1};
}

runtime::time_point end_of_lease(runtime::time_point now, std::chrono::seconds ttl)
{
    const auto left = runtime::time_point::max() - now;
    return ttl >= left ? runtime::time_point::max() : now + ttl;
}

/// Far from overflow, and longer than any memory.
constexpr std::size_t longest_history = 1'000'000'000'000;

}  // namespace

memory_data::memory_data(std::size_t history_limit)
    : history_limit_(static_cast<std::int64_t>(std::min(history_limit, longest_history)))
{
}

void memory_data::expire(runtime::time_point now)
{
    for (auto next = leases_.begin(); next != leases_.end();) {
        const auto candidate = next++;
        if (candidate->second.ends <= now)
            end(candidate);
    }
}

std::optional<key_value> memory_data::get(const std::string& key) const
{
    const auto found = pairs_.find(key);
    if (found == pairs_.end())
        return std::nullopt;
    return found->second;
}

snapshot memory_data::list(const std::string& prefix) const
{
    snapshot out;
    out.at = present_;
    for (auto it = pairs_.lower_bound(prefix); it != pairs_.end() && it->first.starts_with(prefix); ++it)
        out.pairs.push_back(it->second);
    return out;
}

bool memory_data::holds(const compare& condition) const
{
    const auto found = pairs_.find(condition.key);
    if (found == pairs_.end())
        return condition.equals == revision{};
    const auto& pair = found->second;
    return condition.equals == (condition.what == compare::target::created ? pair.created : pair.modified);
}

base::result<revision> memory_data::commit(const transaction& what)
{
    for (const auto& condition : what.conditions) {
        if (!holds(condition))
            return base::fail(base::errc::conflict, "key " + condition.key + " has changed");
    }
    bool changes_something = false;
    for (const auto& write : what.operations) {
        if (write.what == operation::kind::erase) {
            changes_something = changes_something || pairs_.contains(write.key);
            continue;
        }
        changes_something = true;
        if (write.lease != lease_id{} && !leases_.contains(write.lease))
            return base::fail(base::errc::rejected, "key " + write.key + ": its lease does not exist");
    }
    if (!changes_something)
        return present_;

    const auto before = present_;
    const auto at = following(present_);
    for (const auto& write : what.operations) {
        if (write.what == operation::kind::put)
            put(write, at);
        else
            erase(write.key, at);
    }
    present_ = at;
    tell(before);
    prune();
    return at;
}

void memory_data::put(const operation& write, revision at)
{
    auto& pair = pairs_[write.key];
    if (pair.lease != lease_id{})
        leases_.at(pair.lease).keys.erase(write.key);
    if (write.lease != lease_id{})
        leases_.at(write.lease).keys.insert(write.key);
    const auto created = pair.created == revision{} ? at : pair.created;
    pair = {write.key, write.value, created, at, write.lease};
    history_.push_back({false, pair});
}

void memory_data::erase(const std::string& key, revision at)
{
    const auto found = pairs_.find(key);
    if (found == pairs_.end())
        return;
    if (found->second.lease != lease_id{})
        leases_.at(found->second.lease).keys.erase(key);
    change gone;
    gone.erased = true;
    gone.pair.key = key;
    gone.pair.modified = at;
    history_.push_back(std::move(gone));
    pairs_.erase(found);
}

void memory_data::end(std::map<lease_id, lease>::iterator which)
{
    const auto keys = std::exchange(which->second.keys, {});
    if (!keys.empty()) {
        const auto at = following(present_);
        for (const auto& key : keys)
            erase(key, at);
        tell(std::exchange(present_, at));
        prune();
    }
    leases_.erase(which);
}

lease_id memory_data::grant(std::chrono::seconds ttl, runtime::time_point now)
{
    last_lease_ = following(last_lease_);
    leases_[last_lease_] = {ttl, end_of_lease(now, ttl), {}};
    if (!listeners_.empty())
        listeners_.front()->flag_.set();
    return last_lease_;
}

bool memory_data::keep_alive(lease_id which, runtime::time_point now)
{
    const auto found = leases_.find(which);
    if (found == leases_.end())
        return false;
    found->second.ends = end_of_lease(now, found->second.ttl);
    return true;
}

bool memory_data::revoke(lease_id which)
{
    const auto found = leases_.find(which);
    if (found == leases_.end())
        return false;
    end(found);
    return true;
}

base::result<std::vector<change>> memory_data::changes(const std::string& prefix, revision& after) const
{
    if (after < compacted_)
        return base::fail(base::errc::compacted, "memory store: the history begins later");
    if (after > present_)
        return base::fail(base::errc::compacted, "memory store: the history ends earlier");
    const auto seen = [&](const change& c) { return c.pair.modified <= after; };
    const auto first = std::partition_point(history_.begin(), history_.end(), seen);
    std::vector<change> out;
    std::copy_if(first, history_.end(), std::back_inserter(out),
        [&](const change& c) { return c.pair.key.starts_with(prefix); });
    after = present_;
    return out;
}

std::optional<runtime::time_point> memory_data::next_expiry() const
{
    std::optional<runtime::time_point> first;
    for (const auto& [id, lease] : leases_)
        first = first ? std::min(*first, lease.ends) : lease.ends;
    return first;
}

void memory_data::prune()
{
    const auto oldest = std::to_underlying(present_) - history_limit_;
    if (oldest <= std::to_underlying(compacted_))
        return;
    compacted_ = revision{oldest};
    while (!history_.empty() && history_.front().pair.modified <= compacted_)
        history_.pop_front();
}

void memory_data::tell(revision before) const
{
    const auto is_old = [&](const change& c) { return c.pair.modified <= before; };
    const auto first = std::partition_point(history_.begin(), history_.end(), is_old);
    for (auto* one : listeners_) {
        const bool concerned = std::any_of(
            first, history_.end(), [&](const change& c) { return c.pair.key.starts_with(one->prefix_); });
        if (concerned)
            one->flag_.set();
        else if (one->position_ == before)
            one->position_ = present_;
    }
}

memory_data::listener::listener(
    memory_data& data, runtime::dirty_flag& flag, const std::string& prefix, revision& position)
    : data_(data),
      flag_(flag),
      prefix_(prefix),
      position_(position)
{
    data_.listeners_.push_back(this);
}

memory_data::listener::~listener()
{
    const bool kept_time = keeps_time();
    std::erase(data_.listeners_, this);
    if (kept_time && !data_.listeners_.empty())
        data_.listeners_.front()->flag_.set();
}

}  // namespace gantryd::store
