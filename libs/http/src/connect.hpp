#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <string>

namespace gantryd::http {

/// A connected socket with TCP_NODELAY. `host` is numeric, or a name whose addresses are tried in turn.
/// Errors: timed_out, unavailable. Cancellation: terminal; nothing stays open.
boost::asio::awaitable<base::result<boost::asio::ip::tcp::socket>> connect_tcp(
    runtime::clock& clk, std::string host, std::uint16_t port, runtime::time_point deadline);

}  // namespace gantryd::http
