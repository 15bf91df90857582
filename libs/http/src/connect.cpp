#include "connect.hpp"

#include "transport_error.hpp"

#include <gantryd/runtime/with_deadline.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace gantryd::http {
namespace {

using base::errc;
using base::fail;
using base::result;

/// A lookup under way. getaddrinfo() cannot be interrupted, so the lookup shares this with whoever waits for
/// it, and may outlive the wait.
struct lookup {
    explicit lookup(const asio::any_io_executor& ex)
        : resolver(ex),
          finished(ex, asio::steady_timer::time_point::max())
    {
    }
    tcp::resolver resolver;
    asio::steady_timer finished;  // never expires; cancelled = "look at is_finished again"
    bool is_finished = false;
    error_code failure;
    std::vector<tcp::endpoint> found;
};

void start(const std::shared_ptr<lookup>& asked, const std::string& host, std::uint16_t port)
{
    auto finish = [asked](error_code ec, const tcp::resolver::results_type& found) {
        asked->is_finished = true;
        asked->failure = ec;
        for (const auto& entry : found)
            asked->found.push_back(entry.endpoint());
        asked->finished.cancel();
    };
    asked->resolver.async_resolve(
        host, std::to_string(port), tcp::resolver::numeric_service, std::move(finish));
}

asio::awaitable<result<std::vector<tcp::endpoint>>> resolve(std::string host, std::uint16_t port)
{
    error_code not_numeric;
    const auto address = asio::ip::make_address(host, not_numeric);
    if (!not_numeric)
        co_return std::vector{tcp::endpoint(address, port)};

    const asio::any_io_executor ex = co_await asio::this_coro::executor;
    const auto asked = std::make_shared<lookup>(ex);
    struct abandon {
        lookup& what;
        ~abandon() { what.resolver.cancel(); }
    } guard{*asked};
    start(asked, host, port);
    // Both the answer and our own cancellation end the wait with operation_aborted; after the latter the next
    // co_await throws.
    while (!asked->is_finished)
        co_await asked->finished.async_wait(asio::as_tuple(asio::use_awaitable));
    if (asked->failure)
        co_return fail(errc::unavailable, reason_of(asked->failure));
    co_return std::move(asked->found);
}

asio::awaitable<result<tcp::socket>> connect_one(tcp::endpoint to)
{
    tcp::socket socket(co_await asio::this_coro::executor);
    const auto [ec] = co_await socket.async_connect(to, asio::as_tuple(asio::use_awaitable));
    throw_if_cancelled(ec);
    if (ec)
        co_return fail(errc::unavailable, reason_of(ec));
    error_code ignored;
    // A port in the ephemeral range on our own address can be answered by the very socket that asks.
    if (socket.local_endpoint(ignored) == socket.remote_endpoint(ignored))
        co_return fail(errc::unavailable, reason_of(asio::error::connection_refused));
    socket.set_option(tcp::no_delay(true), ignored);
    co_return std::move(socket);
}

asio::awaitable<result<tcp::socket>> connect_any(
    runtime::clock& clk, std::string host, std::uint16_t port, runtime::time_point deadline)
{
    const std::string what = "connect " + place_of(host, port);
    auto addresses = co_await resolve(host, port);
    if (!addresses)
        co_return fail(what, addresses.error());

    result<tcp::socket> last = fail(errc::unavailable, "the name has no address");
    for (std::size_t i = 0; i < addresses->size(); ++i) {
        // An address that swallows packets must leave time for the others.
        const auto now = clk.now();
        const auto left = static_cast<runtime::duration::rep>(addresses->size() - i);
        const auto until = now < deadline ? now + (deadline - now) / left : deadline;
        last = co_await runtime::with_deadline(clk, until, "no answer in time", connect_one((*addresses)[i]));
        if (last)
            co_return std::move(*last);
    }
    co_return fail(what, last.error());
}

}  // namespace

asio::awaitable<result<tcp::socket>> connect_tcp(
    runtime::clock& clk, std::string host, std::uint16_t port, runtime::time_point deadline)
{
    std::string too_late = "connect " + place_of(host, port) + ": no answer in time";
    auto attempt = connect_any(clk, std::move(host), port, deadline);
    co_return co_await runtime::with_deadline(clk, deadline, std::move(too_late), std::move(attempt));
}

}  // namespace gantryd::http
