#pragma once
#include <chrono>
#include <thread>

namespace gantryd::integration {

/// Looks at `condition` every 5 ms until it holds. False when it still does not after `limit`.
template <class Condition>
bool wait_until(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(20))
{
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end)
            return condition();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

/// Looks every 20 ms. True when the condition held each time for all of `duration`.
template <class Condition>
bool holds_for(std::chrono::milliseconds duration, Condition condition)
{
    const auto end = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < end) {
        if (!condition())
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return condition();
}

}  // namespace gantryd::integration
