#include "diag_socket.hpp"
#include "owners.hpp"

#include <gantryd/base/descriptor.hpp>
#include <gantryd/runtime/process.hpp>
#include <gantryd/socket_table/table.hpp>

#include <gtest/gtest.h>

#include <algorithm>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace gantryd::socket_table {
namespace {

std::uint32_t inode_of(const base::descriptor& of)
{
    struct stat what{};
    EXPECT_EQ(::fstat(of.get(), &what), 0);
    return static_cast<std::uint32_t>(what.st_ino);
}

/// A listener and one connection to it, on the loopback of our own namespace. IPv6 with an IPv4 client when
/// `dual`.
class connected {
public:
    explicit connected(bool dual)
    {
        listener = base::descriptor(::socket(dual ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        sockaddr_in6 any{};
        any.sin6_family = AF_INET6;
        const auto* where = dual ? reinterpret_cast<const sockaddr*>(&any) : reinterpret_cast<sockaddr*>(&v4);
        const socklen_t size = dual ? sizeof any : sizeof v4;
        EXPECT_EQ(::bind(listener.get(), where, size), 0);
        EXPECT_EQ(::listen(listener.get(), 5), 0);
        sockaddr_in6 bound{};
        socklen_t bound_size = sizeof bound;
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound), &bound_size);
        v4.sin_port = bound.sin6_port;  // at the same place in both
        port = ntohs(bound.sin6_port);
        client = base::descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&v4), sizeof v4), 0);
        server = base::descriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }

    base::descriptor listener;
    base::descriptor client;
    base::descriptor server;
    std::uint16_t port = 0;
};

std::optional<socket_record> with_inode(const std::vector<socket_record>& in, std::uint32_t inode)
{
    const auto found = std::ranges::find(in, inode, &socket_record::inode);
    return found == in.end() ? std::nullopt : std::optional(*found);
}

class diag_socket_test : public ::testing::TestWithParam<bool> {};

TEST_P(diag_socket_test, lists_listeners_and_both_ends_and_finds_the_other_end)
{
    const connected pair(GetParam());
    auto kernel = diag_socket::here();
    ASSERT_TRUE(kernel) << kernel.error().context();
    const auto all = kernel->list();
    ASSERT_TRUE(all) << all.error().context();
    const auto listener = with_inode(*all, inode_of(pair.listener));
    ASSERT_TRUE(listener);
    EXPECT_TRUE(is_listening(*listener));
    EXPECT_EQ(listener->local.port, pair.port);

    const auto server = with_inode(*all, inode_of(pair.server));
    ASSERT_TRUE(server);
    EXPECT_EQ(server->state, TCP_ESTABLISHED);
    EXPECT_EQ(server->local.port, pair.port);
    EXPECT_TRUE(server->peer.address.is_loopback());

    const auto other_end = kernel->find(server->peer, server->local);
    ASSERT_TRUE(other_end) << other_end.error().context();
    ASSERT_TRUE(*other_end);
    EXPECT_EQ((*other_end)->inode, inode_of(pair.client));
    EXPECT_NE((*other_end)->cookie, server->cookie);
}

INSTANTIATE_TEST_SUITE_P(ipv4_and_dual, diag_socket_test, ::testing::Bool());

TEST(diag_socket, counts_what_was_not_read_and_sees_what_is_abandoned)
{
    connected pair(false);
    ASSERT_EQ(::send(pair.client.get(), "12345", 5, 0), 5);
    auto kernel = diag_socket::here();
    ASSERT_TRUE(kernel);
    auto all = kernel->list();
    ASSERT_TRUE(all);
    const auto before = with_inode(*all, inode_of(pair.server));
    ASSERT_TRUE(before);
    EXPECT_EQ(before->unread, 5U);

    pair.client = base::descriptor();
    all = kernel->list();
    ASSERT_TRUE(all);
    const auto after = with_inode(*all, inode_of(pair.server));
    ASSERT_TRUE(after);
    EXPECT_EQ(after->state, TCP_CLOSE_WAIT);
    EXPECT_EQ(after->unread, 6U) << "with the FIN";
    EXPECT_EQ(after->cookie, before->cookie);
    const auto other_end = kernel->find(after->peer, after->local);
    ASSERT_TRUE(other_end);
    EXPECT_TRUE(!*other_end || is_abandoned(**other_end));
}

TEST(diag_socket, a_listener_is_not_taken_for_a_connection)
{
    const connected pair(false);
    auto kernel = diag_socket::here();
    ASSERT_TRUE(kernel);
    const auto all = kernel->list();
    ASSERT_TRUE(all);
    const auto server = with_inode(*all, inode_of(pair.server));
    ASSERT_TRUE(server);
    auto nobody = server->peer;
    nobody.port = 1;
    const auto found = kernel->find(server->local, nobody);
    ASSERT_TRUE(found) << found.error().context();
    EXPECT_FALSE(*found);
}

TEST(owner_scan, finds_our_sockets_a_part_at_a_time)
{
    const connected pair(false);
    owner_scan scan({::getpid()});
    int parts = 0;
    for (; !scan.is_complete() && parts < 100'000; ++parts)
        scan.go_on(1);
    EXPECT_TRUE(scan.is_complete());
    EXPECT_GT(parts, 3);
    for (const auto* one : {&pair.client, &pair.server, &pair.listener})
        EXPECT_TRUE(scan.has_seen(inode_of(*one)));
    EXPECT_FALSE(scan.has_seen(0));
}

TEST(owner_scan, a_process_that_is_gone_holds_nothing)
{
    owner_scan scan({0x7ffffff0});
    scan.go_on(10);
    EXPECT_TRUE(scan.is_complete());
}

TEST(table, a_process_that_is_not_the_containers_is_refused)
{
    const auto kernel = make_table();
    question what;
    what.container = model::container_id(std::string(64, 'a'));
    what.pid = ::getpid();
    const auto seen = kernel->clients_of(what);
    ASSERT_FALSE(seen);
    EXPECT_TRUE(seen.error() == base::errc::rejected);
    EXPECT_EQ(seen.error().context(), "its process is not one of this machine");
}

TEST(table, the_network_of_the_host_is_refused)
{
    const auto kernel = make_table();
    question what;
    what.container = model::container_id("/");  // every control group has that in its name
    what.pid = ::getpid();
    const auto seen = kernel->clients_of(what);
    ASSERT_FALSE(seen);
    EXPECT_TRUE(seen.error() == base::errc::rejected);
    EXPECT_EQ(seen.error().context(), "it shares the network of the host");
}

TEST(table, an_unknown_process_may_become_known)
{
    const auto kernel = make_table();
    question what;
    what.container = model::container_id(std::string(64, 'a'));
    const auto seen = kernel->clients_of(what);
    ASSERT_FALSE(seen);
    EXPECT_TRUE(seen.error() == base::errc::unavailable);
}

}  // namespace
}  // namespace gantryd::socket_table
