#pragma once
#include <gantryd/planner/world.hpp>

#include <optional>
#include <string>

namespace gantryd::planner {

// One release at a time goes through the fleet: a machine that is to change from what it runs to something
// else takes one of the rollout's slots first, and frees it when the change is done. Going back takes slots,
// too.

/// How long a daemon that has just begun may take to become a member of the fleet: so long an empty machine
/// waits for the slot that it may get.
inline constexpr std::chrono::seconds longest_entry{5};

/// Null when nothing is wanted, or the store does not know the release.
const model::release* wanted_release(const component& of);

/// True when the machine has changed to the release, and has changed to nothing else since.
bool has_changed_to(const component& of, const model::machine_id& machine, model::release_number release);

/// True while no machine may take a slot, by the word of an operator or of a rule.
bool is_halted(const model::rollout& record);

/// True while the wanted release is on its way through the fleet, as far as nobody has halted it.
bool is_under_way(const component& of);

/// True when the release's rollout ended with a failure, and machines that have it go back.
bool is_stopped(const component& of, model::release_number release);

/// The newest release before `than` that was live; null when there is none.
const model::release* newest_live_before(const component& of, model::release_number than);

/// The slot that this machine holds, whether it may use it or not; nothing when it holds none.
std::optional<int> own_slot(const world& in, const component& of);

/// True when that machine holds one.
bool holds_slot(const component& of, const model::machine_id& machine);

/// The rules by which the wanted release is rolled out; the defaults where the store does not know it.
const model::rollout_policy& policy_of(const component& of);

/// The record of the wanted release's rollout; null before a machine has begun it.
const model::rollout* record_of(const component& of);

/// Until when this machine may act on a slot with these rules, should the store not hear of it any more.
/// Others pass it over `lost_after` after its presence has ended, which is later by a lease.
/// Nothing when its presence was never confirmed, or another process has its id.
std::optional<time_point> slots_usable_until(const fleet& machines, const model::rollout_policy& rules);

/// True when the machine's daemon looks after the component, or did when it was seen last.
bool looks_after(const machine_view& machine, const model::component_name& component);

/// A machine's name for people: "beta (m2)".
std::string name_of(const fleet& in, const model::machine_id& machine);

/// How many machines may change at a time, by the rules of the wanted release and the machines that there
/// are.
int slots_by_rule(const world& in, const component& of);

/// How many may in this rollout: what held when the first of them began.
int slots_of(const world& in, const component& of);

/// A machine that has to be done before the rollout is: it is there, or was a moment ago, and takes work.
bool is_awaited(const world& in, const machine_view& machine, const component& of);

/// The release of a component that this machine is to run: the wanted one, when it holds a slot for it, or
/// runs it already; else what it runs. With nothing there it starts with the newest good one. After a failure
/// that is the release that was live before.
duty duty_of(const world& in, const component& of);

/// Gives every component of a fleet's machine its task. To be called before make_plan().
void assign_releases(world& in);

/// The release that this machine is on its way to, whether it may change now or not; null when there is none.
const model::release* goal_of(const component& of);

/// True when this machine has to change to that release, or to show that it has.
bool needs_slot(const world& in, const component& of, const model::release& goal);

/// The slot that this machine may take now; nothing when it may take none, or needs none.
/// `wake_at` is moved to when time alone changes that.
std::optional<int> claimable_slot(const world& in, const component& of, std::optional<time_point>& wake_at);

/// Since when a slot's holder is away; nothing while it is there.
std::optional<time_point> holder_gone_since(const world& in, const slot_claim& slot);

}  // namespace gantryd::planner
