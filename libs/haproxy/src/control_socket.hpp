#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace gantryd::haproxy {

/// Sends `commands` over a connection of their own and reads to its end.
/// Errors: timed_out, unavailable (nobody listens, or it hung up), limit_exceeded (more than 64 MiB).
/// Cancellation: terminal; the commands may or may not have been done.
boost::asio::awaitable<base::result<std::string>> ask(
    runtime::clock& clk, std::string socket_path, std::string commands, runtime::time_point deadline);

}  // namespace gantryd::haproxy
