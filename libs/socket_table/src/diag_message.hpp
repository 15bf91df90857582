#pragma once
#include <gantryd/base/error.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::socket_table {

/// A numeric address. An IPv4 address is the same one whether the kernel writes it as such or mapped into
/// IPv6.
struct ip_address {
    std::array<std::uint8_t, 16> bytes{};  ///< IPv4 mapped into IPv6

    bool is_v4() const;
    bool is_loopback() const;
    std::string text() const;
    friend bool operator==(const ip_address&, const ip_address&) = default;
};

struct endpoint {
    ip_address address;
    std::uint16_t port = 0;

    friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// Kinds of sockets as the kernel has them.
enum class family { v4, v6 };

/// One TCP socket of a network namespace.
struct socket_record {
    int state = 0;  ///< the kernel's: TCP_ESTABLISHED and so on
    endpoint local;
    endpoint peer;
    std::uint32_t inode = 0;    ///< 0: no process holds it (closed, or not accepted yet)
    std::uint64_t cookie = 0;   ///< never given twice
    std::uint32_t unread = 0;   ///< bytes received that the program has not read; an unread FIN counts as one
    std::uint32_t unacked = 0;  ///< bytes that the peer does not have yet; so does a FIN

    friend bool operator==(const socket_record&, const socket_record&) = default;
};

bool is_listening(const socket_record& of);

/// True while stopping the socket's program could cost its peer anything: the connection is open, or bytes
/// are on their way. One that is being opened is not live: its peer was not told yet that it is connected.
bool is_live(const socket_record& of);

/// True for the other end of a live connection when no process waits there any more: it was closed, and all
/// that was sent before has arrived.
bool is_abandoned(const socket_record& other_end);

/// The request for all listening and live sockets of one kind.
std::string dump_request(family kind, std::uint32_t sequence);

/// The request for the one socket between these two.
std::string find_request(const endpoint& local, const endpoint& peer, std::uint32_t sequence);

/// Collects the kernel's answer to one request.
class answer {
public:
    explicit answer(std::uint32_t sequence) : sequence_(sequence) {}

    /// One datagram of the kernel's. Messages of earlier requests are passed over. Errors: malformed,
    /// unavailable (the kernel's own words).
    base::result<void> take(std::string_view datagram);

    /// True when nothing more comes.
    bool complete() const { return complete_; }

    std::vector<socket_record> sockets;

private:
    std::uint32_t sequence_;
    bool complete_ = false;
};

}  // namespace gantryd::socket_table
