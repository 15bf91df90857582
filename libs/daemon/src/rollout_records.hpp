#pragma once
#include "state.hpp"

#include <gantryd/records/keys.hpp>

#include <string_view>

namespace gantryd::daemon {

// What the store says of components, put into the world: by whoever watches it, and by whoever has just
// written it.

/// Takes a pair under components_prefix() or preflights_prefix(): a state, a release or a part of a rollout.
/// A value that makes no sense leaves what was there before.
void take_desired(state& st, const store::key_value& pair);

/// The store no longer has the release. It is forgotten here with its failures, but for one of the newest
/// twenty, the wanted one, and one that runs here: that a store was lost is no reason to forget what goes on.
void forget_release(state& st, planner::component& of, model::release_number number);

/// The same for all that a list of everything under components_prefix() does not have.
void forget_releases_not_in(state& st, const store::snapshot& all);

/// A part of a rollout is no longer there, since that revision.
void drop_rollout_part(
    state& st, const records::rollout_part& what, const std::string& key, store::revision since);

/// Takes the parts of rollouts in a list of everything under a prefix, and drops those of that prefix that it
/// does not have.
void take_rollouts(state& st, std::string_view prefix, const store::snapshot& all);

/// What is listed next under the prefix is news, whatever its revisions: the store may have been put back
/// from a backup, and count anew. To be called before that list is asked for.
void forget_revisions(state& st, std::string_view prefix);

}  // namespace gantryd::daemon
