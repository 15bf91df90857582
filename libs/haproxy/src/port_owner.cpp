#include "port_owner.hpp"

#include "files.hpp"

#include <gantryd/base/number.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gantryd::haproxy {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view state_listen = "0A";

/// The kernel writes addresses as 32-bit words in the machine's byte order.
std::string address_in(std::string_view hex)
{
    if (hex.size() != 8 && hex.size() != 32)
        return {};
    std::array<std::uint32_t, 4> words{};
    for (std::size_t i = 0; i < hex.size() / 8; ++i) {
        const auto word = base::number_in<std::uint32_t>(hex.substr(i * 8, 8), 16);
        if (!word)
            return {};
        words[i] = *word;
    }
    std::array<char, INET6_ADDRSTRLEN> out{};
    return ::inet_ntop(hex.size() == 8 ? AF_INET : AF_INET6, words.data(), out.data(), out.size());
}

std::optional<listener> listener_in(const std::string& line)
{
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ..
    std::istringstream in(line);
    std::string number, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
    if (!(in >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >>
            inode))
        return std::nullopt;
    const auto colon = local.find(':');
    if (state != state_listen || colon == std::string::npos)
        return std::nullopt;
    const auto port = base::number_in<std::uint16_t>(std::string_view(local).substr(colon + 1), 16);
    const auto socket = base::number_in<std::uint64_t>(inode);
    auto address = address_in(std::string_view(local).substr(0, colon));
    if (!port || !socket || address.empty())
        return std::nullopt;
    return listener{std::move(address), *port, *socket};
}

bool is_any(const std::string& address) { return address == "0.0.0.0" || address == "::"; }

/// True when a listener there keeps us from listening here. Wildcards meet everything of their family, and
/// the one of IPv6 usually IPv4, too.
bool meets(const listener& there, const std::string& address)
{
    const bool same_family =
        (there.address.find(':') == std::string::npos) == (address.find(':') == std::string::npos);
    if (!same_family)
        return there.address == "::" || address == "::";
    return there.address == address || is_any(there.address) || is_any(address);
}

std::vector<std::string> sockets_at(const std::string& address, std::uint16_t port)
{
    std::vector<std::string> out;
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        const auto text = read_file(table);
        if (!text)
            continue;
        for (const auto& l : parse_listeners(*text)) {
            if (l.port == port && meets(l, address))
                out.push_back("socket:[" + std::to_string(l.inode) + "]");
        }
    }
    return out;
}

bool holds_one_of(const fs::path& process, const std::vector<std::string>& sockets)
{
    std::error_code why;
    for (auto file = fs::directory_iterator(process / "fd", why); !why && file != fs::directory_iterator();
        file.increment(why)) {
        std::error_code gone;
        const auto target = fs::read_symlink(file->path(), gone).string();
        if (!gone && std::ranges::find(sockets, target) != sockets.end())
            return true;
    }
    return false;
}

std::vector<pid_t> holders_of(const std::vector<std::string>& sockets)
{
    std::vector<pid_t> out;
    std::error_code why;
    for (auto entry = fs::directory_iterator("/proc", why); !why && entry != fs::directory_iterator();
        entry.increment(why)) {
        const auto pid = base::number_in<pid_t>(entry->path().filename().string());
        if (pid && holds_one_of(entry->path(), sockets))
            out.push_back(*pid);
    }
    return out;
}

std::string name_of(pid_t pid)
{
    auto name = read_file("/proc/" + std::to_string(pid) + "/comm").value_or("a process\n");
    while (!name.empty() && name.back() == '\n')
        name.pop_back();
    for (auto& c : name)
        c = c < ' ' ? '?' : c;  // a process chooses its name; it ends up in logs
    return name;
}

/// 0, or errno of a try. It does not listen: no client shall meet this socket.
int try_to_bind(const std::string& address, std::uint16_t port)
{
    sockaddr_storage storage{};
    socklen_t size = 0;
    const bool v6 = address.find(':') != std::string::npos;
    if (v6) {
        sockaddr_in6 to{};
        to.sin6_family = AF_INET6;
        to.sin6_port = htons(port);
        ::inet_pton(AF_INET6, address.c_str(), &to.sin6_addr);
        std::memcpy(&storage, &to, size = sizeof to);
    } else {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        ::inet_pton(AF_INET, address.c_str(), &to.sin_addr);
        std::memcpy(&storage, &to, size = sizeof to);
    }
    const int fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    // REUSEADDR, or connections of the port's last owner in TIME_WAIT would count; not REUSEPORT, which would
    // share it with a stranger.
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const bool bound =
        ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), size) == 0;  // NOLINT: bind's type
    const int reason = bound ? 0 : errno;
    ::close(fd);
    return reason;
}

}  // namespace

std::vector<listener> parse_listeners(std::string_view table)
{
    std::vector<listener> out;
    while (!table.empty()) {
        const auto end = table.find('\n');
        if (auto l = listener_in(std::string(table.substr(0, end))))
            out.push_back(std::move(*l));
        table.remove_prefix(end == std::string_view::npos ? table.size() : end + 1);
    }
    return out;
}

std::optional<std::string> why_not_bindable(
    const std::string& address, std::uint16_t port, const std::function<bool(pid_t)>& ours)
{
    const auto the_port = "port " + std::to_string(port);
    switch (const int reason = try_to_bind(address, port); reason) {
    case 0: return std::nullopt;
    case EADDRINUSE: break;
    case EACCES:
        return the_port + " may only be opened by root or with CAP_NET_BIND_SERVICE (permission denied)";
    case EADDRNOTAVAIL: return the_port + ": " + address + " is not an address of this machine";
    default:
        return the_port + " on " + address + " cannot be opened: " + std::generic_category().message(reason);
    }
    const auto holders = holders_of(sockets_at(address, port));
    const auto stranger = std::ranges::find_if_not(holders, ours);
    if (stranger != holders.end())
        return the_port + " is taken by " + name_of(*stranger) + " (pid " + std::to_string(*stranger) + ")";
    if (holders.empty())
        return the_port + " is taken by another process";
    return std::nullopt;
}

}  // namespace gantryd::haproxy
