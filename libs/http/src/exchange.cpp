#include <gantryd/http/exchange.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::http {
namespace {

using base::errc;
using base::fail;
using base::result;

asio::awaitable<result<response>> read_response(
    byte_stream& stream, bool head_request, std::size_t max_body_bytes)
{
    response_reader reader(stream, head_request);
    auto got = co_await reader.read_header();
    if (!got)
        co_return got;
    for (;;) {
        auto bytes = co_await reader.read_body();
        if (!bytes)
            co_return std::unexpected(bytes.error());
        if (bytes->empty())
            co_return got;
        if (got->body.size() + bytes->size() > max_body_bytes)
            co_return fail(errc::limit_exceeded,
                "the body of the response is longer than " + std::to_string(max_body_bytes) + " bytes");
        got->body += *bytes;
    }
}

asio::awaitable<void> send(byte_stream& stream, std::string bytes, result<void>& sent)
{
    sent = co_await stream.write(std::move(bytes));
}

/// The value is there to tell the end of the answer from the end of the sending.
enum class answered { yes };

asio::awaitable<answered> receive(
    byte_stream& stream, bool head_request, std::size_t max_body_bytes, result<response>& got)
{
    got = co_await read_response(stream, head_request, max_body_bytes);
    co_return answered::yes;
}

/// The exchange is over with the answer, whatever became of the request; not before.
struct over_when_answered {
    asio::cancellation_type operator()(const std::exception_ptr& sending_failed) const noexcept
    {
        return sending_failed ? asio::cancellation_type::terminal : asio::cancellation_type::none;
    }
    asio::cancellation_type operator()(const std::exception_ptr&, answered) const noexcept
    {
        return asio::cancellation_type::terminal;
    }
};

}  // namespace

asio::awaitable<result<response>> exchange(byte_stream& stream, request what, std::size_t max_body_bytes)
{
    // Both at once: a peer that refuses a request early answers before it has read it, and may close then.
    const auto ex = co_await asio::this_coro::executor;
    result<void> sent;
    result<response> got = fail(errc::unavailable, "no answer");
    auto sending = send(stream, serialize(what), sent);
    auto receiving = receive(stream, what.method == "HEAD", max_body_bytes, got);
    auto group =
        asio::experimental::make_parallel_group(asio::co_spawn(ex, std::move(sending), asio::deferred),
            asio::co_spawn(ex, std::move(receiving), asio::deferred));
    auto done = co_await group.async_wait(over_when_answered(), asio::use_awaitable);
    const auto& [order, sending_failed, receiving_failed, unused] = done;

    if (order[0] == 0 && sending_failed)
        std::rethrow_exception(sending_failed);
    if (receiving_failed)
        std::rethrow_exception(receiving_failed);  // includes our own cancellation
    if (!got && got.error() == errc::unavailable && !sent)
        co_return std::unexpected(sent.error());  // the cause; that no answer came is its consequence
    co_return got;
}

}  // namespace gantryd::http
