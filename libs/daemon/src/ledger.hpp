#pragma once
#include <gantryd/daemon/daemon.hpp>
#include <gantryd/runtime/dirty_flag.hpp>

#include <map>
#include <optional>
#include <string>

namespace gantryd::daemon {

/// Facts that cannot be read back from Docker, HAProxy or the store: when an instance became ready, when its
/// drain began, how often releases crashed, where links are. Written behind: nobody waits for it, and losing
/// it is harmless.
class ledger {
public:
    ledger(
        store::store& where, runtime::clock& clk, const base::logger& log, boost::asio::any_io_executor ex);

    /// Reads everything; facts of an earlier boot are forgotten. A ledger that cannot be read is an empty
    /// one.
    boost::asio::awaitable<void> load(std::string boot_id);

    /// Puts what is known of this container's past into `of`.
    void recall(planner::instance& of) const;
    void save(const planner::instance& what);
    void forget(const planner::instance& what);

    std::map<model::release_number, planner::crash_record> crashes_of(
        const model::component_name& component) const;
    void save(const model::component_name& component, model::release_number release,
        const planner::crash_record& crashes);

    /// Where component links are, by their names. These outlive a boot.
    std::map<std::string, planner::link_address> links() const;
    void save(const std::string& link, const planner::link_address& where);

    /// Writes what was saved, for ever.
    boost::asio::awaitable<void> write_behind();

private:
    void put(const std::string& key, std::optional<std::string> value);

    store::store& store_;
    runtime::clock& clk_;
    const base::logger& log_;
    std::map<std::string, std::string> known_;
    std::map<std::string, std::optional<std::string>> unwritten_;  // nothing: to be erased
    runtime::dirty_flag changed_;
};

}  // namespace gantryd::daemon
