#include <gantryd/store/memory_store.hpp>

#include "memory_data.hpp"

#include <gantryd/runtime/dirty_flag.hpp>
#include <gantryd/store/rules.hpp>

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace asio = boost::asio;

namespace gantryd::store {
namespace {

class memory_watcher final : public watcher {
public:
    memory_watcher(std::shared_ptr<memory_data> data, runtime::clock& clk, std::string prefix, revision after)
        : data_(std::move(data)),
          clock_(clk),
          prefix_(std::move(prefix)),
          position_(after)
    {
    }

    asio::awaitable<base::result<std::vector<change>>> next() override
    {
        const auto data = data_;  // a frame that the loop destroys may outlive the store
        runtime::dirty_flag changed(co_await asio::this_coro::executor);
        const memory_data::listener listening(*data, changed, prefix_, position_);
        for (;;) {
            data->expire(clock_.now());
            auto found = data->changes(prefix_, position_);
            if (!found || !found->empty())
                co_return found;
            const auto lease_ends = listening.keeps_time() ? data->next_expiry() : std::nullopt;
            if (lease_ends)
                (void)co_await changed.wait_until(clock_, *lease_ends);
            else
                co_await changed.wait();
        }
    }

private:
    std::shared_ptr<memory_data> data_;
    runtime::clock& clock_;
    std::string prefix_;
    revision position_;
};

class memory_store final : public store {
public:
    memory_store(runtime::clock& clk, std::size_t history_limit)
        : clock_(clk),
          data_(std::make_shared<memory_data>(history_limit))
    {
    }

    asio::awaitable<base::result<std::optional<key_value>>> get(
        std::string key, runtime::time_point deadline) override
    {
        const auto begun = begin(deadline);
        if (!begun)
            co_return std::unexpected(begun.error());
        co_return data_->get(key);
    }

    asio::awaitable<base::result<snapshot>> list(std::string prefix, runtime::time_point deadline) override
    {
        const auto begun = begin(deadline);
        if (!begun)
            co_return std::unexpected(begun.error());
        co_return data_->list(prefix);
    }

    asio::awaitable<base::result<revision>> commit(transaction what, runtime::time_point deadline) override
    {
        const auto valid = validate(what);
        if (!valid)
            co_return std::unexpected(valid.error());
        const auto begun = begin(deadline);
        if (!begun)
            co_return std::unexpected(begun.error());
        co_return data_->commit(what);
    }

    std::unique_ptr<watcher> watch(std::string prefix, revision after) override
    {
        return std::make_unique<memory_watcher>(data_, clock_, std::move(prefix), after);
    }

    asio::awaitable<base::result<lease_id>> grant(
        std::chrono::seconds ttl, runtime::time_point deadline) override
    {
        const auto valid = validate(ttl);
        if (!valid)
            co_return std::unexpected(valid.error());
        const auto begun = begin(deadline);
        if (!begun)
            co_return std::unexpected(begun.error());
        co_return data_->grant(ttl, clock_.now());
    }

    asio::awaitable<base::result<void>> keep_alive(lease_id lease, runtime::time_point deadline) override
    {
        const auto begun = begin(deadline);
        if (!begun)
            co_return begun;
        if (!data_->keep_alive(lease, clock_.now()))
            co_return base::fail(base::errc::not_found, "the lease has ended");
        co_return base::result<void>();
    }

    asio::awaitable<base::result<void>> revoke(lease_id lease, runtime::time_point deadline) override
    {
        const auto begun = begin(deadline);
        if (!begun)
            co_return begun;
        if (!data_->revoke(lease))
            co_return base::fail(base::errc::not_found, "the lease has ended");
        co_return base::result<void>();
    }

private:
    base::result<void> begin(runtime::time_point deadline)
    {
        const auto now = clock_.now();
        if (now >= deadline)
            return base::fail(base::errc::timed_out, "memory store: the deadline had passed before the call");
        data_->expire(now);
        return {};
    }

    runtime::clock& clock_;
    std::shared_ptr<memory_data> data_;
};

}  // namespace

std::unique_ptr<store> make_memory_store(runtime::clock& clk, std::size_t history_limit)
{
    return std::make_unique<memory_store>(clk, history_limit);
}

}  // namespace gantryd::store
