#pragma once
#include <gantryd/planner/world.hpp>

#include <map>
#include <string_view>
#include <vector>

namespace gantryd::planner {

// The work of a machine that is drained moves to others, start first. Nobody commands it: all machines find
// the same assignment in what the store says of the fleet, and who has instances that others are to carry
// lets go of them when those others report that they serve. Then nothing is lost when anybody ends midway.

/// A drained machine without instances takes its work back when those who carry it have been short of it for
/// so long: longer than the restart of a gantryd, or of a container.
inline constexpr std::chrono::seconds take_back_after{20};

/// How long a drained machine waits for one that is to do its work and tells of an obstacle, before it passes
/// that one over. It doubles each time that the same one was passed over, up to 32 times as long.
inline constexpr std::chrono::seconds carrier_patience{20};

using shares = std::map<model::machine_id, int>;

/// How many instances each machine is to carry for others: as many as every machine has of its own, for each
/// one that is drained or has not got its work back. They are spread over the machines that are there, or
/// were within `lostAfter`, and take work; those that a drained machine has passed over come last for it.
/// Goes by the fleet, the drain marks and the wanted release alone, so that it is the same everywhere, and
/// the load that it makes does not change it. Empty when there is nothing to carry, or nobody who could.
shares carriers_of(const world& in, const component& of);

/// One that is to carry instances of this machine, which is drained, does not, and says what keeps it from
/// it.
struct stuck_carrier {
    model::machine_id machine;
    work_view work;
    time_point passed_over_at{};
};
/// None while there is nobody else to ask.
std::vector<stuck_carrier> stuck_carriers(const world& in, const component& of);

/// True for the codes of reasons that keep a machine from serving and do not pass by waiting, as far as
/// anybody knows.
bool is_obstacle(std::string_view code);

/// True when the machine reports that it serves all that it is asked for, `share` instances for others among
/// that, and is not in the middle of a change.
bool carries(const world& in, const component& of, const model::machine_id& machine, int share);

/// How many instances of the release that is to run here are to serve here.
int instances_asked(const component& of);

/// Components with instances here that use links of this one, as long as it would be first to go: those that
/// need each other do not wait for each other.
std::vector<model::component_name> users_here(const world& in, const component& of);

/// Adds to the task of each component what moves between machines. Called by assign_releases().
void assign_moves(world& in);

}  // namespace gantryd::planner
