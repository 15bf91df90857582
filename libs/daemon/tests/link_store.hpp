#pragma once
#include <gantryd/runtime/with_deadline.hpp>
#include <gantryd/store/store.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gantryd::daemon {

/// A machine's way to a store that several machines share. It can be cut: questions then take until their
/// deadline, what was on its way back is lost, and watches tell nothing; after that they have failed.
class link_store final : public store::store {
public:
    link_store(runtime::clock& clk, gantryd::store::store& there) : clk_(clk), there_(there) {}

    runtime::duration latency{};  ///< one way

    void cut()
    {
        ++cuts_;
        is_cut_ = true;
        is_dropped_ = false;
    }
    void heal() { is_cut_ = is_dropped_ = false; }
    /// Who ends now has nobody to say goodbye to: every question fails at once, until heal() or cut().
    void drop() { is_dropped_ = true; }

    boost::asio::awaitable<base::result<std::optional<gantryd::store::key_value>>> get(
        std::string key, runtime::time_point deadline) override
    {
        return over(there_.get(std::move(key), deadline), deadline);
    }
    boost::asio::awaitable<base::result<gantryd::store::snapshot>> list(
        std::string prefix, runtime::time_point deadline) override
    {
        return over(there_.list(std::move(prefix), deadline), deadline);
    }
    boost::asio::awaitable<base::result<gantryd::store::revision>> commit(
        gantryd::store::transaction what, runtime::time_point deadline) override
    {
        return over(there_.commit(std::move(what), deadline), deadline);
    }
    std::unique_ptr<gantryd::store::watcher> watch(
        std::string prefix, gantryd::store::revision after) override
    {
        return std::make_unique<link_watcher>(*this, there_.watch(std::move(prefix), after));
    }
    boost::asio::awaitable<base::result<gantryd::store::lease_id>> grant(
        std::chrono::seconds ttl, runtime::time_point deadline) override
    {
        return over(there_.grant(ttl, deadline), deadline);
    }
    boost::asio::awaitable<base::result<void>> keep_alive(
        gantryd::store::lease_id lease, runtime::time_point deadline) override
    {
        return over(there_.keep_alive(lease, deadline), deadline);
    }
    boost::asio::awaitable<base::result<void>> revoke(
        gantryd::store::lease_id lease, runtime::time_point deadline) override
    {
        return over(there_.revoke(lease, deadline), deadline);
    }

private:
    static constexpr auto between_looks = std::chrono::seconds(1);

    class link_watcher final : public gantryd::store::watcher {
    public:
        link_watcher(link_store& link, std::unique_ptr<gantryd::store::watcher> there)
            : link_(link),
              there_(std::move(there)),
              cuts_(link.cuts_)
        {
        }

        boost::asio::awaitable<base::result<std::vector<gantryd::store::change>>> next() override
        {
            for (;;) {
                while (link_.is_cut_)
                    co_await link_.clk_.sleep_until(link_.clk_.now() + between_looks);
                if (cuts_ != link_.cuts_)
                    co_return base::fail(base::errc::unavailable, "the connection was cut");
                auto waiting = there_->next();
                auto found = co_await runtime::with_deadline(
                    link_.clk_, link_.clk_.now() + between_looks, "look", std::move(waiting));
                const bool nothing_yet = !found && found.error() == base::errc::timed_out;
                if (cuts_ == link_.cuts_ && !nothing_yet)
                    co_return found;
            }
        }

    private:
        link_store& link_;
        std::unique_ptr<gantryd::store::watcher> there_;
        const int cuts_;
    };

    template <class R>
    boost::asio::awaitable<R> over(boost::asio::awaitable<R> call, runtime::time_point deadline)
    {
        const bool asked = co_await arrives(deadline);
        if (!asked)
            co_return base::fail(base::errc::timed_out, "no answer from the store");
        auto answer = co_await std::move(call);
        const bool answered = co_await arrives(deadline);
        if (!answered)
            co_return base::fail(base::errc::timed_out, "no answer from the store");
        co_return answer;
    }

    boost::asio::awaitable<bool> arrives(runtime::time_point deadline)
    {
        if (is_dropped_)
            co_return false;
        if (latency > runtime::duration())
            co_await clk_.sleep_until(clk_.now() + latency);
        if (!is_cut_)
            co_return true;
        co_await clk_.sleep_until(deadline);
        co_return false;
    }

    runtime::clock& clk_;
    gantryd::store::store& there_;
    bool is_cut_ = false;
    bool is_dropped_ = false;
    int cuts_ = 0;
};

}  // namespace gantryd::daemon
