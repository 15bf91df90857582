#include "tables.hpp"

#include "connection.hpp"

#include <gantryd/store/rules.hpp>

#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Transaction.h>
#include <sqlite3.h>

#include <algorithm>
#include <utility>

namespace gantryd::sqlite_store {
namespace {

using store::key_value;
using store::lease_id;
using store::operation;
using store::revision;

/// One use of a prepared statement: an open one would keep its read transaction, and with it the log, alive.
class query {
public:
    explicit query(SQLite::Statement& statement) : statement_(statement) {}
    query(const query&) = delete;
    query& operator=(const query&) = delete;
    ~query() { (void)statement_.tryReset(); }

    query& with(int index, std::int64_t number)
    {
        statement_.bind(index, number);
        return *this;
    }
    /// `bytes` must live until the use is over.
    query& with(int index, const std::string& bytes)
    {
        statement_.bindNoCopy(index, static_cast<const void*>(bytes.data()), static_cast<int>(bytes.size()));
        return *this;
    }
    query& with_text(int index, const std::string& text)
    {
        statement_.bind(index, text);
        return *this;
    }

    bool next() { return statement_.executeStep(); }
    void run() { (void)statement_.exec(); }
    int rows_changed() { return statement_.exec(); }
    bool is_null(int column) { return statement_.isColumnNull(column); }
    std::int64_t number(int column) { return statement_.getColumn(column).getInt64(); }
    std::string bytes(int column)
    {
        const auto value = statement_.getColumn(column);
        const auto size = static_cast<std::size_t>(value.getBytes());
        return size == 0 ? std::string() : std::string(static_cast<const char*>(value.getBlob()), size);
    }

private:
    SQLite::Statement& statement_;
};

/// Commits without waiting for the disk, while it lives.
class relaxed_commits {
public:
    relaxed_commits(SQLite::Database& db, durability afterwards) : db_(db), afterwards_(afterwards)
    {
        if (afterwards_ != durability::relaxed)
            set_durability(db_, durability::relaxed);
    }
    relaxed_commits(const relaxed_commits&) = delete;
    relaxed_commits& operator=(const relaxed_commits&) = delete;
    ~relaxed_commits()
    {
        if (afterwards_ != durability::relaxed)
            set_durability(db_, afterwards_);
    }

private:
    SQLite::Database& db_;
    durability afterwards_;
};

std::int64_t milliseconds(runtime::time_point when)
{
    return std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

/// Rounded up: a lease never ends early.
std::int64_t end_of_lease(runtime::time_point now, std::chrono::milliseconds ttl)
{
    return std::chrono::ceil<std::chrono::milliseconds>(now.time_since_epoch()).count() + ttl.count();
}

runtime::time_point time_of(std::int64_t ms)
{
    constexpr auto last = std::chrono::floor<std::chrono::milliseconds>(runtime::duration::max());
    return runtime::time_point(std::min(std::chrono::milliseconds(ms), last));
}

/// A transaction that only reads: both reads see the same revision.
using snapshot_of = SQLite::Transaction;
/// Far from overflow, and longer than any disk.
constexpr std::size_t longest_history = 1'000'000'000'000;

constexpr auto immediate = SQLite::TransactionBehavior::IMMEDIATE;

}  // namespace

tables::tables(SQLite::Database& db, std::string boot, const options& how)
    : db_(db),
      boot_(std::move(boot)),
      history_limit_(static_cast<std::int64_t>(std::min(how.history_limit, longest_history))),
      commits_(how.commits),
      state_(db, "SELECT revision, compacted FROM state"),
      set_state_(db, "UPDATE state SET revision = ?1, compacted = ?2"),
      pair_(db, "SELECT key, value, created, modified, lease FROM pairs WHERE key = ?1"),
      versions_(db, "SELECT created, modified FROM pairs WHERE key = ?1"),
      list_(db,
          "SELECT key, value, created, modified, lease FROM pairs WHERE key >= ?1 AND key < ?2 ORDER BY key"),
      list_to_the_end_(
          db, "SELECT key, value, created, modified, lease FROM pairs WHERE key >= ?1 ORDER BY key"),
      put_(db, "INSERT INTO pairs (key, value, created, modified, lease) VALUES (?1, ?2, ?3, ?4, ?5) "
               "ON CONFLICT (key) DO UPDATE SET value = ?2, modified = ?4, lease = ?5"),
      erase_(db, "DELETE FROM pairs WHERE key = ?1"),
      log_(db, "INSERT INTO changes (revision, erased, key, value, created, lease) "
               "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
      changes_(db, "SELECT key, value, created, revision, lease, erased FROM changes "
                   "WHERE revision > ?1 AND substr(key, 1, length(?2)) = ?2 ORDER BY revision, id"),
      forget_(db, "DELETE FROM changes WHERE revision <= ?1"),
      next_end_(db, "SELECT min(CASE WHEN boot = ?1 THEN ends_ms ELSE 0 END) FROM leases"),
      ended_leases_(db, "SELECT id FROM leases WHERE boot <> ?1 OR ends_ms <= ?2 ORDER BY ends_ms, id"),
      lease_(db, "SELECT 1 FROM leases WHERE id = ?1"),
      grant_(db, "INSERT INTO leases (ttl_ms, ends_ms, boot) VALUES (?1, ?2, ?3)"),
      keep_alive_(db, "UPDATE leases SET ends_ms = ?2 + ttl_ms WHERE id = ?1"),
      remove_lease_(db, "DELETE FROM leases WHERE id = ?1"),
      keys_of_lease_(db, "SELECT key FROM pairs WHERE lease = ?1 AND lease <> 0 ORDER BY key")
{
}

tables::state tables::read_state()
{
    query q(state_);
    if (!q.next())
        throw SQLite::Exception("the table 'state' is empty", SQLITE_CORRUPT);
    return {q.number(0), q.number(1)};
}

tables::versions tables::versions_of(const std::string& key)
{
    query q(versions_);
    q.with(1, key);
    if (!q.next())
        return {};
    return {q.number(0), q.number(1)};
}

bool tables::is_lease(lease_id lease)
{
    query q(lease_);
    return q.with(1, std::to_underlying(lease)).next();
}

std::optional<std::int64_t> tables::next_end()
{
    query q(next_end_);
    q.with_text(1, boot_);
    if (!q.next() || q.is_null(0))
        return std::nullopt;
    return q.number(0);
}

bool tables::expire(runtime::time_point now)
{
    const auto first = next_end();
    if (!first || *first > milliseconds(now))
        return false;
    SQLite::Transaction write(db_, immediate);
    std::vector<lease_id> ended;
    {
        query q(ended_leases_);
        q.with_text(1, boot_).with(2, milliseconds(now));
        while (q.next())
            ended.push_back(lease_id{q.number(0)});
    }
    for (const auto lease : ended)
        end(lease);
    write.commit();
    return !ended.empty();
}

std::optional<key_value> tables::get(const std::string& key)
{
    query q(pair_);
    q.with(1, key);
    if (!q.next())
        return std::nullopt;
    return key_value{key, q.bytes(1), revision{q.number(2)}, revision{q.number(3)}, lease_id{q.number(4)}};
}

store::snapshot tables::list(const std::string& prefix)
{
    snapshot_of one_revision(db_);
    store::snapshot out;
    out.at = revision{read_state().revision};
    const auto end = store::end_of_prefix(prefix);
    query q(end ? list_ : list_to_the_end_);
    q.with(1, prefix);
    if (end)
        q.with(2, *end);
    while (q.next())
        out.pairs.push_back(
            {q.bytes(0), q.bytes(1), revision{q.number(2)}, revision{q.number(3)}, lease_id{q.number(4)}});
    return out;
}

base::result<bool> tables::check(const store::transaction& what)
{
    for (const auto& condition : what.conditions) {
        const auto found = versions_of(condition.key);
        const bool by_creation = condition.what == store::compare::target::created;
        if ((by_creation ? found.created : found.modified) != std::to_underlying(condition.equals))
            return base::fail(base::errc::conflict, "key " + condition.key + " has changed");
    }
    bool changes_something = false;
    for (const auto& write : what.operations) {
        const bool is_put = write.what == operation::kind::put;
        if (is_put && write.lease != lease_id{} && !is_lease(write.lease))
            return base::fail(base::errc::rejected, "key " + write.key + ": its lease does not exist");
        changes_something = changes_something || is_put || versions_of(write.key).created != 0;
    }
    return changes_something;
}

base::result<revision> tables::commit(const store::transaction& what)
{
    SQLite::Transaction write(db_, immediate);
    const auto changes_something = check(what);
    if (!changes_something)
        return std::unexpected(changes_something.error());
    const auto from = read_state();
    if (!*changes_something)
        return revision{from.revision};
    const auto at = from.revision + 1;
    for (const auto& one : what.operations) {
        if (one.what == operation::kind::put)
            put(one, at);
        else
            erase(one.key, at);
    }
    move_to(at, from);
    write.commit();
    return revision{at};
}

void tables::put(const operation& write, std::int64_t at)
{
    const auto found = versions_of(write.key);
    const auto created = found.created == 0 ? at : found.created;
    query q(put_);
    q.with(1, write.key).with(2, write.value).with(3, created).with(4, at);
    q.with(5, std::to_underlying(write.lease)).run();
    log(write, created, at);
}

void tables::erase(const std::string& key, std::int64_t at)
{
    query q(erase_);
    if (q.with(1, key).rows_changed() > 0)
        log({operation::kind::erase, key, "", {}}, 0, at);
}

void tables::log(const operation& write, std::int64_t created, std::int64_t at)
{
    query q(log_);
    q.with(1, at)
        .with(2, write.what == operation::kind::erase ? 1 : 0)
        .with(3, write.key)
        .with(4, write.value);
    q.with(5, created).with(6, std::to_underlying(write.lease)).run();
}

void tables::end(lease_id lease)
{
    std::vector<std::string> keys;
    {
        query q(keys_of_lease_);
        q.with(1, std::to_underlying(lease));
        while (q.next())
            keys.push_back(q.bytes(0));
    }
    query(remove_lease_).with(1, std::to_underlying(lease)).run();
    if (keys.empty())
        return;
    const auto from = read_state();
    for (const auto& key : keys)
        erase(key, from.revision + 1);
    move_to(from.revision + 1, from);
}

void tables::move_to(std::int64_t to, const state& from)
{
    // In steps: to forget a little at every commit would write an old page each time.
    auto compacted = from.compacted;
    if (to - compacted > history_limit_ + history_limit_ / 8) {
        compacted = to - history_limit_;
        query(forget_).with(1, compacted).run();
    }
    query(set_state_).with(1, to).with(2, compacted).run();
}

lease_id tables::grant(std::chrono::seconds ttl, runtime::time_point now)
{
    const std::chrono::milliseconds time(ttl);
    SQLite::Transaction write(db_, immediate);
    query(grant_).with(1, time.count()).with(2, end_of_lease(now, time)).with_text(3, boot_).run();
    const lease_id made{db_.getLastInsertRowid()};
    write.commit();
    return made;
}

bool tables::keep_alive(lease_id lease, runtime::time_point now)
{
    // What a power failure may take with it here is worth nothing afterwards: all leases end with the
    // machine.
    const relaxed_commits for_now(db_, commits_);
    SQLite::Transaction write(db_, immediate);
    query q(keep_alive_);
    const auto start = end_of_lease(now, std::chrono::milliseconds(0));
    const bool found = q.with(1, std::to_underlying(lease)).with(2, start).rows_changed() > 0;
    if (found)
        write.commit();
    return found;
}

bool tables::revoke(lease_id lease)
{
    SQLite::Transaction write(db_, immediate);
    if (!is_lease(lease))
        return false;
    end(lease);
    write.commit();
    return true;
}

base::result<look> tables::changes(const std::string& prefix, revision after)
{
    snapshot_of one_revision(db_);
    const auto now = read_state();
    const auto from = std::to_underlying(after);
    if (from < now.compacted)
        return base::fail(base::errc::compacted, "the history after revision " + std::to_string(from) +
                                                     " is forgotten up to " + std::to_string(now.compacted));
    if (from > now.revision)
        return base::fail(base::errc::compacted, "the store is at revision " + std::to_string(now.revision) +
                                                     ", before " + std::to_string(from) +
                                                     ": it was replaced by an older one");
    look out;
    out.at = revision{now.revision};
    if (const auto end = next_end())
        out.lease_ends = time_of(*end);
    if (from == now.revision)
        return out;
    query q(changes_);
    q.with(1, from).with(2, prefix);
    while (q.next()) {
        key_value pair{
            q.bytes(0), q.bytes(1), revision{q.number(2)}, revision{q.number(3)}, lease_id{q.number(4)}};
        out.changes.push_back({q.number(5) != 0, std::move(pair)});
    }
    return out;
}

}  // namespace gantryd::sqlite_store
