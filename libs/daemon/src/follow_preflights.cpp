// Follows what other machines say of whether they could run a release, where this one is to know it. All
// others do not read that: at each update of a large fleet every machine says something.
#include "follow_while.hpp"
#include "rollout_records.hpp"

namespace gantryd::daemon {
namespace {

using records::rollout_part;

void forget_others(state& st)
{
    const auto& me = st.what.machine;
    st.world.fleet->knows_preflights = false;
    for (auto& [name, of] : st.world.components)
        std::erase_if(of.rollout.preflights, [&](const auto& entry) { return entry.first != me; });
    std::erase_if(st.rollout_revisions, [&](const auto& entry) {
        const auto part = records::parse_rollout_key(st.what.project, entry.first);
        return part && part->what == rollout_part::kind::preflight && part->machine != me;
    });
}

void take_changes(state& st, const std::vector<store::change>& changes)
{
    for (const auto& change : changes) {
        if (!change.erased)
            take_desired(st, change.pair);
        else if (const auto part = records::parse_rollout_key(st.what.project, change.pair.key))
            drop_rollout_part(st, *part, change.pair.key, change.pair.modified);
    }
    st.others_changed.set();
}

void take_all(state& st, const store::snapshot& all)
{
    take_rollouts(st, records::preflights_prefix(st.what.project), all);
    st.world.fleet->knows_preflights = true;
}

bool wants_preflights(const state& st) { return st.world.fleet->wants_preflights; }

}  // namespace

boost::asio::awaitable<void> follow_preflights(state& st)
{
    passing_interest what{
        records::preflights_prefix(st.what.project), wants_preflights, take_all, take_changes, forget_others};
    co_await follow_while_wanted(st, st.preflights_wanted, std::move(what));
}

}  // namespace gantryd::daemon
