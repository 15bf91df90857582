#include "load/schedule.hpp"

#include <cmath>

namespace gantryd::load {

std::chrono::nanoseconds schedule::due(std::int64_t i) const
{
    return std::chrono::nanoseconds(std::llround(static_cast<double>(i) * 1e9 / rate_));
}

bool schedule::keeps_alive(std::int64_t i) const
{
    return (i + 1) * keep_alive_percent_ / 100 > i * keep_alive_percent_ / 100;
}

}  // namespace gantryd::load
