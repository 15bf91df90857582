#pragma once
#include <gantryd/daemon/daemon.hpp>
#include <gantryd/runtime/dirty_flag.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantryd::daemon {

/// Facts that cannot be read back from Docker, HAProxy or the store: when an instance became ready, when its
/// drain began, how often releases crashed, where links are. Written behind: who has to know that a fact is
/// kept waits for written(), and losing the others is harmless.
class ledger {
public:
    ledger(
        store::store& where, runtime::clock& clk, const base::logger& log, boost::asio::any_io_executor ex);

    /// Reads everything; facts of an earlier boot are forgotten. A ledger that cannot be read is an empty
    /// one.
    boost::asio::awaitable<void> load(std::string boot_id);

    /// Puts what is known of this container's past into `of`. False when that is nothing: it did not begin in
    /// this boot of the machine, or the ledger was lost.
    bool recall(planner::instance& of) const;
    void save(const planner::instance& what);
    void forget(const planner::instance& what);

    std::map<model::release_number, planner::crash_record> crashes_of(
        const model::component_name& component) const;
    void save(const model::component_name& component, model::release_number release,
        const planner::crash_record& crashes);

    void forget(const model::component_name& component, model::release_number release);

    /// What the presence of the last daemons with this ledger may say. It outlives a boot.
    std::set<std::string> sessions() const;
    void save_sessions(const std::set<std::string>& sessions);

    /// Where component links are, by their names. These outlive a boot.
    std::map<std::string, planner::link_address> links() const;
    void save(const std::string& link, const planner::link_address& where);

    /// Suspends until everything that was saved before the call survives the end of this process.
    /// Errors: timed_out. Cancellation: terminal.
    boost::asio::awaitable<base::result<void>> written(runtime::time_point deadline);

    /// Writes what was saved, for ever; `on_result` hears how each write went.
    boost::asio::awaitable<void> write_behind(std::function<void(const base::result<void>&)> on_result);

private:
    /// A value that waits to be written. Saves are counted, so that one can ask whether they are written.
    struct waiting {
        std::optional<std::string> value;  ///< nothing: to be erased
        std::uint64_t first = 0;           ///< the oldest save of this key that is not written
        std::uint64_t last = 0;            ///< the newest
    };
    void put(const std::string& key, std::optional<std::string> value);
    store::transaction next_batch() const;
    /// The newest save of each key of a batch.
    std::map<std::string, std::uint64_t> saves_in(const store::transaction& batch) const;
    void note_written(const std::map<std::string, std::uint64_t>& batch);
    bool is_written(std::uint64_t save) const;
    boost::asio::awaitable<base::result<bool>> until_written(std::uint64_t save);

    store::store& store_;
    runtime::clock& clk_;
    const base::logger& log_;
    std::map<std::string, std::string> known_;
    std::map<std::string, waiting> unwritten_;
    std::uint64_t saves_ = 0;
    std::vector<runtime::dirty_flag*> waiters_;  // set after each write
    boost::asio::any_io_executor ex_;
    runtime::dirty_flag changed_;
};

}  // namespace gantryd::daemon
