#include "values.hpp"

#include <gantryd/haproxy_config/config.hpp>

#include <algorithm>
#include <array>
#include <set>

#include <arpa/inet.h>

namespace gantryd::haproxy_config {
namespace {

constexpr std::size_t longest_id = 128;

bool is_one_of(char c, std::string_view more) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
}

bool made_of(std::string_view text, std::string_view more) noexcept
{
    return std::ranges::all_of(text, [more](char c) { return is_one_of(c, more); });
}

std::string problem_in(const slot& s)
{
    if (canonical_address(s.address).empty())
        return "a server's address must be numeric";
    if (s.port == 0)
        return "a server's port must not be 0";
    return {};
}

std::string problem_in(const route& r)
{
    if (canonical_address(r.bind).empty())
        return "the bind address must be numeric";
    if (r.port == 0)
        return "the external port must not be 0";
    for (const auto& s : r.slots) {
        if (auto why = problem_in(s); !why.empty())
            return why;
    }
    return {};
}

}  // namespace

bool is_safe_id(std::string_view text) noexcept
{
    return !text.empty() && text.size() <= longest_id && made_of(text, "_.-");
}

bool is_safe_path(std::string_view text) noexcept
{
    return text.starts_with('/') && made_of(text, "_./+=@-");
}

std::string canonical_address(std::string_view address)
{
    const std::string text(address);
    if (text.find('\0') != std::string::npos)
        return {};
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    std::array<char, INET6_ADDRSTRLEN> out{};
    for (const int family : {AF_INET, AF_INET6}) {
        if (::inet_pton(family, text.c_str(), bytes.data()) == 1)
            return ::inet_ntop(family, bytes.data(), out.data(), out.size());
    }
    return {};
}

std::string with_port(std::string_view address, std::uint16_t port)
{
    const bool v6 = address.find(':') != std::string_view::npos;
    std::string out = v6 ? "[" + std::string(address) + "]" : std::string(address);
    return out + ":" + std::to_string(port);
}

std::string problem_in(const settings& global, const std::vector<route>& routes)
{
    if (!is_safe_path(global.admin_socket) || !is_safe_path(global.handover_socket))
        return "HAProxy's directory must be an absolute path of letters, digits and _./+=@-";
    if (global.hard_stop_after <= std::chrono::seconds::zero() || global.max_connections <= 0)
        return "HAProxy's limits must be more than 0";
    std::set<std::string_view> ids;
    for (const auto& r : routes) {
        if (!is_safe_id(r.id.text()))
            return "a route's id must be 1 to 128 letters, digits, '_', '.' or '-'";
        if (!ids.insert(r.id.text()).second)
            return "two routes are called " + r.id.text();
        if (auto why = problem_in(r); !why.empty())
            return "route " + r.id.text() + ": " + why;
    }
    return {};
}

}  // namespace gantryd::haproxy_config
