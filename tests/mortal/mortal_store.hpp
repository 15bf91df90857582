#pragma once
#include "deaths.hpp"

#include <gantryd/store/store.hpp>

namespace gantryd::mortal {

/// A store whose user dies before and after a commit of each kind. What kind it is tells its first key.
class mortal_store final : public store::store {
public:
    /// `name`: "store" or "ledger". Everything must outlive it.
    mortal_store(gantryd::store::store& there, std::string name, deaths& when)
        : there_(there),
          name_(std::move(name)),
          when_(when)
    {
    }

    boost::asio::awaitable<base::result<std::optional<gantryd::store::key_value>>> get(
        std::string key, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<gantryd::store::snapshot>> list(
        std::string prefix, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<gantryd::store::revision>> commit(
        gantryd::store::transaction what, runtime::time_point deadline) override;
    std::unique_ptr<gantryd::store::watcher> watch(
        std::string prefix, gantryd::store::revision after) override;
    boost::asio::awaitable<base::result<gantryd::store::lease_id>> grant(
        std::chrono::seconds ttl, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<void>> keep_alive(
        gantryd::store::lease_id lease, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<void>> revoke(
        gantryd::store::lease_id lease, runtime::time_point deadline) override;

private:
    gantryd::store::store& there_;
    std::string name_;
    deaths& when_;
};

}  // namespace gantryd::mortal
