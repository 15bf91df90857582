#pragma once
#include "state.hpp"

namespace gantryd::daemon {

/// Keys that a machine follows only while it is to know them.
struct passing_interest {
    std::string prefix;
    bool (*is_wanted)(const state&);
    void (*take_all)(state&, const store::snapshot&);
    void (*take_changes)(state&, const std::vector<store::change>&);
    void (*forget)(state&);  ///< what is not followed any more says nothing of the present
};

/// Lists and follows the keys whenever they are wanted, from the time that `asked` is set. Never returns.
boost::asio::awaitable<void> follow_while_wanted(
    state& st, runtime::dirty_flag& asked, passing_interest what);

}  // namespace gantryd::daemon
