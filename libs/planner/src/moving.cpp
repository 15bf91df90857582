// Who does the work of machines that are drained.
#include <gantryd/base/planted.hpp>
#include <gantryd/planner/moving.hpp>
#include <gantryd/planner/rollout.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace gantryd::planner {
namespace {

bool is_marked(const machine_view& machine) { return machine.drains || machine.returns; }

const machine_view& my_view(const fleet& in)
{
    static const machine_view unknown;
    const auto me = in.machines.find(in.me);
    return me == in.machines.end() ? unknown : me->second;
}

/// The same on every machine, now and in later versions, which std::hash does not promise: FNV-1a, and the
/// last step of MurmurHash3, or short texts that differ little would be near each other.
std::uint64_t digest(std::string_view text)
{
    std::uint64_t out = 14695981039346656037U;
    for (const char c : text) {
        out ^= static_cast<unsigned char>(c);
        out *= 1099511628211U;
    }
    for (const std::uint64_t factor : {0xff51afd7ed558ccdU, 0xc4ceb9fe1a85ec53U}) {
        out ^= out >> 33U;
        out *= factor;
    }
    return out ^ (out >> 33U);
}

bool is_anybody_marked(const world& in, const component& of)
{
    return std::ranges::any_of(in.fleet->machines,
        [&](const auto& entry) { return is_marked(entry.second) && looks_after(entry.second, of.name); });
}

bool may_carry(const world& in, const component& of, const machine_view& machine)
{
    const bool there = machine.present || in.now < machine.gone_since + policy_of(of).lost_after;
    return there && !is_marked(machine) && looks_after(machine, of.name);
}

bool is_in_use(const instance& i) { return !i.drain_since && !i.failure && i.now != phase::exited; }

/// True while something of the component is here that its machine has not let go of. One that has just died
/// counts: it is to be replaced.
bool has_work_here(const world& in, const component& of)
{
    return std::ranges::any_of(in.instances, [&](const auto& entry) {
        const auto& i = entry.second;
        const bool died = i.now == phase::exited && !i.failure && !i.drain_since && !i.stop_since;
        return i.component == of.name && (died || is_in_use(i));
    });
}

bool has_surplus(const world& in, const component& of)
{
    const auto here = std::ranges::count_if(in.instances, [&](const auto& entry) {
        const auto& i = entry.second;
        return i.component == of.name && i.release == of.task->run && is_in_use(i);
    });
    return here > instances_asked(of);
}

/// How the machines that are to carry do it.
struct outlook {
    shares carriers;
    bool complete = false;  ///< all of them serve what they are asked for
    bool is_short = false;  ///< one does not, and is not in the middle of a change
};

outlook look_at_carriers(const world& in, const component& of)
{
    outlook out{.carriers = carriers_of(in, of)};
    out.complete = !out.carriers.empty();
    out.is_short = out.carriers.empty();
    for (const auto& [id, share] : out.carriers) {
        if (id == in.fleet->me || carries(in, of, id, share))
            continue;
        out.complete = false;
        out.is_short = out.is_short || !in.fleet->machines.at(id).present || !holds_slot(of, id);
    }
    return out;
}

void note_since(std::optional<time_point>& since, bool holds, time_point now)
{
    if (!holds)
        since.reset();
    else if (!since)
        since = now;
}

bool has_lasted(const world& in, const component& of)
{
    return of.carried_since && in.now >= *of.carried_since + policy_of(of).min_healthy_time;
}

/// Whether this machine, which is drained, leaves its work to others now.
bool is_away(const world& in, const component& of, const outlook& others)
{
    if (own_slot(in, of) || others.carriers.empty())
        return false;
    if (!has_work_here(in, of))
        return !of.short_since || in.now < *of.short_since + take_back_after;
    // What the others report must not be old.
    const auto until = slots_usable_until(*in.fleet, policy_of(of));
    return has_lasted(in, of) && until && in.now < *until;
}

/// Who can take part in carrying, with nothing to carry yet.
shares candidates(const world& in, const component& of)
{
    shares out;
    for (const auto& [id, machine] : in.fleet->machines)
        if (may_carry(in, of, machine))
            out[id] = 0;
    return out;
}

int times_failed(const component& of, const machine_view& drained, const model::machine_id& carrier)
{
    const auto failed = drained.failed.find(of.name);
    if (failed == drained.failed.end())
        return 0;
    const auto found = failed->second.find(carrier);
    return found == failed->second.end() ? 0 : found->second.times;
}

/// Gives the work of one machine to those that may carry, in addition to what they have already.
shares hand_out(const component& of, const model::machine_id& from, const machine_view& drained,
    int instances, shares& loads)
{
    const auto rank = [&](const auto& entry) {
        // Another order for each component and machine, or the first machine would carry all of them.
        const auto text = of.name.text() + "/" + from.text() + "/" + entry.first.text();
        return std::tuple(times_failed(of, drained, entry.first), entry.second, digest(text), entry.first);
    };
    shares out;
    for (int i = 0; i < instances && !loads.empty(); ++i) {
        const auto least = std::ranges::min_element(loads, {}, rank);
        ++least->second;
        ++out[least->first];
    }
    return out;
}

/// Who carries how much, by the machine whose work it is.
std::map<model::machine_id, shares> assignment(const world& in, const component& of)
{
    std::map<model::machine_id, shares> out;
    const auto* goal = goal_of(of);
    const bool works = of.intent == model::intent::ready && !of.hold && goal != nullptr;
    if (!in.fleet || !in.fleet->known || !works || !is_anybody_marked(in, of))
        return out;
    auto loads = candidates(in, of);
    for (const auto& [from, machine] : in.fleet->machines)
        if (is_marked(machine) && looks_after(machine, of.name))
            out[from] = hand_out(of, from, machine, goal->spec.instances, loads);
    return out;
}

void note_shortages(const world& in, component& of)
{
    auto known = std::exchange(of.carriers_short, {});
    if (!my_view(*in.fleet).drains)
        return;
    const auto all = carriers_of(in, of);
    const auto handed_out = assignment(in, of);
    const auto mine = handed_out.find(in.fleet->me);
    if (mine == handed_out.end())
        return;
    for (const auto& [id, share] : mine->second)
        if (in.fleet->machines.at(id).present && !holds_slot(of, id) && !carries(in, of, id, all.at(id)))
            of.carriers_short.emplace(id, known.contains(id) ? known.at(id) : in.now);
}

void assign_move(world& in, component& of, bool is_any_marked)
{
    if (!is_any_marked || of.intent != model::intent::ready || of.hold || !is_anybody_marked(in, of)) {
        of.carried_since.reset();
        of.short_since.reset();
        of.carriers_short.clear();
        return;
    }
    note_shortages(in, of);
    auto& task = *of.task;
    const auto others = look_at_carriers(in, of);
    note_since(of.carried_since, others.complete, in.now);
    note_since(of.short_since, others.is_short, in.now);
    if (const auto mine = others.carriers.find(in.fleet->me); mine != others.carriers.end())
        task.carries = mine->second;
    const bool drains = my_view(*in.fleet).drains;
    task.away = drains && is_away(in, of, others);
    task.keeps_surplus = drains || !has_lasted(in, of);
    in.fleet->wants_reports = in.fleet->wants_reports || drains || has_surplus(in, of);
}

bool requires_any(const model::component_spec& spec, const std::set<std::string>& links)
{
    return std::ranges::any_of(spec.require_component_links,
        [&](const model::link_import& import) { return links.contains(import.name); });
}

void add_links(const model::component_spec& spec, std::set<std::string>& to)
{
    for (const auto& link : spec.define_component_links)
        to.insert(link.name);
}

std::set<std::string> links_of(const world& in, const component& of)
{
    std::set<std::string> out;
    if (const auto* release = effective_release(of))
        add_links(release->spec, out);
    for (const auto& [name, i] : in.instances)
        if (const auto* spec = spec_of(in, i); spec != nullptr && i.component == of.name)
            add_links(*spec, out);
    return out;
}

/// Other components that have live instances here which use its links.
std::set<model::component_name> live_users(const world& in, const component& of)
{
    std::set<model::component_name> out;
    const auto links = links_of(in, of);
    if (links.empty())
        return out;
    for (const auto& [name, i] : in.instances)
        if (const auto* spec = spec_of(in, i);
            spec != nullptr && i.component != of.name && i.now != phase::exited && requires_any(*spec, links))
            out.insert(i.component);
    return out;
}

/// True when `goal` is among those that wait for `of`, or for one of those.
bool is_reached(const world& in, const component& of, const model::component_name& goal,
    std::set<model::component_name>& seen)
{
    return std::ranges::any_of(live_users(in, of), [&](const model::component_name& user) {
        return user == goal ||
               (seen.insert(user).second && is_reached(in, in.components.at(user), goal, seen));
    });
}

/// A component that is to run here needs the links of others here.
bool is_needed_here(const world& in, const component& of)
{
    const auto links = links_of(in, of);
    return !links.empty() && std::ranges::any_of(in.components, [&](const auto& entry) {
        const auto& user = entry.second;
        const auto* release = effective_release(user);
        return user.name != of.name && instances_asked(user) > 0 && release != nullptr &&
               requires_any(release->spec, links);
    });
}

/// Links do not leave the machine: who defines one goes after those who use it, and comes back before them.
void keep_links(world& in)
{
    for (bool again = true; again;) {
        again = false;
        for (auto& [name, of] : in.components)
            if (of.task->away && is_needed_here(in, of)) {
                of.task->away = false;
                again = true;
            }
    }
    for (auto& [name, of] : in.components)
        if (of.task->away && has_work_here(in, of) && !users_here(in, of).empty())
            of.task->away = false;
}

}  // namespace

shares carriers_of(const world& in, const component& of)
{
    shares out;
    for (const auto& [from, carriers] : assignment(in, of))
        for (const auto& [id, share] : carriers)
            out[id] += share;
    return out;
}

std::vector<stuck_carrier> stuck_carriers(const world& in, const component& of)
{
    constexpr int most_doublings = 5;
    std::vector<stuck_carrier> out;
    if (of.carriers_short.empty() || candidates(in, of).size() < 2)
        return out;
    for (const auto& [id, since] : of.carriers_short) {
        const auto& machine = in.fleet->machines.at(id);
        const auto work = machine.work.find(of.name);
        if (work == machine.work.end() || work->second.obstacle.empty())
            continue;
        const auto doublings = std::min(times_failed(of, my_view(*in.fleet), id), most_doublings);
        out.push_back({id, work->second, since + carrier_patience * (1 << doublings)});
    }
    return out;
}

bool is_obstacle(std::string_view code)
{
    static constexpr std::array those{reason::retrying, reason::port_taken, reason::unhealthy,
        reason::dependency_suspected, reason::crash_loop, reason::docker_unreachable, reason::proxy_failed,
        reason::waiting_link, reason::link_down, reason::pull_failed, reason::image_mismatch,
        reason::wrong_architecture, reason::docker_disk_full, reason::secret_missing,
        reason::secret_unreadable, reason::secret_changed, reason::machine_id_taken};
    return std::ranges::any_of(those, [&](reason one) { return text_of(one) == code; });
}

bool carries(const world& in, const component& of, const model::machine_id& machine, int share)
{
    const auto there = in.fleet->machines.find(machine);
    if (there == in.fleet->machines.end() || !there->second.present || holds_slot(of, machine))
        return false;
    const auto work = there->second.work.find(of.name);
    if (work == there->second.work.end())
        return false;
    // Where a rollout was stopped before anything served, a machine knows its share, and is asked for
    // nothing.
    const auto& seen = work->second;
    const bool is_asked = seen.asked >= share || base::is_planted("leaves_its_work_to_the_idle");
    return seen.carries >= share && is_asked && seen.serving >= seen.asked;
}

int instances_asked(const component& of)
{
    const auto* release = effective_release(of);
    if (release == nullptr || of.intent != model::intent::ready || of.hold)
        return 0;
    if (!of.task)
        return release->spec.instances;
    return of.task->away ? 0 : release->spec.instances + of.task->carries;
}

std::vector<model::component_name> users_here(const world& in, const component& of)
{
    std::set<model::component_name> seen;
    if (is_reached(in, of, of.name, seen))
        return {};
    const auto users = live_users(in, of);
    return {users.begin(), users.end()};
}

void assign_moves(world& in)
{
    auto& fleet = *in.fleet;
    fleet.wants_reports = false;
    // Once for all: of a thousand machines each look costs more than the rest of the plan.
    bool is_any_marked = false;
    fleet.is_any_away = false;
    for (const auto& [id, machine] : fleet.machines) {
        is_any_marked = is_any_marked || is_marked(machine);
        fleet.is_any_away = fleet.is_any_away || !machine.present;
    }
    for (auto& [name, of] : in.components) {
        if (fleet.known) {
            assign_move(in, of, is_any_marked);
            continue;
        }
        of.task->keeps_surplus = true;
        of.task->entering =
            !has_work_here(in, of) && fleet.id_held_by.empty() && in.now < fleet.began_at + longest_entry;
    }
    if (my_view(fleet).drains)
        keep_links(in);
}

}  // namespace gantryd::planner
