#pragma once
#include <gantryd/daemon/daemon.hpp>
#include <gantryd/model/event.hpp>
#include <gantryd/runtime/dirty_flag.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>

namespace gantryd::daemon {

/// This machine's history in the store: the newest events, numbered without end, also across restarts.
/// Written behind: nobody waits for it. While the store is away events wait in a queue of limited length.
class event_log {
public:
    /// How many events of a machine and project are kept, in the store and in the queue.
    static constexpr std::size_t most_kept = 1000;

    struct identity {
        model::project_name project;
        model::machine_id machine;
        /// How long a write may wait, so that not all machines write at once.
        std::function<base::duration()> pause = [] { return base::duration(); };
    };

    event_log(store::store& where, runtime::clock& clk, const base::logger& log, identity whose,
        boost::asio::any_io_executor ex);

    /// Adds an event; its number and machine are filled in here. Returns at once.
    void add(model::event what);

    /// Writes what was added, for ever. Cancelled, it tries for a moment to write what is left.
    boost::asio::awaitable<void> write_behind();

private:
    // `limit`: for each call of the store.

    /// Finds out what is in the store already. Errors: the store's.
    boost::asio::awaitable<base::result<void>> read_numbers(runtime::duration limit);
    /// Writes the oldest that wait, and erases as many that are too old. Errors: the store's.
    boost::asio::awaitable<base::result<void>> write_some(runtime::duration limit);
    boost::asio::awaitable<base::result<void>> write_all(runtime::duration limit);
    store::transaction next_batch(std::size_t size) const;
    model::event note_of_loss() const;

    store::store& store_;
    runtime::clock& clk_;
    const base::logger& log_;
    const identity whose_;
    std::deque<model::event> waiting_;
    std::size_t lost_ = 0;
    std::optional<std::deque<std::int64_t>> kept_;  ///< numbers in the store, in order; absent: not known
    runtime::dirty_flag changed_;
};

}  // namespace gantryd::daemon
