#pragma once
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <filesystem>
#include <set>
#include <string>

namespace gantryd::mortal {

/// The moments at which the daemon is to die: before and after each kind of action, once each. They are files
/// of a folder, so that the next daemon knows which it has behind it.
class deaths {
public:
    /// Of these actions; of all when there are none. The clock must outlive it.
    deaths(std::filesystem::path folder, std::set<std::string> actions, runtime::clock& clk)
        : folder_(std::move(folder)),
          actions_(std::move(actions)),
          clk_(clk)
    {
    }

    /// Does the work and dies before it, or after it, unless an earlier daemon did. One at a time: else the
    /// death of one action would keep another one, whose effect is there, from its own.
    template <class R>
    boost::asio::awaitable<R> around(std::string action, boost::asio::awaitable<R> work)
    {
        if (!actions_.empty() && !actions_.contains(action)) {
            auto done = co_await std::move(work);
            co_return done;
        }
        while (is_busy_)
            co_await clk_.sleep_until(clk_.now() + std::chrono::milliseconds(1));
        const turn ours(is_busy_);
        die_at("before " + action);
        auto done = co_await std::move(work);
        die_at("after " + action);
        co_return done;
    }

private:
    class turn {
    public:
        explicit turn(bool& is_busy) : is_busy_(is_busy) { is_busy_ = true; }
        ~turn() { is_busy_ = false; }
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;

    private:
        bool& is_busy_;
    };

    /// SIGKILL to this process, unless an earlier one died there.
    void die_at(const std::string& moment) const;

    std::filesystem::path folder_;
    std::set<std::string> actions_;
    runtime::clock& clk_;
    bool is_busy_ = false;
};

}  // namespace gantryd::mortal
