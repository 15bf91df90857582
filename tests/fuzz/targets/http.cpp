#include "../fuzz.hpp"

#include "health/src/answer.hpp"
#include "health/src/redirect.hpp"

#include <gantryd/http/exchange.hpp>
#include <gantryd/http/fake_stream.hpp>
#include <gantryd/http/line_splitter.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <exception>
#include <optional>

namespace gantryd::fuzz {
namespace {

namespace asio = boost::asio;

constexpr std::size_t most_body = 64UL * 1024;
constexpr std::size_t most_record = 100;

/// The answer to a request for `method`, whose bytes come in pieces of `piece` and then end.
base::result<gantryd::http::response> answer_in_pieces(
    std::string_view bytes, std::size_t piece, const std::string& method)
{
    asio::io_context loop(1);
    http_testing::fake_stream peer(loop.get_executor());
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        peer.deliver(std::string(bytes.substr(at, piece)));
    peer.end();
    std::optional<base::result<gantryd::http::response>> out;
    const auto take = [&](std::exception_ptr failure, base::result<gantryd::http::response> got) {
        require(failure == nullptr, "a failure of the outside world is a value, not an exception");
        out = std::move(got);
    };
    gantryd::http::request ask{.method = method, .host = "peer"};
    asio::co_spawn(loop, gantryd::http::exchange(peer, std::move(ask), most_body), take);
    loop.run();
    require(out.has_value(), "an answer that ends lets the exchange end");
    return std::move(*out);
}

void check_same(
    const base::result<gantryd::http::response>& one, const base::result<gantryd::http::response>& other)
{
    require(one.has_value() == other.has_value(), "an answer is valid however it is cut");
    if (!one)
        return;
    require(one->status == other->status && one->headers == other->headers && one->body == other->body,
        "an answer is the same however it is cut");
    require(one->status >= 200 && one->status <= 999, "an answer has a status, and not an interim one");
    require(one->body.size() <= most_body, "a body has a limit");
    for (const auto& [name, value] : one->headers)
        require((name + value).find_first_of("\r\n") == std::string::npos, "a header is one line");
}

std::vector<std::string> records_of(std::string_view bytes, std::size_t piece)
{
    gantryd::http::line_splitter splitter(most_record);
    std::vector<std::string> out;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        if (!splitter.feed(bytes.substr(at, piece), out))
            break;
    require(std::ranges::all_of(out, [](const auto& r) { return r.size() <= most_record; }),
        "a record has a limit");
    return out;
}

/// Where the text leads as a redirect of a container, and how it is shown.
void check_redirect(std::string_view location)
{
    const health::http_place from{"http", "10.0.0.2:8080", "/a/b?c"};
    if (const auto to = health::follow(from, location)) {
        require(to->scheme == from.scheme && to->authority == from.authority,
            "a redirect stays with the container");
        require(to->target.starts_with('/') &&
                    std::ranges::all_of(to->target, [](char c) { return c > ' ' && c < '\x7f'; }),
            "a redirect cannot break a request");
    }
    const auto shown = health::readable(location);
    require(shown.size() <= 4 * health::longest_answer && health::readable(shown) == shown,
        "an answer is short, and what is readable stays as it is");
}

}  // namespace

/// An answer, read whole, in pieces of a length that its own bytes choose, and byte by byte.
void http(std::string_view input)
{
    if (input.empty())
        return;
    const std::size_t piece = 1 + static_cast<unsigned char>(input.back()) % 7;
    for (const char* method : {"GET", "HEAD"}) {
        const auto whole = answer_in_pieces(input, input.size(), method);
        check_same(whole, answer_in_pieces(input, piece, method));
        if (input.size() < 1000)
            check_same(whole, answer_in_pieces(input, 1, method));
    }
    check_redirect(input);
    require(records_of(input, piece) == records_of(input, 1), "records are the same however a stream is cut");
}

}  // namespace gantryd::fuzz
