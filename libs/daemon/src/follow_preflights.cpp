// Follows what other machines say of whether they could run a release, where this one is to know it. All
// others do not read that: at each update of a large fleet every machine says something.
#include "rollout_records.hpp"

#include <gantryd/runtime/backoff.hpp>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;
using records::rollout_part;

/// What is not followed any more says nothing of the present.
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
}

/// Lists, then follows until this machine is not to know any more, or the watch fails.
boost::asio::awaitable<base::result<void>> follow_once(state& st, runtime::backoff& retry)
{
    auto prefix = records::preflights_prefix(st.what.project);
    auto all = co_await st.io.desired.list(prefix, st.io.clk.now() + 5s);
    if (!all)
        co_return std::unexpected(all.error());
    retry.reset();
    take_rollouts(st, prefix, *all);
    st.world.fleet->knows_preflights = true;
    st.dirty.set();
    const auto changes = st.io.desired.watch(std::move(prefix), all->at);
    while (st.world.fleet->wants_preflights) {
        auto next = co_await changes->next();
        if (!next)
            co_return std::unexpected(next.error());
        take_changes(st, *next);
        st.others_changed.set();
    }
    co_return base::result<void>();
}

}  // namespace

boost::asio::awaitable<void> follow_preflights(state& st)
{
    runtime::backoff retry(100ms, 10s, st.io.random);
    for (;;) {
        co_await st.preflights_wanted.wait();
        while (st.world.fleet->wants_preflights) {
            const auto done = co_await follow_once(st, retry);
            if (done || done.error().code() == base::errc::compacted)
                continue;  // that the store is away is told by who follows the components
            co_await st.io.clk.sleep_until(st.io.clk.now() + retry.next() + st.own_moment() / 3);
        }
        forget_others(st);
    }
}

}  // namespace gantryd::daemon
