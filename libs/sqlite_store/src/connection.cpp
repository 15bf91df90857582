#include "connection.hpp"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <cstdint>

namespace gantryd::sqlite_store {
namespace {

constexpr std::int64_t our_application = 0x67'61'6e'74;  // "gant"
constexpr std::int64_t our_format = 1;

// Keys and values are BLOBs: their order is that of unsigned bytes, and any byte may occur.
// `ends` is in milliseconds of the machine's monotonic clock, which starts anew with `boot`.
constexpr auto schema = R"sql(
CREATE TABLE state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL,
    compacted INTEGER NOT NULL
) STRICT;
INSERT INTO state VALUES (1, 1, 0);
CREATE TABLE pairs (
    key BLOB NOT NULL UNIQUE,
    value BLOB NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    lease INTEGER NOT NULL
) STRICT;
CREATE INDEX pairs_of_lease ON pairs (lease) WHERE lease <> 0;
CREATE TABLE changes (
    id INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    erased INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    created INTEGER NOT NULL,
    lease INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_by_revision ON changes (revision);
CREATE TABLE leases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ttl_ms INTEGER NOT NULL,
    ends_ms INTEGER NOT NULL,
    boot TEXT NOT NULL
) STRICT;
)sql";

std::int64_t number(SQLite::Database& db, const char* query) { return db.execAndGet(query).getInt64(); }

bool is_blank(SQLite::Database& db)
{
    return number(db, "PRAGMA application_id") == 0 && number(db, "PRAGMA user_version") == 0 &&
           number(db, "SELECT count(*) FROM sqlite_schema") == 0;
}

base::result<void> check_owner(SQLite::Database& db, const std::string& path)
{
    if (sqlite3_db_readonly(db.getHandle(), "main") != 0)
        return base::fail(base::errc::rejected, "store file " + path + " can only be read");
    if (is_blank(db))
        return {};
    const auto application = number(db, "PRAGMA application_id");
    const auto format = number(db, "PRAGMA user_version");
    if (application != our_application)
        return base::fail(base::errc::rejected,
            fmt::format("store file {} is another program's database (application id {:#010x}, format {})",
                path, static_cast<std::uint32_t>(application), format));
    if (format != our_format)
        return base::fail(
            base::errc::rejected, fmt::format("store file {} has format {}; this gantryd knows format {}",
                                      path, format, our_format));
    return {};
}

void make_tables(SQLite::Database& db)
{
    SQLite::Transaction write(db, SQLite::TransactionBehavior::IMMEDIATE);
    if (!is_blank(db))
        return;  // another process was faster
    db.exec(schema);
    db.exec(fmt::format("PRAGMA application_id = {}", our_application));
    db.exec(fmt::format("PRAGMA user_version = {}", our_format));
    write.commit();
}

base::result<std::unique_ptr<SQLite::Database>> open_and_check(const std::string& path, durability commits)
{
    constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX;
    auto db = std::make_unique<SQLite::Database>(path, flags);
    const auto ours = check_owner(*db, path);
    if (!ours)
        return std::unexpected(ours.error());
    const auto mode = db->execAndGet("PRAGMA journal_mode = WAL").getString();
    if (mode != "wal")
        return base::fail(base::errc::rejected,
            "store file " + path + ": its file system cannot share memory between processes (mode " + mode +
                ")");
    db->exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY");
    db->exec("PRAGMA journal_size_limit = 16777216");  // bytes: one large burst must not stay on the disk
    set_durability(*db, commits);
    if (is_blank(*db))
        make_tables(*db);
    const auto still_ours = check_owner(*db, path);
    if (!still_ours)
        return std::unexpected(still_ours.error());
    return db;
}

}  // namespace

bool is_busy(const SQLite::Exception& why)
{
    const int code = why.getErrorCode() & 0xff;
    return code == SQLITE_BUSY || code == SQLITE_LOCKED || code == SQLITE_PROTOCOL;
}

bool is_full(const SQLite::Exception& why) { return (why.getErrorCode() & 0xff) == SQLITE_FULL; }

bool spoils_connection(const SQLite::Exception& why)
{
    const int code = why.getErrorCode() & 0xff;
    constexpr std::array harmless{SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL, SQLITE_FULL};
    for (const int one : harmless) {
        if (code == one)
            return false;
    }
    return true;
}

base::error error_of(const std::string& path, const SQLite::Exception& why)
{
    const int code = why.getErrorCode() & 0xff;
    const bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    return {damaged ? base::errc::malformed : base::errc::unavailable,
        fmt::format("store file {}: {} (SQLite error {})", path, why.what(), why.getExtendedErrorCode())};
}

std::optional<base::result<std::unique_ptr<SQLite::Database>>> connect(
    const std::string& path, durability commits)
{
    try {
        return open_and_check(path, commits);
    } catch (const SQLite::Exception& why) {
        if (is_busy(why))
            return std::nullopt;
        return std::unexpected(error_of(path, why));
    }
}

void set_durability(SQLite::Database& db, durability commits) noexcept
{
    // Only sets a field of the connection: there is nothing in it that could fail.
    (void)db.tryExec(
        commits == durability::full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

}  // namespace gantryd::sqlite_store
