#pragma once
#include <string>

namespace gantryd::base {

/// The same text with '?' for every control character (C0 but for newline and tab, DEL, C1 in UTF-8): what
/// somebody else wrote may then be shown on a terminal.
std::string printable(std::string text);

}  // namespace gantryd::base
