#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>
#include <utility>

namespace gantryd::runtime {
namespace detail {

/// Which of the two finished first, without templates over the result type.
enum class race_outcome { work_finished, deadline_passed };
boost::asio::awaitable<race_outcome> race(boost::asio::awaitable<void> work, clock& clk, time_point deadline);

template <class R>
boost::asio::awaitable<void> store(std::optional<R>& out, boost::asio::awaitable<R> op)
{
    out = co_await std::move(op);
}

}  // namespace detail

/// Runs op until it finishes or `deadline` passes; op is cancelled and joined either way.
///
/// Errors: errc::timed_out with `what` as its sentence, or whatever op reports. A result that op produced
/// while it was being cancelled is returned, not thrown away.
/// Cancellation: terminal, passed on to op.
template <class T>
boost::asio::awaitable<base::result<T>> with_deadline(
    clock& clk, time_point deadline, std::string what, boost::asio::awaitable<base::result<T>> op)
{
    std::optional<base::result<T>> out;
    const auto outcome = co_await detail::race(detail::store(out, std::move(op)), clk, deadline);
    if (!out && outcome == detail::race_outcome::deadline_passed)
        co_return base::fail(base::errc::timed_out, std::move(what));
    co_return std::move(*out);
}

}  // namespace gantryd::runtime
