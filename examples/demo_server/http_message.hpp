#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace demo {

/// One HTTP/1.x request, as far as the demo server looks at it.
struct request {
    std::string method;
    std::string path;
    std::string query;    ///< behind the '?'
    std::string upgrade;  ///< empty: no Upgrade header
    bool keep_alive = true;
    std::size_t size = 0;  ///< bytes it took, with its body
};

enum class parse_status { incomplete, complete, malformed };

/// Reads the request at the start of `bytes`. A request of more than 64 KiB, or with a chunked body, is
/// malformed.
parse_status parse_request(std::string_view bytes, request& out);

/// The status line, headers and body of a response. `extra_headers` are whole lines, each with its "\r\n".
std::string response_text(int status, std::string_view body, bool keep_alive, std::string_view extra_headers);

/// One response, as far as the load driver of the benchmarks looks at it.
struct response {
    int status = 0;
    bool keep_alive = true;
    std::string body;
    std::size_t size = 0;
};

/// Reads the response at the start of `bytes`. `ended` says that nothing will follow: a response without a
/// length ends there, any other that is not whole is malformed.
parse_status parse_response(std::string_view bytes, bool ended, response& out);

/// The value of `name` in a query like "ms=20&code=3". None when it is not there or is no number.
std::optional<int> number_in_query(std::string_view query, std::string_view name);

}  // namespace demo
