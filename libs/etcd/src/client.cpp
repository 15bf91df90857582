#include "client.hpp"

#include "answers.hpp"
#include "refusal.hpp"
#include "requests.hpp"

#include <gantryd/runtime/with_deadline.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::etcd {
namespace {

using namespace std::chrono_literals;
using base::errc;
using base::fail;
using base::result;
using runtime::time_point;

/// For how long a call that was not carried out is tried again: an election takes a second or two.
constexpr auto patience = 4s;

/// etcd forgets a token that nobody used for five minutes.
constexpr auto longest_idle_token = 4min;

/// Tokens in a row that etcd refused although it had just given them.
constexpr int most_logins = 2;

constexpr std::size_t most_answer_bytes = 256UL * 1024 * 1024;

bool is_success(int status) noexcept { return status >= 200 && status < 300; }

/// gRPC's notation, at most eight digits.
std::string grpc_timeout(runtime::duration left)
{
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return std::to_string(std::clamp<std::int64_t>(ms, 1, 99'999'999)) + "m";
}

std::string host_header(const endpoint& where)
{
    const auto text = text_of(where);
    return text.substr(text.find("://") + 3);
}

}  // namespace

/// One member asked once.
struct client::attempt {
    enum class outcome { answered, not_done, unknown, needs_login, final };

    std::size_t endpoint = 0;
    time_point dial_by{};
    time_point answer_by{};
    std::string token;
    bool was_reached = false;  ///< there was a connection
    outcome how = outcome::not_done;
    std::string body;
    std::optional<base::error> why;  ///< unless answered

    void end(outcome with, base::error because)
    {
        how = with;
        why = std::move(because);
    }
};

/// What a call has come to so far.
struct client::course {
    std::set<std::size_t>
        tried;  ///< members that could not do it since it began, or since all had been asked
    int logins = 0;
    std::optional<base::error> why;  ///< of the last failure
};

client::client(options what, std::shared_ptr<http::tls_context> tls, runtime::clock& clk)
    : options_(std::move(what)),
      tls_(std::move(tls)),
      clk_(clk)
{
}

asio::awaitable<result<std::unique_ptr<http::byte_stream>>> client::dial(
    std::size_t endpoint, time_point deadline)
{
    const auto& where = options_.endpoints[endpoint];
    if (where.with_tls)
        return http::dial_tls(clk_, tls_, where.host, where.port, deadline);
    return http::dial_tcp(clk_, where.host, where.port, deadline);
}

http::request client::request_for(std::size_t endpoint, const std::string& path, std::string body,
    const std::string& token, time_point deadline) const
{
    http::request out;
    out.method = "POST";
    out.target = path;
    out.host = host_header(options_.endpoints[endpoint]);
    out.headers = {{"Content-Type", "application/json"}, {"Grpc-Metadata-Hasleader", "true"}};
    if (deadline != time_point::max())
        out.headers.emplace_back("Grpc-Timeout", grpc_timeout(deadline - clk_.now()));
    if (!token.empty())
        out.headers.emplace_back("Authorization", token);
    out.body = std::move(body);
    return out;
}

void client::note_failure(std::size_t endpoint)
{
    ring_.failed(endpoint, clk_.now());
    if (on_failure)
        on_failure(endpoint);
}

void client::forget_token(const std::string& token)
{
    if (token_ == token)
        token_.clear();
}

asio::awaitable<result<std::string>> client::token_for(std::size_t endpoint, time_point deadline)
{
    if (options_.user.empty() || login_is_unwanted_)
        co_return std::string();
    if (!token_.empty() && clk_.now() - token_used_at_ < longest_idle_token)
        co_return token_;
    auto stream = co_await dial(endpoint, deadline);
    if (!stream)
        co_return std::unexpected(stream.error());
    auto request = request_for(
        endpoint, "/v3/auth/authenticate", encode_login(options_.user, options_.password), "", deadline);
    auto exchange = http::exchange(**stream, std::move(request), most_answer_bytes);
    auto answer = co_await runtime::with_deadline(
        clk_, deadline, "no answer to the login in time", std::move(exchange));
    if (!answer)
        co_return std::unexpected(answer.error());
    if (!is_success(answer->status)) {
        const auto no = decode_refusal(answer->status, answer->body);
        // As etcdctl: who names a user need not know whether etcd wants one.
        login_is_unwanted_ = no.message.contains("authentication is not enabled");
        if (login_is_unwanted_)
            co_return std::string();
        const auto why = as_error(no);
        co_return fail(why.code(), "login of user " + options_.user + ": " + why.context());
    }
    auto token = decode_token(answer->body);
    if (token)
        token_ = *token;
    co_return token;
}

void client::judge(attempt& now, const http::response& answer)
{
    using enum attempt::outcome;
    const auto no = decode_refusal(answer.status, answer.body);
    switch (verdict_on(no)) {
    case verdict::not_done: return now.end(not_done, as_error(no));
    case verdict::unknown: return now.end(unknown, as_error(no));
    case verdict::final: return now.end(final, as_error(no));
    case verdict::needs_login: break;
    }
    // A login that etcd did not want a moment ago may be wanted now.
    login_is_unwanted_ = false;
    forget_token(now.token);
    now.end(options_.user.empty() ? final : needs_login, as_error(no));
}

asio::awaitable<void> client::send(attempt& now, const call& what)
{
    using enum attempt::outcome;
    auto stream = co_await dial(now.endpoint, now.dial_by);
    if (!stream) {
        now.end(not_done, stream.error());
        co_return;
    }
    now.was_reached = true;
    auto request = request_for(now.endpoint, what.path, what.body, now.token, now.answer_by);
    auto exchange = http::exchange(**stream, std::move(request), most_answer_bytes);
    auto answer =
        co_await runtime::with_deadline(clk_, now.answer_by, "no answer in time", std::move(exchange));
    if (!answer) {
        // Some versions of the gateway (3.4.23, some of 3.5 and 3.6) close the connection without a word when
        // the token is not valid.
        forget_token(now.token);
        now.end(answer.error() == errc::limit_exceeded ? final : unknown, answer.error());
        co_return;
    }
    if (!is_success(answer->status)) {
        judge(now, *answer);
        co_return;
    }
    token_used_at_ = clk_.now();
    now.how = answered;
    now.body = std::move(answer->body);
}

asio::awaitable<void> client::try_one(attempt& now, const call& what)
{
    auto token = co_await token_for(now.endpoint, now.dial_by);
    if (!token) {
        const bool refused = token.error() == errc::rejected;
        now.end(refused ? attempt::outcome::final : attempt::outcome::not_done, token.error());
        co_return;
    }
    now.token = std::move(*token);
    co_await send(now, what);
}

std::optional<base::error> client::conclude(const attempt& one, const call& what)
{
    using enum attempt::outcome;
    const auto& why = *one.why;
    if (one.how == final || one.how == needs_login)
        return why;
    note_failure(one.endpoint);
    if (one.how == unknown && what.again == repetition::forbidden)
        return base::error(errc::timed_out, why.context() + "; whether it was written is not known");
    if (one.how == unknown && what.was_repeated != nullptr)
        *what.was_repeated = true;
    return std::nullopt;
}

asio::awaitable<std::optional<result<std::string>>> client::ask(
    const call& what, time_point deadline, course& so_far)
{
    const auto now = clk_.now();
    auto& tried = so_far.tried;
    attempt one;
    one.endpoint = *ring_.pick(now, tried);
    // A member that is frozen must leave time for the others.
    const auto left = static_cast<runtime::duration::rep>(ring_.size() - tried.size());
    one.dial_by = now + (deadline - now) / left;
    one.answer_by = what.again == repetition::forbidden ? deadline : one.dial_by;
    co_await try_one(one, what);

    if (one.how == attempt::outcome::answered) {
        ring_.succeeded(one.endpoint);
        outage_.end();
        co_return std::move(one.body);
    }
    if (one.how == attempt::outcome::needs_login && ++so_far.logins <= most_logins)
        co_return std::nullopt;
    const auto end = conclude(one, what);
    tried.insert(one.endpoint);
    const bool all_failed = note_outage(one, tried);
    if (end)
        co_return fail(name_of(one.endpoint), *end);
    so_far.why = fail(name_of(one.endpoint), *one.why).error();
    // A certificate that will not do does not get better.
    if (clk_.now() >= deadline || (all_failed && *one.why == errc::rejected))
        co_return std::unexpected(*so_far.why);
    co_return std::nullopt;
}

bool client::note_outage(const attempt& one, std::set<std::size_t>& tried)
{
    if (one.how == attempt::outcome::final || one.how == attempt::outcome::needs_login) {
        outage_.end();
        return false;
    }
    const bool all_failed = tried.size() == ring_.size();
    // Who asks for all in an outage asks one member that is there.
    if (!all_failed && !(outage_.is_on() && one.was_reached))
        return false;
    tried.clear();
    outage_.begin(fail(name_of(one.endpoint), *one.why).error());
    return all_failed;
}

asio::awaitable<result<std::string>> client::perform(call what, time_point deadline)
{
    if (clk_.now() >= deadline)
        co_return fail(errc::timed_out, "the deadline had passed before the call");
    const auto give_up_at = std::min(deadline, clk_.now() + patience);
    course so_far;
    for (;;) {
        const auto turn = co_await outage_.next_turn(give_up_at);
        if (!turn)
            co_return std::unexpected(so_far.why.value_or(outage_.why()));
        auto done = co_await ask(what, deadline, so_far);
        if (done)
            co_return std::move(*done);
    }
}

asio::awaitable<result<open_stream>> client::open(std::string path, std::string body, time_point deadline)
{
    open_stream out;
    out.endpoint = *ring_.pick(clk_.now());
    auto token = co_await token_for(out.endpoint, deadline);
    if (!token)
        co_return std::unexpected(token.error());
    out.token = std::move(*token);
    auto stream = co_await dial(out.endpoint, deadline);
    if (!stream) {
        note_failure(out.endpoint);
        co_return std::unexpected(stream.error());
    }
    out.bytes = std::move(*stream);
    // No Grpc-Timeout: it would end the stream.
    auto request = request_for(out.endpoint, path, std::move(body), out.token, time_point::max());
    auto sending = out.bytes->write(http::serialize(request));
    auto sent = co_await runtime::with_deadline(
        clk_, deadline, "the request was not taken in time", std::move(sending));
    if (!sent)
        co_return std::unexpected(sent.error());
    out.reader = std::make_unique<http::response_reader>(*out.bytes);
    auto header =
        co_await runtime::with_deadline(clk_, deadline, "no answer in time", out.reader->read_header());
    if (header && is_success(header->status)) {
        token_used_at_ = clk_.now();
        co_return out;
    }
    note_failure(out.endpoint);
    if (!header) {
        forget_token(out.token);
        co_return fail(name_of(out.endpoint), header.error());
    }
    auto text = co_await runtime::with_deadline(clk_, deadline, "no answer in time", out.reader->read_body());
    header->body = text.value_or("");
    attempt refused;
    refused.token = out.token;
    judge(refused, *header);
    co_return fail(name_of(out.endpoint), *refused.why);
}

}  // namespace gantryd::etcd
