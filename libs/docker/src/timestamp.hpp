#pragma once
#include <chrono>
#include <optional>
#include <string_view>

namespace gantryd::docker {

/// RFC 3339 with up to nine digits of a second: "2026-11-21T03:21:47.450628696Z", or an offset for the 'Z'.
/// Go's zero time ("0001-01-01T00:00:00Z") and the empty text are the epoch: "has not happened".
/// Nothing when the text is none of these, or when its year is outside 1970..2261.
std::optional<std::chrono::system_clock::time_point> parse_timestamp(std::string_view text);

}  // namespace gantryd::docker
