#pragma once
#include <string_view>

namespace gantryd::haproxy_config {

/// One to 128 of [A-Za-z0-9_.-]: what a route's id may be made of. Longer than a component's name, because an
/// id is one with a port.
bool is_safe_id(std::string_view text) noexcept;

/// An absolute path that needs no quoting in a file or an address list.
bool is_safe_path(std::string_view text) noexcept;

}  // namespace gantryd::haproxy_config
