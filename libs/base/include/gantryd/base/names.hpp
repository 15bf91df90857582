#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::base {

/// Longest name of a project, component, link, machine.
inline constexpr std::size_t longest_name = 63;

/// True for a name that is safe everywhere we use names: store keys, container names, HAProxy's
/// configuration and runtime API, file names. One to 63 of [A-Za-z0-9_.-], the first a letter or digit.
bool is_name(std::string_view text) noexcept;

/// What is_name() asks for, as the end of an error sentence.
inline constexpr std::string_view name_rule =
    "1 to 63 letters, digits, '_', '.' or '-', the first a letter or digit";

/// Words of a command line the way a shell would cut them, quotes and backslashes included, without any
/// expansion. An unclosed quote runs to the end of the text.
std::vector<std::string> split_words(std::string_view text);

/// The first 12 characters of a container's or image's id, without its "sha256:".
std::string short_id(std::string_view id);

}  // namespace gantryd::base
