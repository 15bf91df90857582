#include "../src/port_owner.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace gantryd::haproxy;

namespace {

bool nobody(pid_t) { return false; }

/// A listening socket of this process on 127.0.0.1 or ::1.
class held_port {
public:
    explicit held_port(int family)
    {
        fd_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in6 at{};
        socklen_t size = sizeof at;
        if (family == AF_INET6) {
            at.sin6_family = AF_INET6;
            at.sin6_addr = in6addr_loopback;
        } else {
            sockaddr_in v4{};
            v4.sin_family = AF_INET;
            v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            std::memcpy(&at, &v4, sizeof v4);
            size = sizeof v4;
        }
        auto* address = reinterpret_cast<sockaddr*>(&at);
        held = ::bind(fd_, address, size) == 0 && ::listen(fd_, 1) == 0 &&
               ::getsockname(fd_, address, &size) == 0;
        port = ntohs(at.sin6_port);  // at the same place in both
    }
    held_port(const held_port&) = delete;
    held_port& operator=(const held_port&) = delete;
    ~held_port() { ::close(fd_); }
    bool held = false;
    std::uint16_t port = 0;

private:
    int fd_;
};

std::string taken_by_us(std::uint16_t port)
{
    return "port " + std::to_string(port) + " is taken by haproxy_test (pid " + std::to_string(::getpid()) +
           ")";
}

}  // namespace

TEST(port_owner, listening_sockets_are_read_from_the_kernels_tables)
{
    const auto v4 = parse_listeners(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:49C8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 126001 1 "
        "0000 100 0 0 10 0\n"
        "   1: 00000000:22B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 "
        "0000 100 0 0 10 0\n"
        "   2: 0100007F:49C8 0100007F:C0DE 01 00000000:00000000 00:00000000 00000000     0        0 99 1 "
        "0000 20 4 30 10 -1\n");
    EXPECT_EQ(v4, (std::vector<listener>{{"127.0.0.1", 18888, 126001}, {"0.0.0.0", 8888, 4711}}));
    const auto v6 = parse_listeners("   0: 00000000000000000000000001000000:49C9 "
                                    "00000000000000000000000000000000:0000 0A 00000000:00000000 "
                                    "00:00000000 00000000     0        0 5 1 0000 100 0 0 10 0\n"
                                    "   1: 00000000000000000000000000000000:0050 "
                                    "00000000000000000000000000000000:0000 0A 00000000:00000000 "
                                    "00:00000000 00000000     0        0 6 1 0000 100 0 0 10 0\n");
    EXPECT_EQ(v6, (std::vector<listener>{{"::1", 18889, 5}, {"::", 80, 6}}));
}

TEST(port_owner, lines_that_are_not_understood_are_passed_over)
{
    EXPECT_TRUE(parse_listeners("").empty());
    EXPECT_TRUE(parse_listeners("\n\nx\n0: a b 0A d e f g h i j\n0: 0100007F 0:0 0A 0 0 0 0 0 1\n").empty());
    const std::string line = "0: 0100007F:49C8 00000000:0000 0A 0:0 0:0 0 0 0 7 1\n";
    EXPECT_EQ(parse_listeners(line).size(), 1u);
    for (std::size_t n = 0; n < line.size(); ++n) {
        (void)parse_listeners(line.substr(0, n));
        (void)parse_listeners(line.substr(n));
    }
}

TEST(port_owner, the_holder_is_named)
{
    const held_port held(AF_INET);
    ASSERT_TRUE(held.held);
    EXPECT_EQ(why_not_bindable("127.0.0.1", held.port, nobody), taken_by_us(held.port));
    EXPECT_EQ(why_not_bindable("0.0.0.0", held.port, nobody), taken_by_us(held.port));  // a wildcard meets it
}

TEST(port_owner, the_holder_is_named_with_ipv6)
{
    const held_port held(AF_INET6);
    if (held.held) {
        EXPECT_EQ(why_not_bindable("::1", held.port, nobody), taken_by_us(held.port));
        EXPECT_EQ(why_not_bindable("::", held.port, nobody), taken_by_us(held.port));
    } else {  // a machine without IPv6: that is what is in the way, and nobody has the port
        const auto why = why_not_bindable("::1", 8888, nobody).value_or("nothing");
        EXPECT_TRUE(why == "port 8888: ::1 is not an address of this machine" ||
                    why == "port 8888 on ::1 cannot be opened: Address family not supported by protocol")
            << why;
    }
}

TEST(port_owner, a_port_of_our_own_is_no_obstacle)
{
    const held_port held(AF_INET);
    EXPECT_EQ(
        why_not_bindable("127.0.0.1", held.port, [](pid_t pid) { return pid == ::getpid(); }), std::nullopt);
}

TEST(port_owner, a_free_port_is_no_obstacle)
{
    std::uint16_t port = 0;
    {
        const held_port held(AF_INET);
        port = held.port;
    }
    EXPECT_EQ(why_not_bindable("127.0.0.1", port, nobody), std::nullopt);
}

TEST(port_owner, an_address_of_another_machine_is_told)
{
    EXPECT_EQ(why_not_bindable("192.0.2.1", 8888, nobody),
        "port 8888: 192.0.2.1 is not an address of this machine");
}
