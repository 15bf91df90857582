#pragma once
#include <string>

namespace gantryd::base {

/// A variable of this process's environment; empty when it is not set. No other thread may be setting one.
std::string environment_variable(const char* name);

}  // namespace gantryd::base
