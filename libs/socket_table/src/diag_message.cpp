#include "diag_message.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace gantryd::socket_table {
namespace {

using base::errc;
using base::fail;

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct request {
    nlmsghdr header;
    inet_diag_req_v2 what;
};

request blank_request(int family, std::uint16_t flags, std::uint32_t sequence)
{
    request out{};
    out.header.nlmsg_len = sizeof out;
    out.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    out.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    out.header.nlmsg_seq = sequence;
    out.what.sdiag_family = static_cast<std::uint8_t>(family);
    out.what.sdiag_protocol = IPPROTO_TCP;
    out.what.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    out.what.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return out;
}

std::string bytes_of(const request& from)
{
    std::string out(sizeof from, '\0');
    std::memcpy(out.data(), &from, sizeof from);
    return out;
}

/// `words`: in network order, one for IPv4 and four for IPv6.
ip_address address_in(const __be32 (&words)[4], bool v4)
{
    ip_address out;
    if (v4) {
        std::ranges::copy(mapped_prefix, out.bytes.begin());
        std::memcpy(out.bytes.data() + mapped_prefix.size(), &words[0], 4);
    } else {
        std::memcpy(out.bytes.data(), &words[0], 16);
    }
    return out;
}

void put(const ip_address& from, bool v4, __be32 (&words)[4])
{
    if (v4)
        std::memcpy(&words[0], from.bytes.data() + mapped_prefix.size(), 4);
    else
        std::memcpy(&words[0], from.bytes.data(), 16);
}

socket_record record_in(const inet_diag_msg& from)
{
    const bool v4 = from.idiag_family == AF_INET;
    socket_record out;
    out.state = from.idiag_state;
    out.local = {address_in(from.id.idiag_src, v4), ntohs(from.id.idiag_sport)};
    out.peer = {address_in(from.id.idiag_dst, v4), ntohs(from.id.idiag_dport)};
    out.inode = from.idiag_inode;
    out.cookie = (static_cast<std::uint64_t>(from.id.idiag_cookie[1]) << 32) | from.id.idiag_cookie[0];
    out.unread = from.idiag_rqueue;
    out.unacked = from.idiag_wqueue;
    return out;
}

constexpr unsigned bit(int state) { return 1u << static_cast<unsigned>(state); }

constexpr unsigned asked_states = bit(TCP_LISTEN) | bit(TCP_ESTABLISHED) | bit(TCP_CLOSE_WAIT) |
                                  bit(TCP_FIN_WAIT1) | bit(TCP_FIN_WAIT2) | bit(TCP_CLOSING) |
                                  bit(TCP_LAST_ACK);

}  // namespace

bool ip_address::is_v4() const
{
    return std::ranges::equal(mapped_prefix, std::span(bytes).first(mapped_prefix.size()));
}

bool ip_address::is_loopback() const
{
    if (is_v4())
        return bytes[mapped_prefix.size()] == 127;
    const auto most = std::span(bytes).first(15);
    return bytes[15] == 1 && std::ranges::all_of(most, [](std::uint8_t b) { return b == 0; });
}

std::string ip_address::text() const
{
    std::array<char, INET6_ADDRSTRLEN> out{};
    if (is_v4())
        ::inet_ntop(AF_INET, bytes.data() + mapped_prefix.size(), out.data(), out.size());
    else
        ::inet_ntop(AF_INET6, bytes.data(), out.data(), out.size());
    return out.data();
}

bool is_listening(const socket_record& of) { return of.state == TCP_LISTEN; }

bool is_live(const socket_record& of)
{
    switch (of.state) {
    case TCP_ESTABLISHED:
    case TCP_CLOSE_WAIT: return true;  // the peer may have closed one direction only and wait for an answer
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_CLOSING:
    case TCP_LAST_ACK: return of.inode != 0 || of.unacked > 1;  // half closed; or the rest of an answer
    default: return false;
    }
}

bool is_abandoned(const socket_record& other_end)
{
    return other_end.inode == 0 && other_end.unacked <= 1 && other_end.state != TCP_ESTABLISHED &&
           other_end.state != TCP_LISTEN;
}

std::string dump_request(family kind, std::uint32_t sequence)
{
    auto out = blank_request(kind == family::v4 ? AF_INET : AF_INET6, NLM_F_DUMP, sequence);
    out.what.idiag_states = asked_states;
    return bytes_of(out);
}

std::string find_request(const endpoint& local, const endpoint& peer, std::uint32_t sequence)
{
    const bool v4 = local.address.is_v4();
    auto out = blank_request(v4 ? AF_INET : AF_INET6, 0, sequence);
    out.what.idiag_states = ~0u;
    out.what.id.idiag_sport = htons(local.port);
    out.what.id.idiag_dport = htons(peer.port);
    put(local.address, v4, out.what.id.idiag_src);
    put(peer.address, v4, out.what.id.idiag_dst);
    return bytes_of(out);
}

base::result<void> answer::take(std::string_view datagram)
{
    while (!datagram.empty()) {
        nlmsghdr header{};
        if (datagram.size() < sizeof header)
            return fail(errc::malformed, "the kernel's list of sockets is cut");
        std::memcpy(&header, datagram.data(), sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size())
            return fail(errc::malformed, "a message in the kernel's list of sockets has a wrong length");
        const auto payload = datagram.substr(sizeof header, header.nlmsg_len - sizeof header);
        datagram.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
        if (header.nlmsg_seq != sequence_ || complete_)
            continue;
        if (header.nlmsg_type == NLMSG_DONE) {
            complete_ = true;
        } else if (header.nlmsg_type == NLMSG_ERROR) {
            complete_ = true;
            int code = 0;
            if (payload.size() < sizeof code)
                return fail(errc::malformed, "the kernel's refusal to list sockets is cut");
            std::memcpy(&code, payload.data(), sizeof code);
            if (code != 0 && code != -ENOENT)  // that one says that there is no such socket
                return fail(errc::unavailable, std::string("the kernel does not list sockets: ") +
                                                   std::generic_category().message(-code));
        } else if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
            inet_diag_msg message{};
            if (payload.size() < sizeof message)
                return fail(errc::malformed, "a socket in the kernel's list is cut");
            std::memcpy(&message, payload.data(), sizeof message);
            sockets.push_back(record_in(message));
            complete_ = (header.nlmsg_flags & NLM_F_MULTI) == 0;
        }
    }
    return {};
}

}  // namespace gantryd::socket_table
