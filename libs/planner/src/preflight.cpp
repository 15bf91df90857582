// Whether the machines of a fleet could run a release, before one of them is touched.
#include <gantryd/planner/preflight.hpp>
#include <gantryd/planner/rollout.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace gantryd::planner {
namespace {

using model::preparation;

/// An operator reads a sentence, not a list of a thousand machines.
constexpr std::size_t most_named = 3;

/// True while no machine has taken a slot for the wanted release.
bool is_untouched(const component& of)
{
    const auto* wanted = wanted_release(of);
    const auto* record = record_of(of);
    return wanted != nullptr && wanted->outcome == model::release_outcome::pending &&
           (record == nullptr || record->slots == 0);
}

/// So many machines at the head of the line know what all say. One of them begins; no time is lost as long as
/// not all of them are in trouble. Each of them is told as many words as there are machines, at each update.
constexpr int front = 4;

/// How long those in the line behind them wait, at each doubling of the distance: longer than all need to
/// look, and a large fleet takes its time to tell.
std::chrono::milliseconds patience(const fleet& in)
{
    using namespace std::chrono_literals;
    return std::max<std::chrono::milliseconds>(10s, 20ms * static_cast<int>(in.machines.size()));
}

/// How many machines come before this one in the line, counted up to `limit`.
int place_in_line(const world& in, const component& of, int limit)
{
    int out = 0;
    for (const auto& [id, machine] : in.fleet->machines) {
        if (out >= limit || id >= in.fleet->me)
            break;
        out += machine.present && !machine.drains && looks_after(machine, of.name) ? 1 : 0;
    }
    return out;
}

/// What the machine said of the wanted release; null when it said nothing.
const model::preflight* word_of(const component& of, const model::machine_id& machine)
{
    const auto found = of.rollout.preflights.find(machine);
    const bool known = found != of.rollout.preflights.end() && of.wanted == found->second.release;
    return known ? &found->second : nullptr;
}

/// One machine's part of the sentence; empty when it is at work and nothing else is asked for.
std::string standing_of(const world& in, const component& of, const model::machine_id& id,
    const machine_view& machine, bool only_obstacles)
{
    if (!machine.present)
        return name_of(*in.fleet, id) + " is away";
    const auto* word = word_of(of, id);
    if (word != nullptr && word->standing == preparation::blocked)
        return name_of(*in.fleet, id) + ": " + word->text;
    if (only_obstacles)
        return {};
    return name_of(*in.fleet, id) + (word == nullptr ? " has not looked yet" : ": " + word->text);
}

/// True when somebody may stand in the way of the wanted release, and not only need time.
bool may_have_obstacles(const world& in, const component& of)
{
    return in.fleet->is_any_away || std::ranges::any_of(of.rollout.preflights, [&](const auto& entry) {
        return entry.second.standing == preparation::blocked && of.wanted == entry.second.release;
    });
}

bool is_awaited_unprepared(
    const world& in, const component& of, const model::machine_id& id, const machine_view& machine)
{
    return is_awaited(in, machine, of) && !is_prepared(of, id) && !has_changed_to(of, id, *of.wanted);
}

}  // namespace

bool is_alone(const world& in, const component& of)
{
    // A drained one that is in the middle of its change takes part too, and waits for what this one says.
    return std::ranges::none_of(in.fleet->machines, [&](const auto& entry) {
        return entry.first != in.fleet->me &&
               (is_awaited(in, entry.second, of) || holds_slot(of, entry.first));
    });
}

bool is_prepared(const component& of, const model::machine_id& machine)
{
    const auto* word = word_of(of, machine);
    return word != nullptr && word->standing == preparation::ready;
}

bool has_to_prepare(const world& in, const component& of)
{
    const auto* goal = goal_of(of);
    const auto& machines = *in.fleet;
    const auto me = machines.machines.find(machines.me);
    const auto slot = own_slot(in, of);
    const bool takes_work =
        machines.known && me != machines.machines.end() && me->second.present && (slot || !me->second.drains);
    if (!takes_work || goal == nullptr || goal->number != of.wanted || of.hold ||
        of.intent != model::intent::ready || is_prepared(of, machines.me) || is_alone(in, of))
        return false;
    const bool has_begun = slot && of.rollout.slots.at(*slot).what.release == *of.wanted;
    return !has_begun && needs_slot(in, of, *goal);
}

bool follows_preflights(const world& in, const component& of, std::optional<time_point>& wake_at)
{
    if (!in.fleet->known)
        return false;
    if (place_in_line(in, of, front) < front)
        return true;
    const auto* record = record_of(of);
    if (!is_untouched(of) || of.hold || of.intent != model::intent::ready ||
        (record != nullptr && is_halted(*record)))
        return false;
    if (own_slot(in, of))
        return true;
    auto at = std::max(of.wished_at, of.rollout.moved_at) + patience(*in.fleet);
    if (in.now >= at) {  // before that nobody has to be counted
        const auto machines = static_cast<int>(in.fleet->machines.size());
        const auto doublings = std::bit_width(static_cast<unsigned>(place_in_line(in, of, machines) / front));
        at += (doublings - 1) * patience(*in.fleet);
    }
    if (in.now >= at)
        return true;
    wake_at = wake_at ? std::min(*wake_at, at) : at;
    return false;
}

bool waits_for_preflights(const world& in, const component& of)
{
    if (!is_untouched(of) || is_alone(in, of))
        return false;
    return !in.fleet->knows_preflights || std::ranges::any_of(in.fleet->machines, [&](const auto& entry) {
        return is_awaited_unprepared(in, of, entry.first, entry.second);
    });
}

std::vector<model::machine_id> unprepared(const world& in, const component& of)
{
    std::vector<model::machine_id> out;
    if (!is_untouched(of) || is_alone(in, of))
        return out;
    for (const auto& [id, machine] : in.fleet->machines)
        if (is_awaited_unprepared(in, of, id, machine))
            out.push_back(id);
    return out;
}

bool is_cleared(const world& in, const component& of, std::optional<time_point>& wake_at)
{
    const auto* goal = goal_of(of);
    if (goal == nullptr || goal->number != of.wanted || is_alone(in, of) || !needs_slot(in, of, *goal))
        return true;
    if (is_untouched(of) && !in.fleet->knows_preflights)
        return false;
    const auto missing = unprepared(in, of);
    for (const auto& id : missing)
        if (const auto& machine = in.fleet->machines.at(id); !machine.present) {
            const auto lost_at = machine.gone_since + policy_of(of).lost_after;
            wake_at = wake_at ? std::min(*wake_at, lost_at) : lost_at;
        }
    return missing.empty() && is_prepared(of, in.fleet->me);
}

std::optional<time_point> preparation_deadline(const component& of)
{
    const auto* record = record_of(of);
    const auto limit = policy_of(of).deadline;
    if ((record != nullptr && record->held) || limit == limit.zero() || !of.wanted ||
        newest_live_before(of, *of.wanted) == nullptr)
        return std::nullopt;
    const auto began_at = record == nullptr ? of.wished_at : std::max(of.wished_at, of.rollout.moved_at);
    return began_at + limit;
}

std::string text_of_unprepared(const world& in, const component& of, bool only_obstacles)
{
    std::string out;
    std::size_t named = 0;
    std::size_t others = 0;
    if (!is_untouched(of) || is_alone(in, of) || (only_obstacles && !may_have_obstacles(in, of)))
        return out;
    for (const auto& [id, machine] : in.fleet->machines) {
        if (!is_awaited_unprepared(in, of, id, machine))
            continue;
        const auto text = standing_of(in, of, id, machine, only_obstacles);
        if (text.empty())
            continue;
        if (++named > most_named)
            ++others;
        else
            out += (out.empty() ? "" : "; ") + text;
    }
    return others == 0 ? out : fmt::format("{}; and {} more", out, others);
}

}  // namespace gantryd::planner
