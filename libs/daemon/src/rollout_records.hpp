#pragma once
#include "state.hpp"

#include <gantryd/records/keys.hpp>

namespace gantryd::daemon {

// What the store says of components, put into the world: by whoever watches it, and by whoever has just written
// it.

/// Takes a pair under components_prefix(): a state, a release or a part of a rollout. A value that makes no
/// sense leaves what was there before.
void take_desired(state& st, const store::key_value& pair);

/// A part of a rollout is no longer there, since that revision.
void drop_rollout_part(
    state& st, const records::rollout_part& what, const std::string& key, store::revision since);

/// Drops the parts of rollouts that a list of everything does not have.
void drop_missing_parts(state& st, const store::snapshot& all);

}  // namespace gantryd::daemon
