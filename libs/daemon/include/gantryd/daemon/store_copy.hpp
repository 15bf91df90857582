#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/base/time.hpp>
#include <gantryd/model/ids.hpp>
#include <gantryd/runtime/clock.hpp>
#include <gantryd/store/store.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <set>
#include <string>

namespace gantryd::daemon {

/// Whose words are kept. A store is known by where it is reached: one address in common makes it the same.
struct copy_subject {
    model::project_name project;
    std::set<std::string> members;  ///< "http://10.0.0.1:2379"; empty: nothing is kept
};

/// What a daemon has kept on its machine of what its store said.
struct kept_state {
    /// The components with their releases and rollouts, and which machines drain. After the store has gone
    /// also what this machine would tell it: its presence and its reports, at revision 0.
    store::snapshot said;
    base::wall_time as_of{};  ///< until when the store was heard
};

/// Reads the copy from a daemon's ledger. Nothing when there is none, or only one of another project or
/// store.
/// Errors: malformed (something in it makes no sense: all of it is of no use), and the ledger's.
boost::asio::awaitable<base::result<std::optional<kept_state>>> read_copy(
    store::store& ledger, copy_subject of, runtime::time_point deadline);

}  // namespace gantryd::daemon
