#include "control_socket.hpp"

#include <gantryd/http/dial.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace asio = boost::asio;

namespace gantryd::haproxy {
namespace {

using base::errc;
using base::fail;
using base::result;

constexpr std::size_t most_bytes = 64u << 20;
constexpr std::size_t piece = 65'536;

asio::awaitable<result<std::string>> exchange(http::byte_stream& stream, std::string commands)
{
    auto sent = co_await stream.write(std::move(commands));
    if (!sent)
        co_return std::unexpected(sent.error());
    stream.shutdown_write();  // the master answers only then
    std::string reply;
    std::vector<char> buffer(piece);
    for (;;) {
        const auto n = co_await stream.read_some(buffer);
        if (!n)
            co_return std::unexpected(n.error());
        if (*n == 0)
            co_return reply;
        reply.append(buffer.data(), *n);
        if (reply.size() > most_bytes)
            co_return fail(errc::limit_exceeded, "HAProxy's answer is longer than 64 MiB");
    }
}

}  // namespace

asio::awaitable<result<std::string>> ask(
    runtime::clock& clk, std::string socket_path, std::string commands, runtime::time_point deadline)
{
    auto stream = co_await http::dial_unix(clk, socket_path, deadline);
    if (!stream)
        co_return std::unexpected(stream.error());
    std::string what = "HAProxy did not answer in time on " + socket_path;
    auto reply = co_await runtime::with_deadline(
        clk, deadline, std::move(what), exchange(**stream, std::move(commands)));
    if (!reply)
        co_return fail("ask HAProxy", reply.error());
    co_return reply;
}

}  // namespace gantryd::haproxy
