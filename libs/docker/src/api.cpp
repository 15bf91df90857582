#include "api.hpp"
#include "decode.hpp"
#include "refusal.hpp"

#include <utility>

namespace asio = boost::asio;

namespace gantryd::docker {
namespace {

constexpr std::size_t most_json_bytes = 16UL * 1024 * 1024;  // a list of some ten thousand containers
constexpr std::size_t most_refusal_bytes = 64UL * 1024;

std::string host_header(const endpoint& where)
{
    if (where.transport == endpoint::kind::unix_socket)
        return "docker";
    const bool v6 = where.address.contains(':');
    return (v6 ? "[" + where.address + "]" : where.address) + ":" + std::to_string(where.port);
}

}  // namespace

bool is_success(int status) noexcept { return (status >= 200 && status < 300) || status == 304; }

asio::awaitable<base::result<std::string>> read_to_end(open_answer& answer, std::size_t most_bytes)
{
    std::string body;
    for (;;) {
        auto piece = co_await answer.reader->read_body();
        if (!piece)
            co_return std::unexpected(piece.error());
        if (piece->empty())
            co_return body;
        if (body.size() + piece->size() > most_bytes)
            co_return base::fail(base::errc::limit_exceeded,
                "the answer is longer than " + std::to_string(most_bytes) + " bytes");
        body += *piece;
    }
}

api::api(endpoint where, std::shared_ptr<http::tls_context> tls, runtime::clock& clk)
    : where_(std::move(where)),
      host_(host_header(where_)),
      tls_(std::move(tls)),
      clk_(clk)
{
}

asio::awaitable<base::result<std::unique_ptr<http::byte_stream>>> api::dial(runtime::time_point deadline)
{
    switch (where_.transport) {
    case endpoint::kind::tcp: return http::dial_tcp(clk_, where_.address, where_.port, deadline);
    case endpoint::kind::tls: return http::dial_tls(clk_, tls_, where_.address, where_.port, deadline);
    case endpoint::kind::unix_socket: break;
    }
    return http::dial_unix(clk_, where_.address, deadline);
}

asio::awaitable<base::result<open_answer>> api::send(http::request what, runtime::time_point deadline)
{
    auto stream = co_await dial(deadline);
    if (!stream)
        co_return std::unexpected(stream.error());
    what.host = host_;
    auto written = co_await (*stream)->write(http::serialize(what));
    if (!written)
        co_return std::unexpected(written.error());

    auto reader = std::make_unique<http::response_reader>(**stream);
    auto header = co_await reader->read_header();
    if (!header)
        co_return std::unexpected(header.error());
    open_answer answer{std::move(*stream), std::move(reader), std::move(*header)};
    if (is_success(answer.header.status))
        co_return answer;
    auto reason = co_await read_to_end(answer, most_refusal_bytes);
    if (!reason)
        co_return std::unexpected(reason.error());
    answer.header.body = std::move(*reason);
    co_return answer;
}

asio::awaitable<base::result<api_version>> api::negotiate(runtime::time_point deadline)
{
    version_.reset();
    http::request what;
    what.target = "/version";
    auto answer = co_await send(std::move(what), deadline);
    if (!answer)
        co_return std::unexpected(answer.error());
    if (!is_success(answer->header.status))
        co_return std::unexpected(as_error(answer->header.status, answer->header.body));
    auto body = co_await read_to_end(*answer, most_json_bytes);
    if (!body)
        co_return std::unexpected(body.error());
    const auto offer = decode_version(*body);
    if (!offer)
        co_return std::unexpected(offer.error());
    const auto chosen = choose_version(*offer);
    if (chosen)
        version_ = *chosen;
    co_return chosen;
}

asio::awaitable<base::result<open_answer>> api::open(http::request what, runtime::time_point deadline)
{
    const auto path = what.target;
    for (bool again = false;; again = true) {
        // A copy: another call may renegotiate while this one is under way.
        auto version = version_;
        if (!version) {
            auto chosen = co_await negotiate(deadline);
            if (!chosen)
                co_return std::unexpected(chosen.error());
            version = *chosen;
        }
        what.target = "/v" + text_of(*version) + path;
        auto answer = co_await send(what, deadline);
        if (!answer) {
            // What comes back in its place may be another version of Docker.
            version_.reset();
            co_return std::unexpected(answer.error());
        }
        const auto& header = answer->header;
        const bool refused = is_version_refusal(header.status, decode_refusal(header.body));
        if (again || !refused)
            co_return std::move(*answer);
        version_.reset();
    }
}

asio::awaitable<base::result<http::response>> api::call(http::request what, runtime::time_point deadline)
{
    auto answer = co_await open(std::move(what), deadline);
    if (!answer)
        co_return std::unexpected(answer.error());
    if (!is_success(answer->header.status))
        co_return std::unexpected(as_error(answer->header.status, answer->header.body));
    auto body = co_await read_to_end(*answer, most_json_bytes);
    if (!body)
        co_return std::unexpected(body.error());
    auto whole = std::move(answer->header);
    whole.body = std::move(*body);
    co_return whole;
}

}  // namespace gantryd::docker
