#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace gantryd::health {

/// Where an http(s) probe goes.
struct http_place {
    std::string scheme;     ///< "http" or "https"
    std::string authority;  ///< "10.0.0.2:8080", "[fd00::2]:8080": the Host header
    std::string target;     ///< path and query, ready for the request line

    friend bool operator==(const http_place&, const http_place&) = default;
};

/// `path` as a request target: it starts with a slash, and what must not stand in a request line is
/// percent-encoded.
std::string target_of(std::string_view path);

/// Where `location` leads from `from`; nothing when that is another scheme, host or port.
std::optional<http_place> follow(const http_place& from, std::string_view location);

}  // namespace gantryd::health
