#pragma once
#include <gantryd/store/memory_store.hpp>

#include <optional>
#include <string>
#include <utility>

namespace gantryd::daemon {

/// A store in memory that fails or takes its time when a test says so. A commit has its effect at the end of
/// `latency`, so that one that nobody waits for any longer never happens.
class moody_store final : public store::store {
public:
    explicit moody_store(runtime::clock& clk) : clk_(clk), real_(gantryd::store::make_memory_store(clk)) {}

    std::optional<base::error> refuses_reads;
    std::optional<base::error> refuses_writes;
    runtime::duration latency{};              ///< of a commit
    int commits = 0;                          ///< that had an effect
    std::size_t most_operations = 1'000'000;  ///< in one commit

    boost::asio::awaitable<base::result<gantryd::store::revision>> commit(
        gantryd::store::transaction what, runtime::time_point deadline) override
    {
        if (latency > runtime::duration())
            co_await clk_.sleep_until(clk_.now() + latency);
        if (refuses_writes)
            co_return std::unexpected(*refuses_writes);
        if (what.operations.size() > most_operations)
            co_return base::fail(base::errc::rejected, "too many operations in one transaction");
        ++commits;
        auto done = co_await real_->commit(std::move(what), deadline);
        co_return done;
    }
    boost::asio::awaitable<base::result<std::optional<gantryd::store::key_value>>> get(
        std::string key, runtime::time_point deadline) override
    {
        if (refuses_reads)
            co_return std::unexpected(*refuses_reads);
        auto found = co_await real_->get(std::move(key), deadline);
        co_return found;
    }
    boost::asio::awaitable<base::result<gantryd::store::snapshot>> list(
        std::string prefix, runtime::time_point deadline) override
    {
        if (refuses_reads)
            co_return std::unexpected(*refuses_reads);
        auto found = co_await real_->list(std::move(prefix), deadline);
        co_return found;
    }
    std::unique_ptr<gantryd::store::watcher> watch(
        std::string prefix, gantryd::store::revision after) override
    {
        return real_->watch(std::move(prefix), after);
    }
    boost::asio::awaitable<base::result<gantryd::store::lease_id>> grant(
        std::chrono::seconds ttl, runtime::time_point deadline) override
    {
        if (refuses_writes)
            co_return std::unexpected(*refuses_writes);
        auto made = co_await real_->grant(ttl, deadline);
        co_return made;
    }
    boost::asio::awaitable<base::result<void>> keep_alive(
        gantryd::store::lease_id lease, runtime::time_point deadline) override
    {
        if (refuses_writes)
            co_return std::unexpected(*refuses_writes);
        auto kept = co_await real_->keep_alive(lease, deadline);
        co_return kept;
    }
    boost::asio::awaitable<base::result<void>> revoke(
        gantryd::store::lease_id lease, runtime::time_point deadline) override
    {
        return real_->revoke(lease, deadline);
    }

private:
    runtime::clock& clk_;
    std::unique_ptr<gantryd::store::store> real_;
};

}  // namespace gantryd::daemon
