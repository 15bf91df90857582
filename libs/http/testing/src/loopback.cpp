#include "served_stream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace asio = boost::asio;
using asio::ip::tcp;
using local = asio::local::stream_protocol;

namespace gantryd::http_testing {
namespace {

asio::awaitable<void> read_and_answer(http::byte_stream& stream, std::string answer)
{
    std::string request;
    std::array<char, 4096> buffer{};
    while (!request.contains("\r\n\r\n")) {
        const auto n = co_await stream.read_some(buffer);
        if (!n || *n == 0)
            co_return;
        request.append(buffer.data(), *n);
    }
    (void)co_await stream.write(std::move(answer));
}

}  // namespace

session answering(std::string answer)
{
    return [answer](http::byte_stream& stream) { return read_and_answer(stream, answer); };
}

loopback::loopback() : clock(runtime::make_system_clock()), tasks_(loop.get_executor()) {}

loopback::~loopback()
try {
    // From inside the loop: outside of it Asio queues a cancellation with a pointer into the coroutine, which
    // may be gone when the queue gets there.
    asio::post(loop, [this] { tasks_.stop(); });
    asio::co_spawn(loop, tasks_.join(), [](std::exception_ptr) {});
    loop.restart();
    loop.run_for(std::chrono::seconds(20));
} catch (const std::exception& e) {
    std::fprintf(stderr, "end of the loopback server: %s\n", e.what());
    std::abort();
}

std::uint16_t loopback::serve(session script, const std::string& address)
{
    auto acceptor = listen_on(loop, address);
    const auto port = acceptor.local_endpoint().port();
    auto take = [this, script](tcp::socket socket) {
        ++connections;
        tasks_.spawn("session", run_session(std::move(socket), script));
    };
    tasks_.spawn("server", accept_all(std::move(acceptor), take));
    return port;
}

void loopback::serve_unix(session script, const std::string& path)
{
    local::acceptor acceptor(loop, local::endpoint(path));
    auto take = [this, script](local::socket socket) {
        ++connections;
        tasks_.spawn("session", run_session(std::move(socket), script));
    };
    tasks_.spawn("server", accept_all(std::move(acceptor), take));
}

std::uint16_t loopback::closed_port() { return listen_on(loop, "127.0.0.1").local_endpoint().port(); }

void loopback::run_to_end(asio::awaitable<void> op, runtime::duration limit)
{
    struct outcome {
        bool is_done = false;
        std::exception_ptr failure;
    };
    auto out = std::make_shared<outcome>();
    auto done = [out](std::exception_ptr failure) {
        out->is_done = true;
        out->failure = failure;
    };
    asio::co_spawn(loop, std::move(op), done);
    const auto until = std::chrono::steady_clock::now() + limit;
    loop.restart();
    while (!out->is_done && loop.run_one_until(until) > 0) {
    }
    if (!out->is_done)
        throw std::runtime_error("the operation did not end in time");
    if (out->failure)
        std::rethrow_exception(out->failure);
}

}  // namespace gantryd::http_testing
