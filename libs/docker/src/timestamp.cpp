#include "timestamp.hpp"

#include <gantryd/base/time.hpp>

namespace gantryd::docker {

std::optional<std::chrono::system_clock::time_point> parse_timestamp(std::string_view text)
{
    constexpr std::string_view never = "0001-01-01T00:00:00Z";  // Go's zero time
    if (text.empty() || text == never)
        return std::chrono::system_clock::time_point{};
    if (text < "1970")
        return std::nullopt;
    return base::parse_rfc3339(text);
}

}  // namespace gantryd::docker
