#pragma once
#include <gantryd/sqlite_store/sqlite_store.hpp>
#include <gantryd/store/store.hpp>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <optional>
#include <string>
#include <vector>

namespace gantryd::sqlite_store {

/// What a watcher wants to know.
struct look {
    std::vector<store::change> changes;
    store::revision at{};                           ///< everything up to here is in `changes` or was before
    std::optional<runtime::time_point> lease_ends;  ///< when to look again at the latest
};

/// The store's data in a database's tables: synchronous, and time comes in as an argument.
/// Every function may throw SQLite::Exception; nothing has been written then.
class tables {
public:
    tables(SQLite::Database& db, std::string boot, const options& how);

    /// Ends the leases that are over, in a transaction of its own. True when there were some.
    bool expire(runtime::time_point now);

    std::optional<store::key_value> get(const std::string& key);
    store::snapshot list(const std::string& prefix);

    /// Precondition: validate(what). Errors: conflict, rejected (an unknown lease).
    base::result<store::revision> commit(const store::transaction& what);

    store::lease_id grant(std::chrono::seconds ttl, runtime::time_point now);
    /// False: there is no such lease.
    bool keep_alive(store::lease_id lease, runtime::time_point now);
    bool revoke(store::lease_id lease);

    /// Changes under `prefix` after `after`. Errors: compacted.
    base::result<look> changes(const std::string& prefix, store::revision after);

private:
    struct state {
        std::int64_t revision = 0;
        std::int64_t compacted = 0;
    };
    struct versions {
        std::int64_t created = 0;
        std::int64_t modified = 0;
    };

    state read_state();
    versions versions_of(const std::string& key);
    bool is_lease(store::lease_id lease);
    std::optional<std::int64_t> next_end();
    base::result<bool> check(const store::transaction& what);
    void put(const store::operation& write, std::int64_t at);
    void erase(const std::string& key, std::int64_t at);
    void log(const store::operation& write, std::int64_t created, std::int64_t at);
    void end(store::lease_id lease);
    void move_to(std::int64_t revision, const state& from);

    SQLite::Database& db_;
    std::string boot_;
    std::int64_t history_limit_;
    durability commits_;

    SQLite::Statement state_;
    SQLite::Statement set_state_;
    SQLite::Statement pair_;
    SQLite::Statement versions_;
    SQLite::Statement list_;
    SQLite::Statement list_to_the_end_;
    SQLite::Statement put_;
    SQLite::Statement erase_;
    SQLite::Statement log_;
    SQLite::Statement changes_;
    SQLite::Statement forget_;
    SQLite::Statement next_end_;
    SQLite::Statement ended_leases_;
    SQLite::Statement lease_;
    SQLite::Statement grant_;
    SQLite::Statement keep_alive_;
    SQLite::Statement remove_lease_;
    SQLite::Statement keys_of_lease_;
};

}  // namespace gantryd::sqlite_store
