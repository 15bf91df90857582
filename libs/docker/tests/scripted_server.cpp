#include "scripted_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace gantryd::docker {
namespace {

/// Nothing while the request is not complete.
std::optional<received_request> parse(const std::string& bytes)
{
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string::npos)
        return std::nullopt;
    const auto line_end = bytes.find("\r\n");
    received_request request;
    request.line = bytes.substr(0, line_end);
    request.headers = bytes.substr(line_end + 2, end - line_end);
    request.body = bytes.substr(end + 4);
    const auto length = request.header("Content-Length");
    if (!length.empty() && request.body.size() < std::stoul(length))
        return std::nullopt;
    return request;
}

}  // namespace

std::string received_request::header(std::string_view name) const
{
    const auto start = headers.find(std::string(name) + ": ");
    if (start == std::string::npos)
        return {};
    const auto value = start + name.size() + 2;
    return headers.substr(value, headers.find("\r\n", value) - value);
}

scripted_answer json_answer(int status, std::string body)
{
    auto bytes = fmt::format("HTTP/1.1 {} Some Reason\r\nContent-Type: application/json\r\n", status);
    if (status != 304 && status != 204)
        bytes += fmt::format("Content-Length: {}\r\n", body.size());
    return {{bytes + "\r\n" + body}};
}

scripted_answer chunked_answer(std::vector<std::string> chunks, std::string content_type)
{
    scripted_answer out;
    out.pieces.push_back(fmt::format(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n", content_type));
    for (const auto& chunk : chunks)
        out.pieces.push_back(fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk));
    out.pieces.emplace_back("0\r\n\r\n");
    return out;
}

scripted_answer raw_answer(std::vector<std::string> pieces, std::string content_type)
{
    pieces.insert(pieces.begin(), fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\n\r\n", content_type));
    return {std::move(pieces)};
}

std::string frame(int stream, std::string_view payload)
{
    std::string bytes(4, '\0');
    bytes[0] = static_cast<char>(stream);
    for (const int shift : {24, 16, 8, 0})
        bytes += static_cast<char>((payload.size() >> shift) & 0xFFU);
    return bytes.append(payload);
}

scripted_server::scripted_server(asio::io_context& loop, const std::string& path)
    : loop_(loop),
      acceptor_(loop, stream_protocol::endpoint(path)),
      tasks_(loop.get_executor())
{
    tasks_.spawn("accept", accept_all());
}

scripted_server::~scripted_server()
{
    tasks_.stop();
    loop_.restart();
    while (tasks_.size() > 0)
        loop_.run_one();
}

asio::awaitable<void> scripted_server::accept_all()
{
    for (;;) {
        auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
        tasks_.spawn("serve", serve(std::move(socket)));
    }
}

scripted_answer scripted_server::answer_to(const received_request& request)
{
    if (!version.empty() && request.asks_for("GET /version ")) {
        ++version_requests;
        return json_answer(200, version);
    }
    requests.push_back(request);
    return answer(request);
}

asio::awaitable<void> scripted_server::serve(stream_protocol::socket socket)
{
    std::string bytes;
    std::array<char, 4096> buffer{};
    auto request = parse(bytes);
    while (!request) {
        const auto [failed, n] =
            co_await socket.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
        if (failed)
            co_return;
        bytes.append(buffer.data(), n);
        request = parse(bytes);
    }
    const auto out = answer_to(*request);
    for (const auto& piece : out.pieces) {
        const auto [failed, n] =
            co_await asio::async_write(socket, asio::buffer(piece), asio::as_tuple(asio::use_awaitable));
        if (failed)
            co_return;
        // Let the client read this piece by itself.
        for (int turn = 0; turn < 4; ++turn)
            co_await asio::post(loop_, asio::use_awaitable);
    }
    if (!out.keep_open)
        co_return;
    asio::steady_timer for_ever(loop_, asio::steady_timer::time_point::max());
    co_await for_ever.async_wait(asio::use_awaitable);
}

}  // namespace gantryd::docker
