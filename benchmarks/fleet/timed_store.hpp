#pragma once
#include <gantryd/store/store.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace gantryd::benchmark {

/// A store that tells when the last commit was begun: an order reads before it writes.
class timed_store final : public store::store {
public:
    explicit timed_store(gantryd::store::store& real) : real_(real) {}

    std::chrono::steady_clock::time_point commit_began;

    boost::asio::awaitable<base::result<gantryd::store::revision>> commit(
        gantryd::store::transaction what, runtime::time_point deadline) override
    {
        commit_began = std::chrono::steady_clock::now();
        return real_.commit(std::move(what), deadline);
    }
    boost::asio::awaitable<base::result<std::optional<gantryd::store::key_value>>> get(
        std::string key, runtime::time_point deadline) override
    {
        return real_.get(std::move(key), deadline);
    }
    boost::asio::awaitable<base::result<gantryd::store::snapshot>> list(
        std::string prefix, runtime::time_point deadline) override
    {
        return real_.list(std::move(prefix), deadline);
    }
    std::unique_ptr<gantryd::store::watcher> watch(
        std::string prefix, gantryd::store::revision after) override
    {
        return real_.watch(std::move(prefix), after);
    }
    boost::asio::awaitable<base::result<gantryd::store::lease_id>> grant(
        std::chrono::seconds ttl, runtime::time_point deadline) override
    {
        return real_.grant(ttl, deadline);
    }
    boost::asio::awaitable<base::result<void>> keep_alive(
        gantryd::store::lease_id lease, runtime::time_point deadline) override
    {
        return real_.keep_alive(lease, deadline);
    }
    boost::asio::awaitable<base::result<void>> revoke(
        gantryd::store::lease_id lease, runtime::time_point deadline) override
    {
        return real_.revoke(lease, deadline);
    }

private:
    gantryd::store::store& real_;
};

}  // namespace gantryd::benchmark
