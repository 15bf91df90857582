#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/http/byte_stream.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantryd::http {

struct request {
    std::string method = "GET";
    std::string target = "/";  ///< path and query, already percent-encoded
    std::string host;          ///< the Host header
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;  ///< sent with Content-Length when not empty or when the method is POST or PUT
};

struct response {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::string reason;  ///< the status line's words, else the standard ones: "Not Found"; may be empty

    /// The first header of that name, whatever its case; empty when there is none.
    std::string_view header(std::string_view name) const noexcept;
};

/// Reads one HTTP/1.1 response from `stream` piece by piece: for endless bodies. Understands chunked bodies
/// with trailers. Interim 1xx responses are passed over.
class response_reader {
public:
    /// `stream` must outlive the reader.
    explicit response_reader(byte_stream& stream, bool head_request = false);
    response_reader(const response_reader&) = delete;
    response_reader& operator=(const response_reader&) = delete;
    ~response_reader();

    /// Status and headers, body empty. Call once, first.
    /// Errors: unavailable (the stream ended), malformed, limit_exceeded (64 KiB of headers).
    boost::asio::awaitable<base::result<response>> read_header();

    /// The next bytes of the body; empty when the body is complete.
    /// Errors: unavailable (the stream ended inside the body), malformed.
    boost::asio::awaitable<base::result<std::string>> read_body();

private:
    struct state;
    std::unique_ptr<state> state_;
};

/// The request's bytes on the wire, "Connection: close" included. Pure.
/// Precondition: no CR, LF or NUL in method, target, host and headers.
std::string serialize(const request& what);

/// Sends the request and reads the whole response. One exchange per stream.
/// Errors: unavailable, malformed, limit_exceeded (a body of more than `max_body_bytes`).
/// Cancellation: terminal; drop the stream then.
boost::asio::awaitable<base::result<response>> exchange(
    byte_stream& stream, request what, std::size_t max_body_bytes);

/// Percent-encodes everything but the unreserved characters of RFC 3986, section 2.3.
std::string percent_encode(std::string_view text);

}  // namespace gantryd::http
