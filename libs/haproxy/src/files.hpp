#pragma once
#include <gantryd/base/error.hpp>

#include <string>

namespace gantryd::haproxy {

/// A directory for this user alone: made with mode 0700, its parents with 0755, or brought to 0700. A
/// symbolic link is none, and neither is what belongs to another user. Errors: unavailable.
base::result<void> make_private_directory(const std::string& path);

/// Errors: not_found, unavailable, limit_exceeded (more than 64 MiB).
base::result<std::string> read_file(const std::string& path);

/// Replaces the file in one step, mode 0600: it has the old text or the new one, also after a power cut.
/// Errors: unavailable.
base::result<void> write_file(const std::string& path, const std::string& text);

/// Moves a file over another in one step. Both in one directory.
/// Errors: unavailable.
base::result<void> move_file(const std::string& from, const std::string& to);

}  // namespace gantryd::haproxy
