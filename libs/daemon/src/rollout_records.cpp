#include "rollout_records.hpp"

#include <gantryd/planner/rollout.hpp>
#include <gantryd/records/codec.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace gantryd::daemon {
namespace {

using records::rollout_part;

/// Releases that are known whatever the store has. It keeps more of them by itself.
constexpr std::ptrdiff_t remembered_releases = 20;

/// The component, and whether it was unknown before.
std::pair<planner::component&, bool> learn_of(state& st, const model::component_name& name)
{
    auto [at, is_new] = st.world.components.try_emplace(name);
    auto& component = at->second;
    if (is_new) {
        component.name = name;
        component.crashes = st.memory.crashes_of(name);
        component.hold = true;  // until its state is read
    }
    return {component, is_new};
}

void tell_unreadable(state& st, const model::component_name& component, const store::key_value& pair,
    const base::error& why, std::optional<model::release_number> release = std::nullopt)
{
    st.tell({.what = happening::record_unreadable,
        .component = component,
        .release = release,
        .text = pair.key + ": " + why.context()});
}

/// True when the world knew less of the key than this; then it knows now. Our own writes are known before the
/// watch tells of them, and of what was before them.
bool is_news(state& st, const std::string& key, store::revision at)
{
    auto& known = st.rollout_revisions[key];
    const auto number = static_cast<std::int64_t>(at);
    if (number <= known)
        return false;
    known = number;
    return true;
}

void take_record(state& st, planner::component& component, const store::key_value& pair)
{
    auto& rollout = component.rollout;
    rollout.record_revision = static_cast<std::int64_t>(pair.modified);
    auto record = records::decode_rollout(pair.value);
    if (!record) {
        tell_unreadable(st, component.name, pair, record.error());
        return;
    }
    const bool begins = !rollout.record || rollout.record->release != record->release ||
                        (planner::is_halted(*rollout.record) && !planner::is_halted(*record));
    if (begins)
        rollout.moved_at = st.io.clk.now();
    rollout.record = std::move(*record);
}

void take_slot(state& st, planner::component& component, int number, const store::key_value& pair)
{
    planner::slot_claim claim{.token = static_cast<std::int64_t>(pair.created),
        .revision = static_cast<std::int64_t>(pair.modified),
        .seen_at = st.io.clk.now()};
    if (auto slot = records::decode_slot(pair.value))
        claim.what = std::move(*slot);
    else  // a machine without a name is never there: the slot is free in time
        tell_unreadable(st, component.name, pair, slot.error());
    const auto known = component.rollout.slots.find(number);
    if (known != component.rollout.slots.end() && known->second.token == claim.token)
        claim.seen_at = known->second.seen_at;
    else if (known != component.rollout.slots.end())
        component.rollout.moved_at = st.io.clk.now();  // the one before got done, and we did not see it
    component.rollout.slots[number] = std::move(claim);
}

void take_part(state& st, const rollout_part& part, const store::key_value& pair)
{
    if (!is_news(st, pair.key, pair.modified))
        return;
    auto& component = learn_of(st, part.component).first;
    switch (part.what) {
    case rollout_part::kind::record: take_record(st, component, pair); break;
    case rollout_part::kind::slot: take_slot(st, component, part.slot, pair); break;
    case rollout_part::kind::step:
        if (auto step = records::decode_rollout_step(pair.value))
            component.rollout.steps[part.machine] = *step;
        else
            tell_unreadable(st, part.component, pair, step.error());
        break;
    case rollout_part::kind::preflight:
        if (auto preflight = records::decode_preflight(pair.value))
            component.rollout.preflights[part.machine] = std::move(*preflight);
        else
            tell_unreadable(st, part.component, pair, preflight.error());
        break;
    }
}

void take_release(state& st, const records::component_key& key, const store::key_value& pair)
{
    auto& component = learn_of(st, key.component).first;
    auto release = records::decode_release(pair.value);
    if (release && (release->number != *key.release || release->spec.name != key.component))
        release = base::fail(base::errc::malformed, "release: it is another one than its key says");
    if (!release) {
        tell_unreadable(st, key.component, pair, release.error(), key.release);
        return;
    }
    auto& known = component.releases[*key.release];
    const bool is_other = known && (known->spec_hash != release->spec_hash || known->image != release->image);
    known = std::make_shared<const model::release>(std::move(*release));
    if (is_other)
        st.name_releases_anew(key.component);
}

void take_state(state& st, const model::component_name& name, const store::key_value& pair)
{
    auto [component, is_new] = learn_of(st, name);
    component.rollout.state_revision = static_cast<std::int64_t>(pair.modified);
    const auto wish = records::decode_component_state(pair.value);
    if (!wish) {
        tell_unreadable(st, name, pair, wish.error());
        return;
    }
    component.asked_image = wish->release ? model::image_id() : wish->image;
    const bool changed = component.intent != wish->status || component.wanted != wish->release;
    if (changed || is_new)
        component.wished_at = st.io.clk.now();
    component.intent = wish->status;
    component.wanted = wish->release;
    component.hold = st.what.hold.contains(name);
    if (changed || is_new)
        st.tell({.what = happening::desired_changed,
            .component = name,
            .release = wish->release,
            .text = std::string(text_of(wish->status))});
}

}  // namespace

void take_desired(state& st, const store::key_value& pair)
{
    if (const auto part = records::parse_rollout_key(st.what.project, pair.key)) {
        if (st.is_ours(part->component))
            take_part(st, *part, pair);
        return;
    }
    const auto key = records::parse_component_key(st.what.project, pair.key);
    if (!key || !st.is_ours(key->component))
        return;
    if (key->release)
        take_release(st, *key, pair);
    else
        take_state(st, key->component, pair);
}

void forget_release(state& st, planner::component& of, model::release_number number)
{
    const auto newer = std::distance(of.releases.upper_bound(number), of.releases.end());
    const bool runs = std::ranges::any_of(st.world.instances,
        [&](const auto& each) { return each.second.component == of.name && each.second.release == number; });
    if (newer < remembered_releases || of.wanted == number || runs)
        return;
    of.releases.erase(number);
    of.crashes.erase(number);
    st.memory.forget(of.name, number);
}

void forget_releases_not_in(state& st, const store::snapshot& all)
{
    std::map<model::component_name, std::set<model::release_number>> there;
    for (const auto& pair : all.pairs)
        if (const auto key = records::parse_component_key(st.what.project, pair.key); key && key->release)
            there[key->component].insert(*key->release);
    for (auto& [name, component] : st.world.components) {
        std::set<model::release_number> known;
        for (const auto& [number, release] : component.releases)
            known.insert(number);
        for (const auto& [number, crashes] : component.crashes)
            known.insert(number);
        for (const auto number : known)
            if (!there[name].contains(number))
                forget_release(st, component, number);
    }
}

void drop_rollout_part(state& st, const rollout_part& what, const std::string& key, store::revision since)
{
    const auto component = st.world.components.find(what.component);
    if (component == st.world.components.end() || !is_news(st, key, since))
        return;
    auto& rollout = component->second.rollout;
    switch (what.what) {
    case rollout_part::kind::record:
        rollout.record.reset();
        rollout.record_revision = 0;
        break;
    case rollout_part::kind::slot:
        if (rollout.slots.erase(what.slot) > 0)
            rollout.moved_at = st.io.clk.now();
        break;
    case rollout_part::kind::step: rollout.steps.erase(what.machine); break;
    case rollout_part::kind::preflight: rollout.preflights.erase(what.machine); break;
    }
}

void take_rollouts(state& st, std::string_view prefix, const store::snapshot& all)
{
    std::set<std::string> there;
    for (const auto& pair : all.pairs)
        if (records::parse_rollout_key(st.what.project, pair.key)) {
            there.insert(pair.key);
            take_desired(st, pair);
        }
    const auto known = st.rollout_revisions;
    for (const auto& [key, revision] : known)
        if (const auto part = records::parse_rollout_key(st.what.project, key);
            part && key.starts_with(prefix) && !there.contains(key))
            drop_rollout_part(st, *part, key, all.at);
}

void forget_revisions(state& st, std::string_view prefix)
{
    for (auto& [key, revision] : st.rollout_revisions)
        if (key.starts_with(prefix))
            revision = 0;
}

}  // namespace gantryd::daemon
