#pragma once
#include <string_view>

namespace gantryd::base {

#ifdef GANTRYD_PLANTED
/// True for the one fault that the simulator is told to have: it has to find it. See docs/simulation.md.
bool is_planted(std::string_view fault) noexcept;
#else
/// What is built for users has none of the faults with which the simulator is tried: this is a constant.
constexpr bool is_planted(std::string_view) noexcept { return false; }
#endif

}  // namespace gantryd::base
