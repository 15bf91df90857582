#include <gantryd/http/dial.hpp>

#include "connect.hpp"
#include "transport_error.hpp"

#include <gantryd/runtime/with_deadline.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/un.h>

#include <utility>

namespace asio = boost::asio;
using boost::system::error_code;
using local = asio::local::stream_protocol;

namespace gantryd::http {
namespace {

using base::errc;
using base::fail;
using base::result;

template <class Socket>
class socket_stream final : public byte_stream {
public:
    explicit socket_stream(Socket socket) : socket_(std::move(socket)) {}

    asio::awaitable<result<std::size_t>> read_some(std::span<char> into) override
    {
        const auto buffer = asio::buffer(into.data(), into.size());
        const auto [ec, n] = co_await socket_.async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
        throw_if_cancelled(ec);
        if (ec == asio::error::eof)
            co_return std::size_t{0};
        if (ec)
            co_return fail(errc::unavailable, "read: " + reason_of(ec));
        co_return n;
    }

    asio::awaitable<result<void>> write(std::string bytes) override
    {
        for (std::size_t sent = 0; sent < bytes.size();) {
            const auto rest = asio::buffer(bytes.data() + sent, bytes.size() - sent);
            const auto [ec, n] = co_await socket_.async_write_some(rest, asio::as_tuple(asio::use_awaitable));
            throw_if_cancelled(ec);
            if (ec)
                co_return fail(errc::unavailable, "write: " + reason_of(ec));
            sent += n;
        }
        co_return result<void>();
    }

    void shutdown_write() noexcept override
    {
        error_code ignored;
        socket_.shutdown(Socket::shutdown_send, ignored);
    }

private:
    Socket socket_;
};

asio::awaitable<result<std::unique_ptr<byte_stream>>> connect_unix(std::string path)
{
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        co_return fail(errc::unavailable, "connect " + path + ": file name too long");
    local::socket socket(co_await asio::this_coro::executor);
    const local::endpoint to(path);
    auto [ec] = co_await socket.async_connect(to, asio::as_tuple(asio::use_awaitable));
    throw_if_cancelled(ec);
    // A full backlog is EAGAIN, which Asio takes for "in progress" and then for success.
    error_code not_connected;
    (void)socket.remote_endpoint(not_connected);
    if (!ec && not_connected)
        ec = asio::error::try_again;
    if (ec)
        co_return fail(errc::unavailable, "connect " + path + ": " + reason_of(ec));
    co_return std::make_unique<socket_stream<local::socket>>(std::move(socket));
}

}  // namespace

asio::awaitable<result<std::unique_ptr<byte_stream>>> dial_tcp(
    runtime::clock& clk, std::string host, std::uint16_t port, runtime::time_point deadline)
{
    auto socket = co_await connect_tcp(clk, std::move(host), port, deadline);
    if (!socket)
        co_return std::unexpected(socket.error());
    co_return std::make_unique<socket_stream<asio::ip::tcp::socket>>(std::move(*socket));
}

asio::awaitable<result<std::unique_ptr<byte_stream>>> dial_unix(
    runtime::clock& clk, std::string path, runtime::time_point deadline)
{
    std::string too_late = "connect " + path + ": no answer in time";
    auto attempt = connect_unix(std::move(path));
    co_return co_await runtime::with_deadline(clk, deadline, std::move(too_late), std::move(attempt));
}

}  // namespace gantryd::http
