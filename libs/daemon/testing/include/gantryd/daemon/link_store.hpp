#pragma once
#include <gantryd/runtime/with_deadline.hpp>
#include <gantryd/store/store.hpp>

#include <functional>
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

    /// What becomes of one question.
    enum class fate {
        answered,
        refused,        ///< it fails at once, without an effect
        question_lost,  ///< no answer until its deadline, and no effect
        answer_lost,    ///< the same, and it had its effect
    };

    runtime::duration latency{};  ///< one way
    /// Asked at each question, with whether it is a commit; empty: it is answered.
    std::function<fate(bool is_commit)> fate_of_next;
    bool watches_stall = false;  ///< watches tell nothing, and do not fail
    /// How often a watch looks whether the way was cut meanwhile.
    runtime::duration between_looks = std::chrono::seconds(1);

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
        return over(there_.commit(std::move(what), deadline), deadline, true);
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
                while (link_.is_cut_ || link_.watches_stall)
                    co_await link_.clk_.sleep_until(link_.clk_.now() + link_.between_looks);
                if (cuts_ != link_.cuts_)
                    co_return base::fail(base::errc::unavailable, "the connection was cut");
                auto waiting = there_->next();
                auto found = co_await runtime::with_deadline(
                    link_.clk_, link_.clk_.now() + link_.between_looks, "look", std::move(waiting));
                const bool nothing_yet = !found && found.error() == base::errc::timed_out;
                while (found && link_.watches_stall)
                    co_await link_.clk_.sleep_until(link_.clk_.now() + link_.between_looks);
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
    boost::asio::awaitable<R> over(
        boost::asio::awaitable<R> call, runtime::time_point deadline, bool is_commit = false)
    {
        const auto becomes = fate_of_next ? fate_of_next(is_commit) : fate::answered;
        if (becomes == fate::refused)
            co_return base::fail(base::errc::unavailable, "the store refused the connection");
        const bool asked = co_await arrives(deadline, becomes == fate::question_lost);
        if (!asked)
            co_return base::fail(base::errc::timed_out, "no answer from the store");
        auto answer = co_await std::move(call);
        const bool answered = co_await arrives(deadline, becomes == fate::answer_lost);
        if (!answered)
            co_return base::fail(base::errc::timed_out, "no answer from the store");
        co_return answer;
    }

    boost::asio::awaitable<bool> arrives(runtime::time_point deadline, bool is_lost)
    {
        if (is_dropped_)
            co_return false;
        if (latency > runtime::duration())
            co_await clk_.sleep_until(clk_.now() + latency);
        if (!is_cut_ && !is_lost)
            co_return !is_dropped_;
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
