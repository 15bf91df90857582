#pragma once
#include "change_signal.hpp"
#include "connection.hpp"
#include "tables.hpp"

#include <gantryd/runtime/backoff.hpp>
#include <gantryd/runtime/clock.hpp>
#include <gantryd/runtime/dirty_flag.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>

namespace gantryd::sqlite_store {

/// What a store and its watchers share. They hold it together: a watcher's frame that the loop destroys may
/// outlive the store.
class core : public std::enable_shared_from_this<core> {
public:
    core(options what, std::string path, std::string boot, runtime::clock& clk);

    /// One attempt to connect; nothing when another process holds a lock. Does nothing when connected to
    /// the file that is there. Errors: not_found, malformed, rejected, unavailable.
    std::optional<base::result<void>> connect();

    /// Runs `act` on the data after the leases that are over have ended. While another process holds the lock
    /// it tries again, with waits between, until `deadline`. `act` gets the time of the attempt.
    /// Errors: timed_out, unavailable, malformed, and those of `act`.
    template <class T>
    boost::asio::awaitable<base::result<T>> perform(std::string what, runtime::time_point deadline,
        std::function<base::result<T>(tables&, runtime::time_point)> act)
    {
        const auto self = shared_from_this();
        runtime::backoff pause(std::chrono::milliseconds(1), std::chrono::milliseconds(25), random_);
        for (bool tried = false;; tried = true) {
            const auto now = clock_.now();
            if (now >= deadline)
                co_return std::unexpected(too_late(what, tried));
            std::optional<base::result<T>> done;
            const auto ready = attempt([&](tables& data) { done.emplace(act(data, now)); }, now);
            if (!ready)
                co_return std::unexpected(ready.error());
            if (done)
                co_return std::move(*done);
            co_await clock_.sleep_until(std::min(deadline, now + pause.next()));
        }
    }

    /// Tells everybody who watches that there is something new.
    void announce();

    /// Suspends until `changed` is set, by this process or another, or `until`.
    /// Cancellation: terminal.
    boost::asio::awaitable<void> wait_for_change(runtime::dirty_flag& changed, runtime::time_point until);

    /// From now on `changed` is set at every change this process hears of.
    class listener {
    public:
        listener(core& of, runtime::dirty_flag& changed) : core_(of), changed_(changed)
        {
            core_.listeners_.insert(&changed_);
        }
        listener(const listener&) = delete;
        listener& operator=(const listener&) = delete;
        ~listener() { core_.listeners_.erase(&changed_); }

        /// To be called before every look at the data.
        void arm() { core_.hears_others_ = core_.signal_.listen(); }

    private:
        core& core_;
        runtime::dirty_flag& changed_;
    };

    runtime::clock& clock() noexcept { return clock_; }

private:
    struct shared_descriptor;

    /// Runs `act` unless another process holds a lock. Errors: unavailable, malformed.
    base::result<void> attempt(const std::function<void(tables&)>& act, runtime::time_point now);
    void expire_leases(runtime::time_point now);
    base::error too_late(const std::string& what, bool tried) const;
    std::shared_ptr<shared_descriptor> descriptor(const boost::asio::any_io_executor& ex);
    boost::asio::awaitable<base::result<bool>> hear(runtime::dirty_flag& changed);
    boost::asio::awaitable<void> hear_others(std::shared_ptr<shared_descriptor> from);
    void wake();
    void disconnect();

    options options_;
    std::string path_;
    std::string boot_;
    runtime::clock& clock_;
    std::mt19937 random_;
    change_signal signal_;
    bool hears_others_ = false;
    std::weak_ptr<shared_descriptor> descriptor_;
    std::set<runtime::dirty_flag*> listeners_;

    std::optional<file_identity> connected_to_;
    std::unique_ptr<SQLite::Database> db_;
    std::optional<tables> tables_;  // after db_: its statements go first
};

}  // namespace gantryd::sqlite_store
