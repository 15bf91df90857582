#include "common/host_facts.hpp"

#include <gantryd/base/descriptor.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gantryd::app {

std::string routed_address()
{
    const base::descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (socket.get() < 0)
        return {};
    // Connecting a datagram socket sends nothing; it only picks the route. 192.0.2.0/24 is nobody's.
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(9);
    address.sin_addr.s_addr = htonl(0xC0000201);
    socklen_t size = sizeof address;
    auto* const as_any = reinterpret_cast<sockaddr*>(&address);
    if (::connect(socket.get(), as_any, size) != 0 || ::getsockname(socket.get(), as_any, &size) != 0)
        return {};
    std::array<char, INET_ADDRSTRLEN> text{};
    if (::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size()) == nullptr)
        return {};
    return text.data();
}

int cpu_count() { return static_cast<int>(std::max(0L, ::sysconf(_SC_NPROCESSORS_ONLN))); }

std::int64_t memory_bytes()
{
    const auto pages = ::sysconf(_SC_PHYS_PAGES);
    const auto page = ::sysconf(_SC_PAGE_SIZE);
    return pages > 0 && page > 0 ? std::int64_t{pages} * page : 0;
}

std::optional<std::int64_t> free_bytes(const std::string& path)
{
    std::error_code why;
    const auto space = std::filesystem::space(path, why);
    return why ? std::nullopt : std::optional(static_cast<std::int64_t>(space.free));
}

}  // namespace gantryd::app
