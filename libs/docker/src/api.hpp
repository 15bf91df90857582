#pragma once
#include "api_version.hpp"

#include <gantryd/docker/client.hpp>
#include <gantryd/http/byte_stream.hpp>
#include <gantryd/http/dial.hpp>
#include <gantryd/http/exchange.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace gantryd::docker {

/// An answer whose header has been read while its body is still coming. A refusal's body is already in
/// `header.body`.
struct open_answer {
    std::unique_ptr<http::byte_stream> stream;
    std::unique_ptr<http::response_reader> reader;  // behind the stream that it reads
    http::response header;
};

/// True for 2xx and for "304 Not Modified", which means that it was so already.
bool is_success(int status) noexcept;

/// The rest of the body. Errors: unavailable, malformed, limit_exceeded.
boost::asio::awaitable<base::result<std::string>> read_to_end(open_answer& answer, std::size_t most_bytes);

/// The engine's HTTP API: one connection per request, and the version in the path. Its functions end at their
/// deadline only while connecting: the caller bounds the whole.
class api {
public:
    /// `clk` must outlive it.
    api(endpoint where, std::shared_ptr<http::tls_context> tls, runtime::clock& clk);

    /// Asks the engine for its versions and chooses one.
    /// Errors: unavailable, timed_out, malformed, rejected (no version in common).
    boost::asio::awaitable<base::result<api_version>> negotiate(runtime::time_point deadline);

    /// Sends a request whose target has no version yet, and reads the header of the answer, refusals
    /// included. Negotiates the version first when there is none, and again when the engine refuses ours: it
    /// may have been upgraded. Errors: as negotiate().
    boost::asio::awaitable<base::result<open_answer>> open(http::request what, runtime::time_point deadline);

    /// The whole of a successful answer.
    /// Errors: also those of as_error(), limit_exceeded.
    boost::asio::awaitable<base::result<http::response>> call(
        http::request what, runtime::time_point deadline);

private:
    boost::asio::awaitable<base::result<std::unique_ptr<http::byte_stream>>> dial(
        runtime::time_point deadline);
    boost::asio::awaitable<base::result<open_answer>> send(http::request what, runtime::time_point deadline);

    endpoint where_;
    std::string host_;
    std::shared_ptr<http::tls_context> tls_;
    runtime::clock& clk_;
    std::optional<api_version> version_;
};

}  // namespace gantryd::docker
