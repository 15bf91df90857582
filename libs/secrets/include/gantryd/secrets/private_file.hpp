#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/secrets/secret_text.hpp>

#include <string>

namespace gantryd::secrets {

/// The content of a file that is its owner's alone: a regular file, no symbolic link, owned by the user that
/// this process runs as or by root, without any rights for group and others.
/// Errors: not_found, rejected (it is not that, with what to do about it), limit_exceeded (it is longer).
base::result<secret_text> read_private_file(const std::string& path, std::size_t longest);

/// The value that a file has: its text without the newline at its end.
/// Errors: those of read_private_file(); rejected (empty, or with a NUL).
base::result<secret_text> read_value_file(const std::string& path);

}  // namespace gantryd::secrets
