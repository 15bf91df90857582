#pragma once
#include <cstdint>

namespace gantryd::simulation {

/// Has each machine's daemon die before and after every single action of a rollout, a move of a machine's
/// work, a stop and a heal, and start again; each time the town has to keep its promises and get done. An
/// action is a call of Docker or HAProxy that changes something, or a write to the store or the ledger.
/// Prints how many points there were. The program's exit code: 1 at the first one that fails, with its story.
/// Of the points only every `every`-th one is tried.
int try_crash_points(std::uint64_t seed, std::uint64_t every = 1);

}  // namespace gantryd::simulation
