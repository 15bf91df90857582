#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gantryd::base {

/// Monotonic time, the same for every process since the machine's boot: deadlines and everything that is
/// decided. It comes in as an argument; pure code never asks a clock.
using time_point = std::chrono::steady_clock::time_point;
using duration = std::chrono::steady_clock::duration;

/// Time as people write it: log lines, history, reports. Nothing is decided by it.
using wall_time = std::chrono::system_clock::time_point;

/// "2026-11-21T03:14:19.123Z": RFC 3339 in UTC, to the millisecond.
std::string rfc3339(wall_time when);

/// An RFC 3339 time of the years 1678 to 2261, with any number of digits of a second and any offset.
std::optional<wall_time> parse_rfc3339(std::string_view text);

/// For people: "350ms", "4.2s", "3m 5s", "2h 10m", "3d 4h".
std::string human(duration d);

}  // namespace gantryd::base
