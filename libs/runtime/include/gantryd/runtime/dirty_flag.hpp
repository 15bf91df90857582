#pragma once
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>

namespace gantryd::runtime {

/// "Something changed, look again." Any number of set() calls before a wait() count as one.
/// One waiter at a time; not thread-safe.
class dirty_flag {
public:
    explicit dirty_flag(boost::asio::any_io_executor ex);
    dirty_flag(const dirty_flag&) = delete;
    dirty_flag& operator=(const dirty_flag&) = delete;
    ~dirty_flag();

    void set();

    /// Suspends until set, then clears the flag.
    /// Cancellation: terminal; throws system_error(operation_aborted) and leaves the flag as it is.
    boost::asio::awaitable<void> wait();

    /// The same, and false when it was not set before `deadline`.
    boost::asio::awaitable<bool> wait_until(clock& clk, time_point deadline);

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace gantryd::runtime
