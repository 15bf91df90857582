#include "http_probe.hpp"

#include "answer.hpp"

#include <gantryd/http/exchange.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <utility>

namespace asio = boost::asio;

namespace gantryd::health {
namespace {

constexpr std::size_t most_body_bytes = 64UL * 1024;
constexpr int most_redirects = 5;

/// One probe under way. What it has learned stays when its deadline cuts it.
struct walk {
    runtime::clock& clk;
    std::shared_ptr<http::tls_context> tls;
    http_question what;
    runtime::time_point deadline;
    std::optional<probe_result> outcome;
    std::optional<http::response> answer;  ///< with what came of its body
};

http::request request_for(const http_question& what)
{
    http::request out;
    out.method = what.method;
    out.target = what.place.target;
    out.host = what.place.authority;
    out.headers = {{"User-Agent", "gantryd-health"}, {"Accept", "*/*"}};
    return out;
}

bool is_redirect(const http::response& got)
{
    const int s = got.status;
    const bool status = s == 301 || s == 302 || s == 303 || s == 307 || s == 308;
    return status && !got.header("Location").empty();
}

probe_result judge(const http::response& got)
{
    std::string headline = std::to_string(got.status);
    if (!got.reason.empty())
        headline += " " + got.reason;
    if (got.status >= 200 && got.status < 300)
        return passed(headline);
    return failed(with_details(headline, got.body));
}

/// Reads what there is of the body, up to the limit: the status is known, so nothing can fail any more. It is
/// judged once: a body that comes byte by byte must not cost more than one that comes at once.
asio::awaitable<void> read_some_body(http::response_reader& from, http::response& got)
{
    while (got.body.size() < most_body_bytes) {
        auto bytes = co_await from.read_body();
        if (!bytes || bytes->empty())
            co_return;
        got.body.append(*bytes, 0, most_body_bytes - got.body.size());
    }
}

/// One request. True: the place has moved, ask again.
asio::awaitable<base::result<bool>> ask_once(walk& w)
{
    const bool secured = w.what.place.scheme == "https";
    auto dialling = secured ? http::dial_tls(w.clk, w.tls, w.what.address, w.what.port, w.deadline)
                            : http::dial_tcp(w.clk, w.what.address, w.what.port, w.deadline);
    auto stream = co_await std::move(dialling);
    if (!stream)
        co_return std::unexpected(stream.error());

    // A server may answer and close before it has read the request: only a missing answer makes that a
    // failure.
    auto sent = co_await (*stream)->write(http::serialize(request_for(w.what)));
    http::response_reader reader(**stream);
    auto got = co_await reader.read_header();
    if (!got)
        co_return std::unexpected(sent ? got.error() : sent.error());
    if (!is_redirect(*got) || w.what.method != "GET") {
        w.answer = std::move(*got);
        co_await read_some_body(reader, *w.answer);
        co_return false;
    }
    const auto location = got->header("Location");
    auto next = follow(w.what.place, location);
    if (!next) {
        w.outcome =
            failed(std::to_string(got->status) + " redirect to another host (" + std::string(location) + ")");
        co_return false;
    }
    w.what.place = std::move(*next);
    co_return true;
}

asio::awaitable<base::result<void>> ask_and_follow(walk& w)
{
    for (int i = 0; i <= most_redirects; ++i) {
        auto moved = co_await ask_once(w);
        if (!moved)
            co_return std::unexpected(moved.error());
        if (!*moved)
            co_return base::result<void>();
    }
    w.outcome = failed("more than " + std::to_string(most_redirects) + " redirects");
    co_return base::result<void>();
}

}  // namespace

asio::awaitable<probe_result> ask(
    runtime::clock& clk, std::shared_ptr<http::tls_context> tls, http_question what)
{
    const auto deadline = clk.now() + what.timeout;
    walk w{clk, std::move(tls), std::move(what), deadline, std::nullopt};
    auto done = co_await runtime::with_deadline(clk, deadline, "http probe", ask_and_follow(w));
    if (w.answer)
        co_return judge(*w.answer);
    if (w.outcome)
        co_return *w.outcome;
    co_return failed(answer_of(done.error(), w.what.place.authority, w.what.timeout));
}

std::string answer_of(const base::error& why, const std::string& authority, model::milliseconds timeout)
{
    if (why == base::errc::timed_out)
        return no_answer_within(timeout);
    const auto& text = why.context();
    const std::string connecting = "connect " + authority + ": ";
    if (text.starts_with(connecting))
        return text.substr(connecting.size());
    const std::string securing = "TLS with " + authority + ": ";
    if (text.starts_with(securing))
        return "TLS: " + text.substr(securing.size());
    return text;
}

std::string authority_of(const std::string& address, std::uint16_t port)
{
    const std::string host = address.contains(':') ? "[" + address + "]" : address;
    return host + ":" + std::to_string(port);
}

}  // namespace gantryd::health
