#pragma once
#include <span>
#include <string_view>

namespace gantryd::simulation {

/// A fault that can be planted into the daemon.
struct planted_fault {
    std::string_view name;
    std::string_view what;  ///< one sentence
};
std::span<const planted_fault> planted_faults();

/// From now on the daemon has this fault. False: there is no such one.
bool plant(std::string_view name);
/// It has none again.
void pull_out() noexcept;
bool has_planted(std::string_view fault) noexcept;

}  // namespace gantryd::simulation
