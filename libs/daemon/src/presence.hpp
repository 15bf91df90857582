#pragma once
#include "state.hpp"

#include <gantryd/model/report.hpp>

#include <optional>

namespace gantryd::daemon {

/// Keeps this machine's presence in the store, under a lease. Only one process may have a machine's id: a
/// predecessor's presence that was left behind is taken over, anybody else's is respected.
class presence {
public:
    /// How long it outlives a daemon that dies.
    static constexpr auto time_to_live = std::chrono::seconds(15);

    explicit presence(state& st) : st_(st) {}

    /// For ever; ends the lease at the end.
    boost::asio::awaitable<void> keep();

private:
    boost::asio::awaitable<void> keep_on();
    /// Errors: conflict (another process has the id; told), and the store's.
    boost::asio::awaitable<base::result<store::lease_id>> announce();
    /// The host of whoever else has the id, going by the presence that is there; empty when nobody has.
    std::string holder_of(const store::key_value& there) const;
    /// The store has agreed to a question of that time.
    void confirm(base::time_point asked_at);
    void note_failure(const base::error& why);
    model::machine_report report() const;

    state& st_;
    base::wall_time began_at_{};
    bool was_there_ = false;  ///< our presence has been in the store since we began
};

/// Notes that another process has this machine's id, and on which host; an empty one: nobody has.
void note_id_holder(state& st, const std::string& host);

}  // namespace gantryd::daemon
