#pragma once
#include <gantryd/base/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace gantryd::http {

/// A connected, two-way stream of bytes: TCP, a unix socket, or TLS over TCP. Where error_code ends.
/// Destroying it closes it. No deadline of its own: wrap a call into runtime::with_deadline().
class byte_stream {
public:
    virtual ~byte_stream() = default;

    /// Some bytes into `into`; zero at the end of the stream.
    /// Errors: unavailable. Cancellation: terminal; the stream is of no use then.
    virtual boost::asio::awaitable<base::result<std::size_t>> read_some(std::span<char> into) = 0;

    /// All of `bytes`.
    /// Errors: unavailable. Cancellation: terminal; the stream is of no use then.
    virtual boost::asio::awaitable<base::result<void>> write(std::string bytes) = 0;

    /// Tells the peer that no more bytes come from us; reading goes on.
    virtual void shutdown_write() noexcept = 0;
};

}  // namespace gantryd::http
