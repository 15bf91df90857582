#pragma once
#include <gantryd/control/overview.hpp>

#include <functional>
#include <optional>

namespace gantryd::control {

/// How often a transaction that another writer was faster than is tried.
inline constexpr int most_races = 5;

/// What is to be written, by what the store says now; nothing when it is well as it is.
using decision = std::function<base::result<std::optional<store::transaction>>(const project_overview& all)>;

/// Reads the project, decides and commits; anew when somebody else was first. What `decide` refers to has to
/// live until then.
/// Errors: those of `decide`, conflict (somebody was first each time), and the store's.
boost::asio::awaitable<base::result<void>> change_project(
    store::store& to, model::project_name project, decision decide, runtime::time_point deadline);

}  // namespace gantryd::control
