#pragma once
#include <gantryd/planner/world.hpp>

#include <optional>
#include <string>
#include <vector>

namespace gantryd::planner {

// Before the first machine of a fleet is touched by a release, every machine that is awaited has fetched its
// image and found nothing that would keep it from running. A machine alone tries at once.

/// True when no other machine is awaited: there is nobody to wait for.
bool is_alone(const world& in, const component& of);

/// True when the machine has found that it could run the wanted release.
bool is_prepared(const component& of, const model::machine_id& machine);

/// True when this machine has to find out whether it could run the wanted release, and may have to tell.
bool has_to_prepare(const world& in, const component& of);

/// True when this machine is to know what the others say of the wanted release. The first machines in the
/// line for a slot always are. Those behind them, in their turn, are when the first slot has not been taken
/// for so long that the ones before them may be in trouble; and so is who passes its slot on. `wake_at` is
/// moved to when time alone changes that.
bool follows_preflights(const world& in, const component& of, std::optional<time_point>& wake_at);

/// True while no machine may take the first slot, because an awaited one is not prepared. Who does not know
/// what the others say takes it so: whoever does begins, and that is told to all.
bool waits_for_preflights(const world& in, const component& of);

/// Awaited machines that are not known to be prepared, while no machine has begun with the wanted release;
/// after that, and where this machine is alone, nobody.
std::vector<model::machine_id> unprepared(const world& in, const component& of);

/// False while this machine must not begin with the wanted release, because it, or before the first one has
/// begun another one, is not prepared. `wake_at` is moved to when time alone changes that.
bool is_cleared(const world& in, const component& of, std::optional<time_point>& wake_at);

/// When the wanted release fails if unprepared() still names somebody; nothing when it waits as long as that
/// takes, because nothing was live before, by its rule, or by an operator's pause.
std::optional<time_point> preparation_deadline(const component& of);

/// What is known of machines that are not prepared: "beta (m2): port 8888 is taken by nc (pid 7)". With
/// `only_obstacles` nothing of those that are at work.
std::string text_of_unprepared(const world& in, const component& of, bool only_obstacles);

}  // namespace gantryd::planner
