#include "state.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>
#include <gantryd/runtime/backoff.hpp>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

/// Takes one pair of the store into the world. A value that makes no sense leaves what was there before.
void take(state& st, const store::key_value& pair)
{
    const auto key = records::parse_component_key(st.what.project, pair.key);
    if (!key || !st.is_ours(key->component))
        return;
    auto [at, is_new] = st.world.components.try_emplace(key->component);
    auto& component = at->second;
    if (is_new) {
        component.name = key->component;
        component.crashes = st.memory.crashes_of(component.name);
        component.hold = true;  // until its state is read
    }
    if (key->release) {
        auto release = records::decode_release(pair.value);
        if (!release) {
            st.tell({.what = happening::record_unreadable,
                .component = key->component,
                .release = key->release,
                .text = pair.key + ": " + release.error().context()});
            return;
        }
        component.releases[*key->release] = std::make_shared<const model::release>(std::move(*release));
        return;
    }
    const auto wish = records::decode_component_state(pair.value);
    if (!wish) {
        st.tell({.what = happening::record_unreadable,
            .component = key->component,
            .text = pair.key + ": " + wish.error().context()});
        return;
    }
    const bool changed = component.intent != wish->status || component.wanted != wish->release;
    if (changed || is_new)
        component.wished_at = st.io.clk.now();
    component.intent = wish->status;
    component.wanted = wish->release;
    component.hold = st.what.hold.contains(component.name);
    if (changed || is_new)
        st.tell({.what = happening::desired_changed,
            .component = component.name,
            .release = wish->release,
            .text = std::string(text_of(wish->status))});
}

void drop(state& st, const std::string& key)
{
    const auto parsed = records::parse_component_key(st.what.project, key);
    if (!parsed)
        return;
    const auto component = st.world.components.find(parsed->component);
    if (component == st.world.components.end())
        return;
    // A deleted state is no order to stop: what runs goes on. Releases stay known while the daemon lives.
    if (!parsed->release)
        component->second.hold = true;
}

void take_all(state& st, const store::snapshot& all)
{
    std::set<model::component_name> with_state;
    for (const auto& pair : all.pairs) {
        take(st, pair);
        if (const auto key = records::parse_component_key(st.what.project, pair.key); key && !key->release)
            with_state.insert(key->component);
    }
    for (auto& [name, component] : st.world.components)
        if (!with_state.contains(name))
            component.hold = true;
}

void take_changes(state& st, const std::vector<store::change>& changes)
{
    for (const auto& change : changes) {
        if (change.erased)
            drop(st, change.pair.key);
        else
            take(st, change.pair);
    }
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
    take_all(st, *all);
    if (!st.desired_known)
        st.io.log.info("desired state read", {{"components", st.world.components.size()}});
    st.desired_known = true;
    st.dirty.set();

    const auto changes = st.io.desired.watch(std::move(prefix), all->at);
    for (;;) {
        auto next = co_await changes->next();
        if (!next)
            co_return next.error();
        take_changes(st, *next);
        st.dirty.set();
    }
}

}  // namespace

boost::asio::awaitable<void> follow_store(state& st)
{
    runtime::backoff retry(100ms, 10s, st.io.random);
    for (;;) {
        const auto why = co_await follow_once(st, retry);
        if (why.code() == base::errc::compacted)
            continue;
        st.note_source(st.world.store, "store", std::unexpected(why));
        co_await st.io.clk.sleep_until(st.io.clk.now() + retry.next());
    }
}

}  // namespace gantryd::daemon
