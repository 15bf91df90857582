#pragma once
#include <gantryd/base/time.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>

namespace gantryd::runtime {

using base::duration;
using base::time_point;
using base::wall_time;

/// Something that is going to happen at a time, unless this is destroyed before.
class alarm {
public:
    virtual ~alarm() = default;
};

/// The only source of time in the daemon.
class clock {
public:
    virtual ~clock() = default;
    virtual time_point now() const noexcept = 0;

    /// For log lines and reports only: it may jump.
    virtual wall_time wall_now() const noexcept = 0;

    /// Suspends until now() >= when.
    /// Cancellation: terminal; throws system_error(operation_aborted).
    virtual boost::asio::awaitable<void> sleep_until(time_point when) = 0;

    /// Calls `ring` once, from the event loop of `ex`, when now() >= when. What is waited for usually comes
    /// first, and an alarm that is not needed any more costs far less than a sleep that is cancelled.
    virtual std::unique_ptr<alarm> ring_at(
        time_point when, boost::asio::any_io_executor ex, std::function<void()> ring) = 0;
};

/// The machine's clock.
std::unique_ptr<clock> make_system_clock();

}  // namespace gantryd::runtime
