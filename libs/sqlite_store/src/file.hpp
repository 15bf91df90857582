#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/sqlite_store/sqlite_store.hpp>

#include <optional>
#include <string>

#include <sys/types.h>

namespace gantryd::sqlite_store {

/// Which file a path leads to.
struct file_identity {
    dev_t device{};
    ino_t inode{};

    friend bool operator==(const file_identity&, const file_identity&) = default;
};

/// Nothing when there is no such file.
std::optional<file_identity> identity_of(const std::string& path);

/// Makes what is missing, as far as it may, and gives the file's path without symbolic links.
/// Never opens a file that was there: closing it would drop the locks of SQLite's own descriptors.
/// Errors: not_found, rejected, unavailable.
base::result<std::string> prepare_file(const options& what);

}  // namespace gantryd::sqlite_store
