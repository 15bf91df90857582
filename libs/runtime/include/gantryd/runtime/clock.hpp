#pragma once
#include <gantryd/base/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>

namespace gantryd::runtime {

using base::duration;
using base::time_point;
using base::wall_time;

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
};

/// The machine's clock.
std::unique_ptr<clock> make_system_clock();

}  // namespace gantryd::runtime
