#include "sessions.hpp"

#include <gantryd/http/dial.hpp>
#include <gantryd/http/loopback.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace asio = boost::asio;
namespace base = gantryd::base;
namespace http = gantryd::http;
namespace runtime = gantryd::runtime;
using base::errc;
using gantryd::base::temporary_directory;
using gantryd::http_testing::loopback;
using namespace gantryd::http_tests;
using namespace std::chrono_literals;

namespace {

using stream_ptr = std::unique_ptr<http::byte_stream>;

int open_descriptors()
{
    int count = 0;
    for (int fd = 0; fd < 200; ++fd)
        count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
}

/// A listener whose queue is full, so that the kernel answers no further SYN.
class full_listener {
public:
    full_listener()
    {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address_), sizeof(address_)), 0);
        EXPECT_EQ(::listen(listener_, 0), 0);
        socklen_t size = sizeof(address_);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &size);
        for (auto& fd : fillers_) {
            fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
            (void)::connect(fd, reinterpret_cast<sockaddr*>(&address_), sizeof(address_));
        }
    }
    full_listener(const full_listener&) = delete;
    full_listener& operator=(const full_listener&) = delete;
    ~full_listener()
    {
        for (const int fd : fillers_)
            ::close(fd);
        ::close(listener_);
    }
    std::uint16_t port() const { return ::ntohs(address_.sin_port); }

private:
    int listener_ = -1;
    sockaddr_in address_{};
    std::array<int, 3> fillers_{};
};

}  // namespace

TEST(dial_tcp, carries_bytes_both_ways_and_half_closes)
{
    loopback net;
    const auto port = net.serve(echo);
    auto stream = net.run(http::dial_tcp(*net.clock, "127.0.0.1", port, net.clock->now() + 5s));
    ASSERT_TRUE(stream) << stream.error().context();
    const std::string much(3 << 20, 'x');  // more than the socket's buffers hold
    EXPECT_EQ(net.run(send_and_read(**stream, much)), much);
}

TEST(dial_tcp, connects_over_ipv6)
{
    loopback net;
    const auto port = net.serve(echo, "::1");
    auto stream = net.run(http::dial_tcp(*net.clock, "::1", port, net.clock->now() + 5s));
    ASSERT_TRUE(stream) << stream.error().context();
    EXPECT_EQ(net.run(send_and_read(**stream, "hi")), "hi");
}

TEST(dial_tcp, resolves_a_name_and_tries_its_addresses_in_turn)
{
    loopback net;
    const auto port = net.serve(echo);  // IPv4 only, while localhost is also ::1 on most machines
    auto stream = net.run(http::dial_tcp(*net.clock, "localhost", port, net.clock->now() + 10s));
    ASSERT_TRUE(stream) << stream.error().context();
    EXPECT_EQ(net.run(send_and_read(**stream, "hi")), "hi");
}

TEST(dial_tcp, reports_a_refused_port)
{
    loopback net;
    const auto port = net.closed_port();
    const auto text = std::to_string(port);
    auto v4 = net.run(http::dial_tcp(*net.clock, "127.0.0.1", port, net.clock->now() + 5s));
    ASSERT_FALSE(v4);
    EXPECT_EQ(v4.error(), errc::unavailable);
    EXPECT_EQ(v4.error().context(), "connect 127.0.0.1:" + text + ": connection refused");
    auto v6 = net.run(http::dial_tcp(*net.clock, "::1", port, net.clock->now() + 5s));
    ASSERT_FALSE(v6);
    EXPECT_EQ(v6.error().context(), "connect [::1]:" + text + ": connection refused");
}

TEST(dial_tcp, reports_a_name_that_does_not_resolve)
{
    loopback net;
    auto stream = net.run(http::dial_tcp(*net.clock, "no such name", 80, net.clock->now() + 10s));
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error(), errc::unavailable);
    EXPECT_TRUE(stream.error().context().starts_with("connect no such name:80: "))
        << stream.error().context();
}

TEST(dial_tcp, gives_up_at_the_deadline_and_leaves_nothing_open)
{
    loopback net;
    full_listener full;
    auto warm_up = net.run(http::dial_tcp(*net.clock, "127.0.0.1", net.closed_port(), net.clock->now() + 5s));
    EXPECT_FALSE(warm_up);
    const auto before = open_descriptors();
    const auto start = std::chrono::steady_clock::now();
    auto stream = net.run(http::dial_tcp(*net.clock, "127.0.0.1", full.port(), net.clock->now() + 100ms));
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error(), errc::timed_out);
    EXPECT_EQ(
        stream.error().context(), "connect 127.0.0.1:" + std::to_string(full.port()) + ": no answer in time");
    EXPECT_EQ(open_descriptors(), before);
}

TEST(dial_tcp, reports_a_reset_as_unavailable)
{
    loopback net;
    const auto port = net.serve(close_at_once);
    auto stream = net.run(http::dial_tcp(*net.clock, "127.0.0.1", port, net.clock->now() + 5s));
    ASSERT_TRUE(stream);
    std::string seen = net.run(send_and_read(**stream, std::string(1 << 20, 'x')));
    // The kernel says it to whichever comes first.
    EXPECT_TRUE(seen == "<write: connection reset by peer>" || seen == "<write: broken pipe>" ||
                seen == "<read: connection reset by peer>")
        << seen;
}

TEST(dial_tcp, a_cancelled_read_throws)
{
    loopback net;
    const auto port = net.serve(stay_silent);
    auto stream = net.run(http::dial_tcp(*net.clock, "127.0.0.1", port, net.clock->now() + 5s));
    ASSERT_TRUE(stream);
    std::optional<boost::system::error_code> thrown;
    const auto wait = [&]() -> asio::awaitable<void> {
        try {
            (void)co_await read_all(**stream);
        } catch (const boost::system::system_error& e) {
            thrown = e.code();
            throw;
        }
    };
    const auto cancel_it = [&]() -> asio::awaitable<int> {
        runtime::task_scope tasks(co_await asio::this_coro::executor);
        tasks.spawn("read", wait());
        tasks.stop();
        co_await tasks.join();
        co_return 0;
    };
    net.run(cancel_it());
    ASSERT_TRUE(thrown);
    EXPECT_EQ(*thrown, asio::error::operation_aborted);
}

TEST(dial_unix, carries_bytes_both_ways)
{
    loopback net;
    temporary_directory folder;
    net.serve_unix(echo, folder / "socket");
    auto stream = net.run(http::dial_unix(*net.clock, folder / "socket", net.clock->now() + 5s));
    ASSERT_TRUE(stream) << stream.error().context();
    const std::string much(3 << 20, 'x');
    EXPECT_EQ(net.run(send_and_read(**stream, much)), much);
}

TEST(dial_unix, names_the_path_that_is_not_there)
{
    loopback net;
    auto stream = net.run(http::dial_unix(*net.clock, "/nowhere/docker.sock", net.clock->now() + 5s));
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error(), errc::unavailable);
    EXPECT_EQ(stream.error().context(), "connect /nowhere/docker.sock: no such file or directory");
}

TEST(dial_unix, refuses_a_path_that_no_socket_can_have)
{
    loopback net;
    const std::string path = "/" + std::string(200, 'x');
    auto stream = net.run(http::dial_unix(*net.clock, path, net.clock->now() + 5s));
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error().context(), "connect " + path + ": file name too long");
}

TEST(dial_unix, reports_a_socket_that_nobody_listens_on)
{
    loopback net;
    temporary_directory folder;
    const auto path = folder / "socket";
    {
        loopback gone;
        gone.serve_unix(echo, path);
    }
    auto stream = net.run(http::dial_unix(*net.clock, path, net.clock->now() + 5s));
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error().context(), "connect " + path + ": connection refused");
}

TEST(dial_unix, does_not_take_a_full_queue_for_a_connection)
{
    loopback net;
    temporary_directory folder;
    const auto path = folder / "socket";
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(listener, 0), 0);
    std::vector<stream_ptr> connected;
    std::optional<base::error> why;
    for (int i = 0; i < 5 && !why; ++i) {
        auto stream = net.run(http::dial_unix(*net.clock, path, net.clock->now() + 5s));
        if (stream)
            connected.push_back(std::move(*stream));
        else
            why = stream.error();
    }
    ::close(listener);
    ASSERT_TRUE(why);
    EXPECT_EQ(*why, errc::unavailable);
    EXPECT_EQ(why->context(), "connect " + path + ": resource temporarily unavailable");
}
