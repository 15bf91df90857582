#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace gantryd::docker {

/// One line that is safe on a terminal and in JSON: escape sequences and control characters other than tab
/// removed, bytes that are no UTF-8 replaced by '?', cut after `most_characters` characters.
std::string clean_line(std::string_view bytes, std::size_t most_characters);

/// How an error sentence names a container: the first 12 digits of an id, a name as it is.
std::string shown(std::string_view id_or_name);

}  // namespace gantryd::docker
