#pragma once
#include <gantryd/control/overview.hpp>
#include <gantryd/runtime/clock.hpp>

#include <optional>
#include <string>

namespace gantryd::control {

// An operator's words about a release's way through the fleet, as transactions on the store.

/// The release that a rollback of the component takes: the one that was asked for or else the newest that was
/// live before the wanted one and differs from it.
/// Errors: not_found (no such release, nothing to go back to), rejected (the wanted one is the same, or the
/// one asked for has failed and `also_failed` is false).
base::result<model::release> rollback_target(
    const component_overview& of, std::optional<model::release_number> asked, bool also_failed);

struct rolled_back {
    model::release_number number{};  ///< the new release
    model::release from;             ///< that it takes spec and image of
};

/// Makes a new release with the spec and the image of an older one, see rollback_target(), and sets the
/// component to ready.
/// Errors: those of rollback_target(), the store's; conflict after several lost races with other writers.
boost::asio::awaitable<base::result<rolled_back>> roll_back(store::store& to, model::project_name project,
    model::component_name component, std::optional<model::release_number> asked, bool also_failed,
    std::string created_by, runtime::clock& clk, runtime::time_point deadline);

/// What a pause or its end writes: nothing when it is so already. Errors: rejected (no rollout is under way).
/// `who`: "ann@box", for people.
base::result<std::optional<model::rollout>> paused(
    const component_overview& of, std::string who, base::wall_time now);
/// After a failure with `onFailure: pause` the rollout begins anew: its verdict is `running` again, and the
/// machine that failed may try once more.
base::result<std::optional<model::rollout>> resumed(const component_overview& of, base::wall_time now);

struct hold_change {
    model::release_number release{};
    bool changed = false;  ///< false: it was so already
};

/// Keeps machines from taking slots for the wanted release (`held`), or lets them again. Who changes already
/// goes on. Errors: rejected (no rollout is under way), not_found (no such component), the store's; conflict
/// after several lost races.
boost::asio::awaitable<base::result<hold_change>> hold_rollout(store::store& to, model::project_name project,
    model::component_name component, bool held, std::string who, runtime::clock& clk,
    runtime::time_point deadline);

}  // namespace gantryd::control
