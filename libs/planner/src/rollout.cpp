// Which release a machine of a fleet is to run, and whether it may take a slot.
#include <gantryd/base/planted.hpp>
#include <gantryd/planner/moving.hpp>
#include <gantryd/planner/preflight.hpp>
#include <gantryd/planner/rollout.hpp>

#include <algorithm>
#include <iterator>

namespace gantryd::planner {
namespace {

using model::release_outcome;
using model::rollout_verdict;
using namespace std::chrono_literals;

/// Slots are offered to the machines in the order of their ids, so that not all ask at once. One that does
/// not take its turn is passed over then.
constexpr auto courtesy = 1s;

/// It was live, or has served on this machine for long enough.
bool is_proven(const world& in, const component& of, const model::release& release)
{
    return release.outcome == release_outcome::live || has_changed_to(of, in.fleet->me, release.number);
}

/// What the machine runs, going by containers that are of use: a proven release before others, the newest of
/// those. Null when there is none.
const model::release* running_here(const world& in, const component& of)
{
    const model::release* best = nullptr;
    for (const auto& [name, i] : in.instances) {
        if (i.component != of.name || i.now == phase::exited || i.drain_since || i.failure || i.made_ahead)
            continue;
        const auto release = of.releases.find(i.release);
        if (release == of.releases.end())
            continue;
        const auto& r = *release->second;
        const auto crashes = of.crashes.find(r.number);
        const bool failed = crashes != of.crashes.end() && crashes->second.count > 0;
        const bool proven = is_proven(in, of, r);
        if (!proven && (!i.ready_at || failed))
            continue;
        const auto rank = [&](const model::release& x) { return std::pair(is_proven(in, of, x), x.number); };
        if (best == nullptr || rank(*best) < rank(r))
            best = &r;
    }
    return best;
}

/// What a machine starts with that has nothing: the newest release that is good.
const model::release* newest_good(const world& in, const component& of)
{
    for (auto at = of.releases.rbegin(); at != of.releases.rend(); ++at)
        if (of.wanted && at->first <= *of.wanted && at->second->outcome != release_outcome::failed &&
            !is_stopped(of, at->first) && is_proven(in, of, *at->second))
            return at->second.get();
    return nullptr;
}

/// True while the daemon has begun just now, and it is not known yet who else is there.
bool is_entering(const fleet& machines, time_point now)
{
    return (!machines.known || !machines.confirmed_at) && machines.id_held_by.empty() &&
           now < machines.began_at + longest_entry;
}

/// How many machines come before this one: those with smaller ids that have not changed yet.
int machines_ahead(const world& in, const component& of)
{
    return static_cast<int>(std::ranges::count_if(in.fleet->machines, [&](const auto& entry) {
        const auto& [id, machine] = entry;
        const bool holds = std::ranges::any_of(
            of.rollout.slots, [&](const auto& slot) { return slot.second.what.machine == id; });
        return id < in.fleet->me && machine.present && !machine.drains && looks_after(machine, of.name) &&
               !holds && !has_changed_to(of, id, *of.wanted);
    }));
}

bool may_take_part(const world& in, const component& of)
{
    const auto& machines = *in.fleet;
    const auto me = machines.machines.find(machines.me);
    const auto until = slots_usable_until(machines, policy_of(of));
    return machines.known && of.intent == model::intent::ready && !of.hold && in.docker.reachable &&
           in.haproxy.reachable && until && in.now < *until && me != machines.machines.end() &&
           me->second.present && !me->second.drains;
}

/// True when nothing that its container is made of may be another thing when its turn comes.
bool is_self_contained(const model::component_spec& spec)
{
    return spec.define_component_links.empty() && spec.require_component_links.empty() &&
           spec.volumes_from.empty();
}

/// True while the release may still get its turn here.
bool may_wait_here(const world& in, const component& of, const model::release& goal)
{
    const auto* record = record_of(of);
    const auto me = in.fleet->machines.find(in.fleet->me);
    return goal.number == of.wanted && of.intent == model::intent::ready && !of.hold &&
           (record == nullptr || !is_halted(*record)) && me != in.fleet->machines.end() && !me->second.drains;
}

/// True when every machine could run the release, and this one is among the next to change: the first
/// container may be made already, also while the slot is asked for. On no more machines than change at a
/// time: containers that wait for hours would help nobody.
bool may_make_ahead(const world& in, const component& of, const model::release& goal)
{
    std::optional<time_point> ignored;
    return is_cleared(in, of, ignored) && of.not_ahead != goal.number && !is_alone(in, of) &&
           goal.spec.instances > 0 && is_self_contained(goal.spec) && may_take_part(in, of) &&
           machines_ahead(in, of) < slots_of(in, of);
}

/// When the next machine may begin, as far as time decides.
time_point next_turn(const world& in, const component& of, int free)
{
    const auto& rules = policy_of(of);
    const auto* record = record_of(of);
    const bool going_back = is_stopped(of, *of.wanted);
    auto from = record == nullptr ? of.wished_at : of.rollout.moved_at;
    const bool first = std::ranges::none_of(
        of.rollout.steps, [&](const auto& step) { return step.second.release == *of.wanted; });
    if (!going_back && !first)
        from += rules.pause;
    return machines_ahead(in, of) < free ? from : from + courtesy;
}

}  // namespace

const model::release* wanted_release(const component& of)
{
    if (!of.wanted)  // zero is a release that the store does not know, not the absence of one
        return nullptr;
    const auto found = of.releases.find(*of.wanted);
    return found == of.releases.end() ? nullptr : found->second.get();
}

bool has_changed_to(const component& of, const model::machine_id& machine, model::release_number release)
{
    const auto step = of.rollout.steps.find(machine);
    return step != of.rollout.steps.end() && step->second.release == release;
}

bool is_halted(const model::rollout& record)
{
    return record.held || record.verdict == rollout_verdict::paused;
}

bool is_under_way(const component& of)
{
    const auto* wanted = wanted_release(of);
    const auto* record = record_of(of);
    return of.intent == model::intent::ready && wanted != nullptr &&
           wanted->outcome == release_outcome::pending && (record == nullptr || !is_halted(*record));
}

bool is_stopped(const component& of, model::release_number release)
{
    return of.rollout.record && of.rollout.record->release == release &&
           of.rollout.record->verdict == rollout_verdict::failed;
}

const model::release* newest_live_before(const component& of, model::release_number than)
{
    for (auto at = std::make_reverse_iterator(of.releases.lower_bound(than)); at != of.releases.rend(); ++at)
        if (at->second->outcome == release_outcome::live)
            return at->second.get();
    return nullptr;
}

std::optional<int> own_slot(const world& in, const component& of)
{
    if (!in.fleet)
        return std::nullopt;
    for (const auto& [number, slot] : of.rollout.slots)
        if (slot.what.machine == in.fleet->me)
            return number;
    return std::nullopt;
}

const model::rollout_policy& policy_of(const component& of)
{
    static const model::rollout_policy defaults;
    const auto* wanted = wanted_release(of);
    return wanted == nullptr ? defaults : wanted->spec.rollout;
}

const model::rollout* record_of(const component& of)
{
    const auto& record = of.rollout.record;
    return record && of.wanted && record->release == *of.wanted ? &*record : nullptr;
}

std::optional<time_point> slots_usable_until(const fleet& machines, const model::rollout_policy& rules)
{
    if (!machines.confirmed_at || !machines.id_held_by.empty())
        return std::nullopt;
    return *machines.confirmed_at + rules.lost_after * 3 / 4;
}

bool looks_after(const machine_view& machine, const model::component_name& component)
{
    return machine.components.empty() ||
           std::ranges::find(machine.components, component) != machine.components.end();
}

std::string name_of(const fleet& in, const model::machine_id& machine)
{
    const auto found = in.machines.find(machine);
    if (found == in.machines.end() || found->second.host.empty())
        return machine.text();
    return found->second.host + " (" + machine.text() + ")";
}

int slots_by_rule(const world& in, const component& of)
{
    const auto machines = std::ranges::count_if(in.fleet->machines,
        [&](const auto& entry) { return entry.second.present && looks_after(entry.second, of.name); });
    return policy_of(of).max_parallel.of(std::max(1, static_cast<int>(machines)));
}

int slots_of(const world& in, const component& of)
{
    const auto* record = record_of(of);
    const int more = base::is_planted("one_slot_too_many") ? 1 : 0;
    return more + (record != nullptr && record->slots > 0 ? record->slots : slots_by_rule(in, of));
}

bool holds_slot(const component& of, const model::machine_id& machine)
{
    return std::ranges::any_of(
        of.rollout.slots, [&](const auto& slot) { return slot.second.what.machine == machine; });
}

bool is_awaited(const world& in, const machine_view& machine, const component& of)
{
    const bool there = machine.present || in.now < machine.gone_since + policy_of(of).lost_after;
    return there && !machine.drains && looks_after(machine, of.name);
}

const model::release* goal_of(const component& of)
{
    const auto* wanted = wanted_release(of);
    if (wanted == nullptr)
        return nullptr;
    const bool failed = wanted->outcome == release_outcome::failed || is_stopped(of, wanted->number);
    return failed ? newest_live_before(of, wanted->number) : wanted;
}

duty duty_of(const world& in, const component& of)
{
    duty out;
    const auto* goal = goal_of(of);
    const auto* wanted = wanted_release(of);
    if (wanted == nullptr)
        return out;
    const auto slot = own_slot(in, of);
    const auto until = slots_usable_until(*in.fleet, policy_of(of));
    const bool usable =
        slot && until && in.now < *until && of.rollout.slots.at(*slot).what.release == wanted->number;
    out.frozen = slot && !usable;
    if (const auto crashes = of.crashes.find(wanted->number);
        usable && goal == wanted && !is_proven(in, of, *wanted) && crashes != of.crashes.end() &&
        crashes->second.count > 0) {
        out.failed = wanted->number;
        goal = newest_live_before(of, wanted->number);
    }
    const bool stays = out.failed && policy_of(of).on_failure == model::failure_action::pause;
    const auto* record = record_of(of);
    const bool halted = record != nullptr && record->verdict == rollout_verdict::paused;
    out.holds = usable && !stays && !halted;

    const auto* here = running_here(in, of);
    const model::release* run = goal;
    if (goal != nullptr && here != goal && !out.holds) {
        std::optional<time_point> ignored;
        // Nobody knows for how long: nothing can be claimed, and until then something has to serve.
        const bool is_store_away = in.store.known && !in.store.reachable;
        if (here != nullptr)
            run = here;
        else if (!is_proven(in, of, *goal) && !is_entering(*in.fleet, in.now) &&
                 (slot || is_store_away || !claimable_slot(in, of, ignored)))
            run = newest_good(in, of) != nullptr ? newest_good(in, of) : goal;
    } else if (goal == nullptr) {
        run = here;
    }
    if (run != nullptr) {
        out.run = run->number;
        out.proven = is_proven(in, of, *run);
    }
    if (goal != nullptr && here != nullptr && run == here && run != goal && !slot &&
        may_wait_here(in, of, *goal)) {
        out.ahead = goal->number;
        out.makes_ahead = may_make_ahead(in, of, *goal);
    }
    return out;
}

void assign_releases(world& in)
{
    for (auto& [name, of] : in.components) {
        of.task.reset();
        if (in.fleet)
            of.task = duty_of(in, of);
    }
    if (!in.fleet)
        return;
    std::optional<time_point> ignored;
    in.fleet->wants_preflights = std::ranges::any_of(
        in.components, [&](const auto& entry) { return follows_preflights(in, entry.second, ignored); });
    assign_moves(in);
}

bool needs_slot(const world& in, const component& of, const model::release& goal)
{
    const auto* here = running_here(in, of);
    if (here == nullptr)
        return !is_proven(in, of, goal);
    return here != &goal || !is_proven(in, of, goal);
}

std::optional<int> claimable_slot(const world& in, const component& of, std::optional<time_point>& wake_at)
{
    const auto* goal = goal_of(of);
    const auto* record = record_of(of);
    if (goal == nullptr || own_slot(in, of) || !may_take_part(in, of) || !needs_slot(in, of, *goal) ||
        (record != nullptr && is_halted(*record)))
        return std::nullopt;
    if (!is_cleared(in, of, wake_at))
        return std::nullopt;
    const int slots = slots_of(in, of);
    const auto free = slots - static_cast<int>(of.rollout.slots.size());
    if (free <= 0)
        return std::nullopt;
    if (const auto at = next_turn(in, of, free); in.now < at) {
        wake_at = wake_at ? std::min(*wake_at, at) : at;
        return std::nullopt;
    }
    for (int number = 0; number < slots; ++number)
        if (!of.rollout.slots.contains(number))
            return number;
    return std::nullopt;
}

std::optional<time_point> holder_gone_since(const world& in, const slot_claim& slot)
{
    const auto machine = in.fleet->machines.find(slot.what.machine);
    if (machine == in.fleet->machines.end())
        return slot.seen_at;
    return machine->second.present ? std::nullopt : std::optional(machine->second.gone_since);
}

}  // namespace gantryd::planner
