#pragma once
#include <gantryd/http/byte_stream.hpp>

#include <boost/asio/awaitable.hpp>

#include <array>
#include <string>
#include <utility>

/// What the dial tests' servers and clients do with a connection.
namespace gantryd::http_tests {

/// Everything up to the end; an error stands at the end in <>.
inline boost::asio::awaitable<std::string> read_all(http::byte_stream& from)
{
    std::string out;
    std::array<char, 1000> buffer{};
    for (;;) {
        const auto n = co_await from.read_some(buffer);
        if (!n)
            co_return out + "<" + n.error().context() + ">";
        if (*n == 0)
            co_return out;
        out.append(buffer.data(), *n);
    }
}

/// What comes back when everything is written before the first read.
inline boost::asio::awaitable<std::string> send_and_read(http::byte_stream& stream, std::string bytes)
{
    auto sent = co_await stream.write(std::move(bytes));
    if (!sent)
        co_return "<" + sent.error().context() + ">";
    stream.shutdown_write();
    co_return co_await read_all(stream);
}

inline boost::asio::awaitable<void> echo(http::byte_stream& stream)
{
    auto all = co_await read_all(stream);
    (void)co_await stream.write(std::move(all));
}

inline boost::asio::awaitable<void> stay_silent(http::byte_stream& stream)
{
    (void)co_await read_all(stream);
}

inline boost::asio::awaitable<void> close_at_once(http::byte_stream&) { co_return; }

}  // namespace gantryd::http_tests
