#include <gantryd/http/exchange.hpp>

#include <algorithm>
#include <cassert>

namespace gantryd::http {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) noexcept
{
    return std::ranges::equal(a, b, {}, lower, lower);
}

[[maybe_unused]] bool is_one_line(std::string_view text) noexcept
{
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

void append(std::string& out, std::string_view name, std::string_view value)
{
    assert(is_one_line(name) && is_one_line(value) && "a header must not inject another one");
    out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string_view response::header(std::string_view name) const noexcept
{
    for (const auto& [given, value] : headers)
        if (same_name(given, name))
            return value;
    return {};
}

std::string serialize(const request& what)
{
    assert(
        !what.method.empty() && !what.target.empty() && is_one_line(what.method) && is_one_line(what.target));
    assert(what.target.find(' ') == std::string::npos && "a target is percent-encoded");

    std::string out = what.method + " " + what.target + " HTTP/1.1\r\n";
    append(out, "Host", what.host);
    const auto given = [&](std::string_view name) {
        return std::ranges::any_of(what.headers, [&](const auto& h) { return same_name(h.first, name); });
    };
    if (!given("User-Agent"))
        append(out, "User-Agent", "gantryd");
    for (const auto& [name, value] : what.headers)
        append(out, name, value);
    if (!given("Connection"))
        append(out, "Connection", "close");
    if (!what.body.empty() || what.method == "POST" || what.method == "PUT")
        append(out, "Content-Length", std::to_string(what.body.size()));
    return out + "\r\n" + what.body;
}

std::string percent_encode(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                c == '-' || c == '.' || c == '_' || c == '~';
        if (unreserved) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

}  // namespace gantryd::http
