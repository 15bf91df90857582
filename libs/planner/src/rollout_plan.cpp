// What a machine of a fleet does to a component's rollout, one transaction at a time.
#include "component_plan.hpp"

#include <gantryd/planner/preflight.hpp>
#include <gantryd/planner/rollout.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::planner::detail {
namespace {

using model::release_outcome;
using model::rollout_verdict;

/// True when nobody but this machine has still to change.
bool are_others_done(const world& from, const component& of)
{
    const auto& me = from.fleet->me;
    const bool somebody_changes = std::ranges::any_of(
        of.rollout.slots, [&](const auto& entry) { return entry.second.what.machine != me; });
    return !somebody_changes && std::ranges::all_of(from.fleet->machines, [&](const auto& entry) {
        return entry.first == me || !is_awaited(from, entry.second, of) ||
               has_changed_to(of, entry.first, *of.wanted);
    });
}

/// True while the verdict on the wanted release has not fallen.
bool is_open(const component& of)
{
    const auto* record = record_of(of);
    return wanted_release(of)->outcome == release_outcome::pending &&
           (record == nullptr || record->verdict == rollout_verdict::running);
}

/// True when what is to run here serves, for long enough, and nothing else gets traffic.
bool has_arrived(const world& from, const roster& who)
{
    const auto ripe = ripe_at(from, who);
    return who.effective != nullptr && who.effective == goal_of(who.wish) && ripe && *ripe <= from.now &&
           who.good(from) >= who.wanted && who.outdated.empty() &&
           std::ranges::all_of(who.draining, [&](const instance* i) { return is_routed_out(from, *i); });
}

/// True while a start is on its way to Docker: it may have its effect yet, whatever is wanted meanwhile.
bool is_starting(const roster& who)
{
    return std::ranges::any_of(who.all, [](const instance* i) { return i->starting; });
}

/// Its slot goes with the change that it was for.
bool gives_up_slot(const move_rollout& move)
{
    return move.what == rollout_move::halt ||
           (move.what == rollout_move::leave && move.release == model::release_number{});
}

/// What is started in a slot is started before the slot is another's.
void add_move(const roster& who, move_rollout move, plan& out)
{
    if (!gives_up_slot(move) || !is_starting(who))
        out.actions.emplace_back(std::move(move));
}

move_rollout leaving(const component& of, int slot)
{
    return {.component = of.name, .what = rollout_move::leave, .slot = slot};
}

move_rollout verdict_on(const component& of, std::string why)
{
    const bool goes_back = policy_of(of).on_failure == model::failure_action::revert;
    return {.component = of.name,
        .what = goes_back ? rollout_move::fail : rollout_move::halt,
        .release = *of.wanted,
        .why = std::move(why)};
}

/// What the holder of a slot that it may use does with it; nothing while it is at work.
std::optional<move_rollout> next_of_holder(const world& from, const roster& who, int slot, plan& out)
{
    const auto& of = who.wish;
    if (of.intent != model::intent::ready || wanted_release(of) == nullptr)
        return leaving(of, slot);
    if (of.rollout.slots.at(slot).what.release != *of.wanted) {
        std::optional<time_point> ready_at;
        if (!is_cleared(from, of, ready_at)) {
            wake(out, ready_at);
            return std::nullopt;
        }
        return move_rollout{.component = of.name,
            .what = rollout_move::pass_on,
            .release = *of.wanted,
            .slot = slot,
            .slots = slots_by_rule(from, of)};
    }
    if (of.task->failed) {
        auto failed = verdict_on(of, of.crashes.at(*of.task->failed).last.reason);
        failed.slot = slot;
        return failed;
    }
    const auto* record = record_of(of);
    const bool halted = record != nullptr && record->verdict == rollout_verdict::paused;
    if (goal_of(of) == nullptr || halted)
        return leaving(of, slot);
    if (!has_arrived(from, who))
        return std::nullopt;
    auto done = leaving(of, slot);
    done.release = who.effective->number;
    done.ends = is_open(of) && done.release == *of.wanted && are_others_done(from, of);
    return done;
}

void plan_own(const world& from, const roster& who, plan& out)
{
    const auto& of = who.wish;
    const auto until = slots_usable_until(*from.fleet, policy_of(of));
    if (const auto entered = from.fleet->began_at + longest_entry; !until && entered > from.now)
        wake(out, entered);
    if (!until || *until <= from.now)
        return;
    std::optional<time_point> impatient_at;
    (void)follows_preflights(from, of, impatient_at);
    wake(out, impatient_at);
    if (has_to_prepare(from, of))
        out.actions.emplace_back(prepare_release{of.name, *of.wanted});
    if (const auto slot = own_slot(from, of)) {
        wake(out, until);
        if (const auto ripe = ripe_at(from, who); ripe > from.now)
            wake(out, ripe);
        if (auto move = next_of_holder(from, who, *slot, out))
            add_move(who, std::move(*move), out);
        return;
    }
    std::optional<time_point> turn;
    const auto slot = claimable_slot(from, of, turn);
    wake(out, turn);
    if (slot)
        out.actions.emplace_back(move_rollout{.component = of.name,
            .what = rollout_move::claim,
            .release = *of.wanted,
            .slot = *slot,
            .slots = slots_by_rule(from, of)});
}

/// The machine that was missing has gone, and nobody had the last word.
void plan_end_of_rollout(const world& from, const roster& who, plan& out)
{
    const auto& of = who.wish;
    if (of.intent != model::intent::ready || wanted_release(of) == nullptr || !is_open(of) ||
        record_of(of) == nullptr || own_slot(from, of) || !from.fleet->known)
        return;
    if (has_changed_to(of, from.fleet->me, *of.wanted) && are_others_done(from, of)) {
        out.actions.emplace_back(
            move_rollout{.component = of.name, .what = rollout_move::finish, .release = *of.wanted});
        return;
    }
    for (const auto& [id, machine] : from.fleet->machines)
        if (const auto until = machine.gone_since + policy_of(of).lost_after;
            !machine.present && until > from.now)
            wake(out, until);
}

void plan_deadline(const world& from, const roster& who, plan& out)
{
    const auto& of = who.wish;
    if (of.intent != model::intent::ready || wanted_release(of) == nullptr || !is_open(of))
        return;
    const auto* record = record_of(of);
    const auto limit = policy_of(of).deadline;
    const auto in_touch_until = slots_usable_until(*from.fleet, policy_of(of));
    if ((record != nullptr && record->held) || limit == limit.zero() || of.task->failed ||
        newest_live_before(of, *of.wanted) == nullptr || !in_touch_until)
        return;
    if (*in_touch_until <= from.now)
        return;  // others may get done, and this machine does not hear of it
    const bool waits = waits_for_preflights(from, of);
    if (record == nullptr && !waits)
        return;
    const auto until = waits ? *preparation_deadline(of) : of.rollout.moved_at + limit;
    if (from.now < until) {
        wake(out, until);
        return;
    }
    if (waits && !from.fleet->knows_preflights)
        return;  // it may be over, and somebody about to begin
    auto verdict = verdict_on(
        of, waits ? fmt::format("no machine was touched, because not all of them could run it within {}: {}",
                        base::human(limit), text_of_unprepared(from, of, false))
                  : fmt::format("no machine got done with it within {}", base::human(limit)));
    verdict.slot = own_slot(from, of).value_or(0);
    add_move(who, std::move(verdict), out);
}

void plan_losses(const world& from, const roster& who, plan& out)
{
    const auto& of = who.wish;
    if (!from.fleet->known || !slots_usable_until(*from.fleet, policy_of(of)))
        return;
    for (const auto& [number, slot] : of.rollout.slots) {
        const auto gone = holder_gone_since(from, slot);
        if (slot.what.machine == from.fleet->me || !gone)
            continue;
        const auto until = *gone + policy_of(of).lost_after;
        if (from.now < until)
            wake(out, until);
        else
            out.actions.emplace_back(move_rollout{.component = of.name,
                .what = rollout_move::declare_lost,
                .release = slot.what.release,
                .slot = number});
    }
}

}  // namespace

void plan_rollout(const world& from, const roster& who, plan& out)
{
    plan_own(from, who, out);
    plan_end_of_rollout(from, who, out);
    plan_deadline(from, who, out);
    plan_losses(from, who, out);
}

}  // namespace gantryd::planner::detail
