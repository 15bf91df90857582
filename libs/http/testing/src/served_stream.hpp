#pragma once
#include <gantryd/http/loopback.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace gantryd::http_testing {

/// The server's side of a connection. A client that goes away ends the stream; one that leaves TLS without
/// its goodbye is an error, so that a test can see it.
template <class Socket>
class served_stream final : public http::byte_stream {
public:
    explicit served_stream(Socket& socket) : socket_(socket) {}

    boost::asio::awaitable<base::result<std::size_t>> read_some(std::span<char> into) override
    {
        const auto buffer = boost::asio::buffer(into.data(), into.size());
        const auto [ec, n] =
            co_await socket_.async_read_some(buffer, boost::asio::as_tuple(boost::asio::use_awaitable));
        if (ec == boost::asio::error::operation_aborted)
            throw boost::system::system_error(ec);
        if (ec == boost::asio::error::eof || ec == boost::asio::error::connection_reset)
            co_return std::size_t{0};
        if (ec)
            co_return base::fail(base::errc::unavailable, ec.message());
        co_return n;
    }

    boost::asio::awaitable<base::result<void>> write(std::string bytes) override
    {
        for (std::size_t sent = 0; sent < bytes.size();) {
            const auto rest = boost::asio::buffer(bytes.data() + sent, bytes.size() - sent);
            const auto [ec, n] =
                co_await socket_.async_write_some(rest, boost::asio::as_tuple(boost::asio::use_awaitable));
            if (ec == boost::asio::error::operation_aborted)
                throw boost::system::system_error(ec);
            if (ec)
                co_return base::fail(base::errc::unavailable, ec.message());
            sent += n;
        }
        co_return base::result<void>();
    }

    void shutdown_write() noexcept override
    {
        boost::system::error_code ignored;
        socket_.lowest_layer().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
    }

private:
    Socket& socket_;
};

template <class Socket>
boost::asio::awaitable<void> run_session(Socket socket, session script)
{
    served_stream<Socket> stream(socket);
    co_await script(stream);
}

template <class Acceptor>
boost::asio::awaitable<void> accept_all(
    Acceptor acceptor, std::function<void(typename Acceptor::protocol_type::socket)> take)
{
    for (;;) {
        auto socket = co_await acceptor.async_accept(boost::asio::use_awaitable);
        take(std::move(socket));
    }
}

inline boost::asio::ip::tcp::acceptor listen_on(boost::asio::io_context& loop, const std::string& address)
{
    return boost::asio::ip::tcp::acceptor(
        loop, boost::asio::ip::tcp::endpoint(boost::asio::ip::make_address(address), 0));
}

}  // namespace gantryd::http_testing
