#pragma once
#include "file.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>

#include <memory>
#include <optional>
#include <string>

namespace gantryd::sqlite_store {

/// True: another connection holds a lock; try again.
bool is_busy(const SQLite::Exception& why);

/// True when there is no room on the disk.
bool is_full(const SQLite::Exception& why);

/// True: the connection's state is in doubt, a new one may do better.
bool spoils_connection(const SQLite::Exception& why);

/// malformed for a damaged file, unavailable for everything else; the sentence names the file.
base::error error_of(const std::string& path, const SQLite::Exception& why);

/// Opens and checks the database at a path of prepare_file(), and makes its tables when it is new.
/// Never waits: nothing when another connection holds a lock.
/// Errors: malformed (not a database, or damaged), rejected (another program's, a newer format, read-only),
/// unavailable.
std::optional<base::result<std::unique_ptr<SQLite::Database>>> connect(
    const std::string& path, durability commits);

/// Outside of transactions only.
void set_durability(SQLite::Database& db, durability commits) noexcept;

}  // namespace gantryd::sqlite_store
