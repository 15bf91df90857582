#include "rollout_records.hpp"

#include <gantryd/records/keys.hpp>
#include <gantryd/runtime/backoff.hpp>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

/// How long a start waits for the store before it makes do with what was kept of it.
constexpr auto patience_at_start = 2s;

void drop(state& st, const std::string& key, store::revision since)
{
    if (const auto part = records::parse_rollout_key(st.what.project, key)) {
        drop_rollout_part(st, *part, key, since);
        return;
    }
    const auto parsed = records::parse_component_key(st.what.project, key);
    if (!parsed)
        return;
    const auto component = st.world.components.find(parsed->component);
    if (component == st.world.components.end())
        return;
    if (parsed->release) {
        forget_release(st, component->second, *parsed->release);
        return;
    }
    // A deleted state is no order to stop: what runs goes on.
    component->second.hold = true;
    component->second.rollout.state_revision = 0;
}

void take_changes(state& st, const std::vector<store::change>& changes)
{
    for (const auto& change : changes) {
        if (change.erased)
            drop(st, change.pair.key, change.pair.modified);
        else
            take_desired(st, change.pair);
    }
    st.copy.take(changes);
}

/// A name that was mistyped would else be waited for without a word.
void tell_of_nothing(const state& st)
{
    if (!st.what.only && st.world.components.empty())
        st.io.log.info("nothing was released in the project yet", {{"project", st.what.project.text()}});
    if (st.what.only)
        for (const auto& name : *st.what.only)
            if (!st.world.components.contains(name))
                st.io.log.info("component was never released", {{"component", name.text()}});
}

/// Lists, then follows until the watch fails. The error says why.
boost::asio::awaitable<base::error> follow_once(state& st, runtime::backoff& retry)
{
    auto prefix = records::components_prefix(st.what.project);
    auto all = co_await st.io.desired.list(prefix, st.io.clk.now() + 5s);
    if (!all)
        co_return all.error();
    retry.reset();
    st.note_source(st.world.store, "store", {});
    st.copy.drop_here();
    take_components(st, *all);
    st.copy.take(prefix, *all);
    if (!st.desired_known) {
        st.io.log.info("desired state read", {{"components", st.world.components.size()}});
        tell_of_nothing(st);
    }
    st.desired_known = true;
    st.dirty.set();

    const auto changes = st.io.desired.watch(std::move(prefix), all->at);
    for (;;) {
        auto next = co_await changes->next();
        if (!next) {
            st.copy.seal();
            co_return next.error();
        }
        take_changes(st, *next);
        st.dirty.set();
    }
}

/// From now on the store itself is believed, whatever its history: the copy's revisions may be another one's.
void leave_copy(state& st)
{
    if (st.world.desired_as_of.empty())
        return;
    st.world.desired_as_of.clear();
    forget_revisions(st, "");
}

}  // namespace

void take_components(state& st, const store::snapshot& all)
{
    leave_copy(st);
    std::set<model::component_name> with_state;
    take_rollouts(st, records::components_prefix(st.what.project), all);
    for (const auto& pair : all.pairs) {
        take_desired(st, pair);
        if (const auto key = records::parse_component_key(st.what.project, pair.key); key && !key->release)
            with_state.insert(key->component);
    }
    forget_releases_not_in(st, all);
    for (auto& [name, component] : st.world.components)
        if (!with_state.contains(name)) {
            component.hold = true;
            component.rollout.state_revision = 0;
        }
}

boost::asio::awaitable<void> begin_from_copy(state& st, kept_state kept)
{
    co_await st.io.clk.sleep_until(st.io.clk.now() + patience_at_start);
    if (st.desired_known)
        co_return;
    take_components(st, kept.said);
    take_drains(st, kept.said);
    st.world.desired_as_of = base::rfc3339(kept.as_of);
    st.desired_known = true;
    if (st.world.store.error.empty())
        st.note_source(st.world.store, "store", base::fail(base::errc::timed_out, "no answer yet"));
    st.tell(happening::store_copy_used,
        "the store does not answer; gantryd goes by the copy that it kept, of " + st.world.desired_as_of);
    st.dirty.set();
}

boost::asio::awaitable<void> follow_store(state& st)
{
    runtime::backoff retry(100ms, 10s, st.io.random);
    for (;;) {
        const auto why = co_await follow_once(st, retry);
        if (why.code() == base::errc::compacted) {
            forget_revisions(st, records::components_prefix(st.what.project));
            continue;
        }
        st.note_source(st.world.store, "store", std::unexpected(why));
        co_await st.io.clk.sleep_until(st.io.clk.now() + retry.next() + st.own_moment() / 3);
    }
}

}  // namespace gantryd::daemon
