#include "diag_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>

namespace gantryd::socket_table {
namespace {

using base::errc;
using base::fail;

constexpr std::size_t longest_datagram = 64UL * 1024;  // the kernel fills 32 KiB at the most
constexpr std::size_t most_sockets = 20'000;           // some forty milliseconds

int open_netlink()
{
    return ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
}

/// Opens the socket on a thread that enters the namespace and then ends. A socket stays in the namespace that
/// it was made in. Were our own thread to enter, and not get back, then all that the program does afterwards
/// would happen in the container's network.
std::pair<int, int> open_netlink_in(int network_namespace)
{
    int fd = -1;
    int why = 0;
    std::thread visitor([&] {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        if (::setns(network_namespace, CLONE_NEWNET) == 0)
            fd = open_netlink();
        why = errno;
    });
    visitor.join();
    return {fd, why};
}

std::unexpected<base::error> refused(int why)
{
    return fail(errc::rejected, "its network cannot be looked into: " + std::generic_category().message(why));
}

}  // namespace

base::result<diag_socket> diag_socket::here()
{
    base::descriptor netlink(open_netlink());
    if (!netlink)
        return refused(errno);
    return diag_socket(std::move(netlink));
}

base::result<diag_socket> diag_socket::in(int network_namespace)
{
    const auto [fd, why] = open_netlink_in(network_namespace);
    if (fd < 0)
        return refused(why);
    return diag_socket(base::descriptor(fd));
}

base::result<void> diag_socket::exchange(const std::string& request, answer& into) const
{
    if (::send(netlink_.get(), request.data(), request.size(), 0) < 0)
        return fail(
            errc::unavailable, "ask the kernel for sockets: " + std::generic_category().message(errno));
    std::vector<char> buffer(longest_datagram);
    while (!into.complete()) {
        const auto size = ::recv(netlink_.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return fail(errc::unavailable,
                "read the kernel's list of sockets: " + std::generic_category().message(errno));
        if (auto taken = into.take(std::string_view(buffer.data(), static_cast<std::size_t>(size))); !taken)
            return taken;
        if (into.sockets.size() > most_sockets)
            return fail(errc::limit_exceeded, "it has too many connections to count them");
    }
    return {};
}

base::result<std::vector<socket_record>> diag_socket::list()
{
    std::vector<socket_record> out;
    for (const auto kind : {family::v4, family::v6}) {
        answer got(++sequence_);
        if (auto done = exchange(dump_request(kind, sequence_), got); !done)
            return std::unexpected(done.error());
        std::ranges::move(got.sockets, std::back_inserter(out));
    }
    return out;
}

base::result<std::optional<socket_record>> diag_socket::find(const endpoint& local, const endpoint& peer)
{
    answer got(++sequence_);
    if (auto done = exchange(find_request(local, peer, sequence_), got); !done)
        return std::unexpected(done.error());
    // Where there is none between the two, the kernel names one that listens there.
    if (got.sockets.empty() || is_listening(got.sockets.front()))
        return std::nullopt;
    return got.sockets.front();
}

}  // namespace gantryd::socket_table
