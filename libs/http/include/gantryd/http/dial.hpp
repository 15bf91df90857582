#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/http/byte_stream.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace gantryd::http {

/// What TLS is to check and to show.
struct tls_options {
    std::string ca_file;           ///< PEM; empty: the system's
    std::string certificate_file;  ///< PEM, our own; empty: none
    std::string key_file;          ///< PEM; not for everybody to read
    bool verify_peer = true;       ///< chain and host name
};

/// A loaded tls_options, cheap to use for many connections. OpenSSL is first touched when one is made.
class tls_context;
/// Errors: rejected (a file that is missing or is no PEM, or a key that everybody may read;
/// named in the sentence).
base::result<std::shared_ptr<tls_context>> make_tls_context(const tls_options& options);

/// Connects to a numeric address or, where it is not numeric, to the first address that answers of those the
/// name resolves to.
/// Errors: timed_out, unavailable ("connect 127.0.0.1:2375: connection refused").
/// Cancellation: terminal; nothing stays open.
boost::asio::awaitable<base::result<std::unique_ptr<byte_stream>>> dial_tcp(
    runtime::clock& clk, std::string host, std::uint16_t port, runtime::time_point deadline);

/// Errors: timed_out, unavailable ("connect /var/run/docker.sock: no such file or directory").
boost::asio::awaitable<base::result<std::unique_ptr<byte_stream>>> dial_unix(
    runtime::clock& clk, std::string path, runtime::time_point deadline);

/// TCP, then a TLS handshake that sends and checks `host` as the server's name.
/// Errors: timed_out, unavailable, rejected (the certificate does not hold; OpenSSL's reason in the
/// sentence).
boost::asio::awaitable<base::result<std::unique_ptr<byte_stream>>> dial_tls(runtime::clock& clk,
    std::shared_ptr<tls_context> tls, std::string host, std::uint16_t port, runtime::time_point deadline);

}  // namespace gantryd::http
