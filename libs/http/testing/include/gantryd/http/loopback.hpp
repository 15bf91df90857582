#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/http/byte_stream.hpp>
#include <gantryd/http/test_certificates.hpp>
#include <gantryd/runtime/clock.hpp>
#include <gantryd/runtime/task_scope.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace gantryd::http_testing {

/// What a scripted server does with one connection; the connection is closed when it returns. In a TLS
/// session shutdown_write() cuts the connection without TLS's goodbye.
using session = std::function<boost::asio::awaitable<void>(http::byte_stream&)>;

/// A session that reads a request's header and sends `answer`.
session answering(std::string answer);

/// An event loop with real sockets on this machine, for tests whose subject is a socket: scripted servers and
/// the code that talks to them share it. Everything ends with it.
class loopback {
public:
    loopback();
    loopback(const loopback&) = delete;
    loopback& operator=(const loopback&) = delete;
    ~loopback();

    boost::asio::io_context loop{1};
    std::unique_ptr<runtime::clock> clock;
    int connections = 0;  ///< accepted so far, by all servers

    /// Starts a server on a free port of `address`; returns the port.
    std::uint16_t serve(session script, const std::string& address = "127.0.0.1");
    /// The same behind TLS; asks for a client certificate of `client_ca_file` when that is not empty.
    std::uint16_t serve_tls(session script, certificate_files own, std::string client_ca_file = "");
    void serve_unix(session script, const std::string& path);
    /// A port on which nobody listens.
    std::uint16_t closed_port();

    /// Runs the loop until `op` is done and returns its result. Throws what op throws, and runtime_error
    /// when it takes longer than `limit`.
    template <class T>
    T run(boost::asio::awaitable<T> op, runtime::duration limit = std::chrono::seconds(20))
    {
        auto out = std::make_shared<std::optional<T>>();
        run_to_end(keep(out, std::move(op)), limit);
        return std::move(out->value());
    }

    /// Starts `op` next to what run() runs; it is cancelled with the loop.
    void start(boost::asio::awaitable<void> op) { tasks_.spawn("started", std::move(op)); }

private:
    template <class T>
    static boost::asio::awaitable<void> keep(
        std::shared_ptr<std::optional<T>> to, boost::asio::awaitable<T> op)
    {
        *to = co_await std::move(op);
    }
    void run_to_end(boost::asio::awaitable<void> op, runtime::duration limit);

    runtime::task_scope tasks_;
};

}  // namespace gantryd::http_testing
