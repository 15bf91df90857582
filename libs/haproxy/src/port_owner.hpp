#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace gantryd::haproxy {

/// One listening socket of /proc/net/tcp or tcp6.
struct listener {
    std::string address;  ///< as inet_ntop() writes it
    std::uint16_t port = 0;
    std::uint64_t inode = 0;

    friend bool operator==(const listener&, const listener&) = default;
};

/// The listening sockets in the kernel's table. Lines that it does not understand are passed over: this is
/// for an error's sentence, and for knowing our own sockets.
std::vector<listener> parse_listeners(std::string_view table);

/// Why nobody can listen on that address and port, as a sentence: "port 8888 is taken by nginx (pid 4711)".
/// Nothing when one can, or when all who hold it are `ours`.
/// Precondition: the address is numeric.
std::optional<std::string> why_not_bindable(
    const std::string& address, std::uint16_t port, const std::function<bool(pid_t)>& ours);

}  // namespace gantryd::haproxy
