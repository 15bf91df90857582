#include "redirect.hpp"

#include <gantryd/http/exchange.hpp>

#include <algorithm>

namespace gantryd::health {
namespace {

std::string lower(std::string_view text)
{
    std::string out(text);
    std::ranges::transform(
        out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

/// RFC 3986, section 3.1: a letter, then letters, digits, '+', '-', '.', then ':'.
std::size_t scheme_length(std::string_view text)
{
    const auto colon = text.find_first_of(":/?#");
    if (colon == std::string_view::npos || colon == 0 || text[colon] != ':')
        return 0;
    const auto scheme = lower(text.substr(0, colon));
    const bool starts_well = scheme[0] >= 'a' && scheme[0] <= 'z';
    const bool goes_on_well =
        scheme.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+-.") == std::string::npos;
    return starts_well && goes_on_well ? colon : 0;
}

/// The authority with its port written out.
std::string with_port(std::string_view authority, std::string_view scheme)
{
    std::string out = lower(authority);
    const auto colon = out.rfind(':');
    const bool has_colon = colon != std::string::npos && out.find(']', colon) == std::string::npos;
    if (has_colon && colon + 1 == out.size())
        out.pop_back();
    if (has_colon && colon + 1 < out.size())
        return out;
    return out + (scheme == "https" ? ":443" : ":80");
}

/// RFC 3986, section 5.2.4. `path` starts with a slash.
std::string without_dot_segments(std::string_view path)
{
    std::string out;
    while (!path.empty()) {
        const auto end = std::min(path.find('/', 1), path.size());
        const auto segment = path.substr(0, end);
        path.remove_prefix(end);
        if (segment == "/..")
            out.erase(out.empty() ? 0 : out.rfind('/'));
        else if (segment != "/.")
            out += segment;
        if ((segment == "/.." || segment == "/.") && path.empty())
            out += '/';
    }
    return out;
}

std::string merged(std::string_view from_target, std::string_view relative)
{
    const auto from_path = from_target.substr(0, from_target.find('?'));
    if (relative.empty())
        return std::string(from_target);
    if (relative[0] == '?')
        return std::string(from_path) + std::string(relative);
    const auto question = std::min(relative.find('?'), relative.size());
    std::string path(relative.substr(0, question));
    if (path[0] != '/')
        path = std::string(from_path.substr(0, from_path.rfind('/') + 1)) + path;
    return without_dot_segments(path) + std::string(relative.substr(question));
}

}  // namespace

std::string target_of(std::string_view path)
{
    std::string out = path.starts_with('/') ? "" : "/";
    for (const char c : path) {
        if (c > ' ' && c < '\x7f')
            out += c;
        else
            out += http::percent_encode(std::string_view(&c, 1));
    }
    return out;
}

std::optional<http_place> follow(const http_place& from, std::string_view location)
{
    location = location.substr(0, location.find('#'));
    if (const auto length = scheme_length(location); length > 0) {
        if (lower(location.substr(0, length)) != from.scheme)
            return std::nullopt;
        location.remove_prefix(length + 1);
        if (!location.starts_with("//"))
            return std::nullopt;
    }
    if (location.starts_with("//")) {
        location.remove_prefix(2);
        const auto end = std::min(location.find_first_of("/?"), location.size());
        if (with_port(location.substr(0, end), from.scheme) != with_port(from.authority, from.scheme))
            return std::nullopt;
        location.remove_prefix(end);
        const std::string root = location.starts_with('/') ? "" : "/";
        return http_place{from.scheme, from.authority, target_of(merged("/", root + std::string(location)))};
    }
    return http_place{from.scheme, from.authority, target_of(merged(from.target, location))};
}

}  // namespace gantryd::health
