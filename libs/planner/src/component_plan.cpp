#include "component_plan.hpp"

#include <gantryd/base/planted.hpp>
#include <gantryd/planner/links.hpp>
#include <gantryd/planner/moving.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

namespace gantryd::planner {

std::chrono::milliseconds restart_delay(int count) noexcept
{
    using namespace std::chrono_literals;
    if (count <= 1)
        return 0ms;
    std::chrono::milliseconds delay = 1s;
    for (int i = 2; i < count && delay < 5min; ++i)
        delay *= 2;
    return std::min<std::chrono::milliseconds>(delay, 5min);
}

bool is_good_run(std::chrono::nanoseconds served, int failures, const model::evidence& end) noexcept
{
    using namespace std::chrono_literals;
    constexpr int killed = 128 + 9;
    if (end.exit_code != killed || end.oom_killed)
        return served >= 1min;
    const auto pause = restart_delay(std::min(failures, 1'000) + 1);
    return served >= std::clamp<std::chrono::milliseconds>(pause, 2s, 1min);
}

namespace detail {
namespace {

/// See replaceable_at().
constexpr std::chrono::seconds longest_comparison{10};

/// Creating and starting a container whose image is there takes less.
constexpr std::chrono::seconds longest_birth{3};

model::instance_name free_name(const world& from, const model::component_name& component,
    model::release_number release, std::set<std::string>& taken)
{
    for (int n = 1;; ++n) {
        auto name =
            fmt::format("{}-{}-{}-{}", from.project.text(), component.text(), model::value_of(release), n);
        if (!from.instances.contains(model::instance_name(name)) && taken.insert(name).second)
            return model::instance_name(std::move(name));
    }
}

bool is_sick(const instance* i) { return !sickness_of(*i).empty(); }

/// An exit that nobody asked for and that is not counted yet.
/// One that speaks against its release. What ended together with its machine says nothing about that.
bool is_uncounted_death(const instance* i)
{
    return !i->failure && !i->drain_since && !i->stop_since && !i->ended_unseen;
}

/// How many more there may be at the most.
int room_for_new(const world& from, const roster& who, plan& out)
{
    const auto present = static_cast<int>(who.current.size());
    if (const auto suspected = suspected_dependency(who)) {
        // Replacing them would help nobody and cost what still works; but the suspicion may be wrong.
        const bool try_one = from.now >= suspected->until;
        if (!try_one)
            wake(out, suspected->until);
        return who.wanted + (try_one ? 1 : 0) - present;
    }
    // A new instance for every sick one, and no more: replacements that fall sick too must not pile up, nor
    // come on top of those that a release before this one has left.
    const auto left_over = static_cast<int>(who.outdated.size());
    return std::max(who.wanted, 2 * who.wanted - left_over) - present;
}

/// How many may be made now.
int allowed_new(const world& from, const roster& who, plan& out)
{
    if (!who.may_begin)
        return 0;
    for (const auto* i : who.current)
        if (const auto at = replaceable_at(who, *i); is_sick(i) && at > from.now)
            wake(out, at);
    const auto missing = std::min(room_for_new(from, who, out), who.wanted - who.usable(from.now));
    if (missing <= 0 || !links_let_start(from, who, out))
        return 0;
    const bool death_to_count = std::ranges::any_of(who.dead,
        [&](const instance* i) { return i->release == who.effective->number && is_uncounted_death(i); });
    const bool tried_before = who.wish.crashes.contains(who.effective->number);
    if (who.unproven) {
        // The first instance is the trial: the others follow when it serves.
        if (death_to_count)
            return 0;
        return who.good(from) > 0 ? missing : (who.current.empty() ? 1 : 0);
    }
    if (death_to_count && tried_before)
        return 0;
    if (const auto until = held_back_until(from, who)) {
        wake(out, until);
        return 0;
    }
    return missing + (base::is_planted("makes_one_too_many") ? 1 : 0);
}

void plan_births(const world& from, const roster& who, plan& out)
{
    const auto& component = who.wish.name;
    std::set<std::string> taken;
    for (auto n = allowed_new(from, who, out); n > 0; --n) {
        const auto release = who.effective->number;
        out.actions.emplace_back(
            create_instance{free_name(from, component, release, taken), component, release});
    }
    // One: the first instance is the trial.
    if (const auto& task = who.wish.task; task && task->makes_ahead && who.ahead.empty())
        out.actions.emplace_back(
            create_instance{free_name(from, component, *task->ahead, taken), component, *task->ahead, true});
}

/// Why a running instance must not be waited for any longer; empty while it may.
std::string reason_to_condemn(
    const world& from, const instance& i, const model::component_spec& spec, plan& out)
{
    if (i.now != phase::running || i.ready_at)
        return {};
    const auto until = give_up_at(i, spec);
    if (from.now < until) {
        wake(out, until);
        return {};
    }
    if (i.address.empty())
        return "it has no network address";
    return fmt::format("not ready within {}", base::human(spec.ready_timeout));
}

bool has_older_live(const roster& who)
{
    return std::ranges::any_of(who.wish.releases, [&](const auto& entry) {
        return entry.first < who.effective->number && entry.second->outcome == model::release_outcome::live;
    });
}

/// A new release that falls sick, or whose port somebody else holds, must not wait for ever while an older
/// one could go on.
std::string reason_to_give_up(
    const world& from, const roster& who, const instance& i, const model::component_spec& spec, plan& out)
{
    if (!i.ready_at || !who.unproven)
        return {};
    if (is_sick(&i) && has_older_live(who))
        return sickness_of(i);
    if (who.outdated.empty())
        return {};
    for (const auto& f : frontends_of(from, spec)) {
        const auto refused = from.proxy.refused.find(f.id);
        if (refused == from.proxy.refused.end())
            continue;
        const auto until = *i.ready_at + spec.ready_timeout;
        if (from.now >= until)
            return refused->second;
        wake(out, until);
    }
    return {};
}

void plan_readiness(const world& from, const instance& i, plan& out)
{
    const auto* spec = spec_of(from, i);
    const bool passes = i.ready == verdict::passing || base::is_planted("ready_without_its_checks");
    if (spec == nullptr || i.now != phase::running || i.ready_at || !passes || i.address.empty())
        return;
    // Without checks only Docker knows that it still runs.
    const auto proven_at = i.started_at + proof_of_life;
    if (!spec->ready_checks.empty() || (from.docker.reachable && from.now >= proven_at))
        out.actions.emplace_back(mark_ready{i.name});
    else if (from.now < proven_at)
        wake(out, proven_at);
}

void plan_growth(const world& from, const roster& who, plan& out)
{
    for (const auto* i : who.current) {
        const auto& spec = who.effective->spec;
        if (i->now == phase::created && who.may_begin)
            out.actions.emplace_back(start_instance{i->name});
        plan_readiness(from, *i, out);
        auto why = reason_to_condemn(from, *i, spec, out);
        if (why.empty())
            why = reason_to_give_up(from, who, *i, spec, out);
        if (!why.empty())
            out.actions.emplace_back(condemn_instance{i->name, std::move(why)});
    }
    // An older one that we do not know to be ready, because everything that told us is gone, may well serve.
    for (const auto* i : who.outdated)
        plan_readiness(from, *i, out);
}

bool was_live(const roster& who, const instance& i)
{
    const auto release = who.wish.releases.find(i.release);
    return release != who.wish.releases.end() && release->second->outcome == model::release_outcome::live;
}

/// Those of other releases may go when enough serve without them. Only what was read back as serving counts.
void retire_outdated(const world& from, const roster& who, int good, plan& out)
{
    if (!who.may_retire)
        return;
    const auto ripe = ripe_at(from, who);
    if (ripe > from.now)
        wake(out, ripe);
    const auto serves = [&](const instance* i) { return is_serving(from, *i); };
    auto old_serving = static_cast<int>(std::ranges::count_if(who.outdated, serves));
    for (const auto* i : who.outdated) {
        const bool never_served = !i->ready_at && !was_live(who, *i);
        const int left = good + old_serving - (serves(i) ? 1 : 0);
        const bool is_missed = (good == 0 || left < who.wanted || !ripe || *ripe > from.now) &&
                               !base::is_planted("retires_before_the_new_serve");
        if (!never_served && is_missed)
            continue;
        out.actions.emplace_back(begin_drain{i->name,
            i->made_ahead
                ? std::string("it was made for a turn that does not come now")
                : fmt::format("release {} takes its place", model::value_of(who.effective->number))});
        old_serving -= serves(i) ? 1 : 0;
    }
}

/// With nothing left to go back to: what never served goes, what serves stays.
void retire_failed(const roster& who, plan& out)
{
    for (const auto* i : who.outdated) {
        const auto release = who.wish.releases.find(i->release);
        const bool failed = release != who.wish.releases.end() && has_failed(who.wish, *release->second);
        if (i->made_ahead)
            out.actions.emplace_back(begin_drain{i->name, "it was made for a turn that does not come now"});
        else if (failed && !i->ready_at)
            out.actions.emplace_back(
                begin_drain{i->name, fmt::format("release {} failed", model::value_of(i->release))});
    }
}

/// Who may go without anybody missing them.
void plan_retirement(const world& from, const roster& who, plan& out)
{
    const auto good = who.good(from);
    retire_outdated(from, who, good, out);

    // In a trial it would count against the release, which is good enough without this one.
    for (const auto* i : who.current)
        if (is_sick(i) && good >= who.wanted && !who.unproven)
            out.actions.emplace_back(begin_drain{i->name, sickness_of(*i), true});

    if (who.wish.task && who.wish.task->keeps_surplus)
        return;
    auto surplus = good - who.wanted + (base::is_planted("counts_one_too_many") ? 1 : 0);
    for (auto i = who.current.rbegin(); i != who.current.rend() && surplus > 0; ++i)
        if (is_serving(from, **i) && !is_sick(*i)) {
            out.actions.emplace_back(begin_drain{(*i)->name, "one too many"});
            --surplus;
        }
}

/// On a machine of its own; a fleet does it together.
void settle(const world& from, const roster& who, plan& out)
{
    if (const auto wanted = who.wish.releases.find(who.wish.wanted.value_or(model::release_number{}));
        wanted != who.wish.releases.end() && wanted->second->outcome == model::release_outcome::pending &&
        has_failed(who.wish, *wanted->second))
        out.actions.emplace_back(
            settle_release{who.wish.name, wanted->first, model::release_outcome::failed});
    if (who.effective != nullptr && who.effective->outcome == model::release_outcome::pending &&
        who.good(from) >= who.wanted)
        out.actions.emplace_back(
            settle_release{who.wish.name, who.effective->number, model::release_outcome::live});
}

/// The replacement comes first: Docker does one thing at a time, and the dead can wait; but not for a pull.
bool is_starting_another(const world& from, const roster& who, plan& out)
{
    std::optional<time_point> until;
    for (const auto* i : who.current)
        if (i->now == phase::creating || i->now == phase::created)
            until = std::max(until.value_or(from.now), i->started_at + longest_birth);
    if (who.wanted == 0 || !until || *until <= from.now)
        return false;
    wake(out, until);
    return true;
}

void bury(const world& from, const roster& who, plan& out)
{
    if (is_starting_another(from, who, out))
        return;
    for (const auto* i : who.dead) {
        const bool expected = !is_uncounted_death(i) || who.wish.intent != model::intent::ready;
        if (expected)
            out.actions.emplace_back(remove_instance{i->name});
        else
            out.actions.emplace_back(condemn_instance{i->name,
                fmt::format("exited{}{}", i->exit_code ? fmt::format(" with code {}", *i->exit_code) : "",
                    i->ready_at ? "" : " before it was ready")});
    }
}

void plan_end(const roster& who, plan& out)
{
    if (who.wish.intent == model::intent::killed) {
        for (const auto* i : who.all)
            if (i->now == phase::running)
                out.actions.emplace_back(kill_instance{i->name});
            else if (i->now == phase::created)  // Docker kills only what runs
                out.actions.emplace_back(remove_instance{i->name});
        return;
    }
    for (const auto* list : {&who.current, &who.outdated})
        for (const auto* i : *list)
            out.actions.emplace_back(begin_drain{i->name, "the component is to stop"});
}

}  // namespace

int roster::good(const world& in) const
{
    return static_cast<int>(
        std::ranges::count_if(current, [&](const instance* i) { return is_serving(in, *i) && !is_sick(i); }));
}

int roster::usable(time_point now) const
{
    return static_cast<int>(std::ranges::count_if(
        current, [&](const instance* i) { return !is_sick(i) || now < replaceable_at(*this, *i); }));
}

std::string sickness_of(const instance& i)
{
    if (i.healthy == verdict::failing)
        return fmt::format("its health check \"{}\" fails: {}", i.check, i.answer);
    if (i.now == phase::running && i.ready_at && i.address.empty())
        return "it has lost its network address";
    return {};
}

time_point replaceable_at(const roster& who, const instance& sick)
{
    if (!sick.sick_since || who.effective == nullptr || who.current.size() < 2)
        return time_point();
    const auto& checks = who.effective->spec.health_checks;
    const auto check = std::ranges::find(checks, sick.check, &model::check_spec::id);
    if (check == checks.end())
        return time_point();
    return *sick.sick_since + std::min<base::duration>(check->fall * check->interval, longest_comparison);
}

std::optional<suspicion> suspected_dependency(const roster& who)
{
    suspicion out;
    for (const auto* i : who.current) {
        if (i->now != phase::running || !i->ready_at || i->healthy == verdict::undecided)
            continue;
        if (i->healthy != verdict::failing || (out.instances > 0 && i->check != out.check))
            return std::nullopt;
        ++out.instances;
        out.check = i->check;
        out.answer = i->answer;
        out.since = std::max(out.since, i->sick_since.value_or(time_point()));
    }
    out.until = out.since + dependency_patience;
    return out.instances < 2 ? std::nullopt : std::optional(std::move(out));
}

std::optional<time_point> ripe_at(const world& from, const roster& who)
{
    if (!who.wish.task || !who.unproven)
        return time_point();
    std::optional<time_point> newest;
    for (const auto* i : who.current)
        if (is_serving(from, *i))
            newest = std::max(newest.value_or(time_point()), *i->ready_at);
    if (newest)
        *newest += who.effective->spec.rollout.min_healthy_time;
    return newest;
}

roster make_roster(const world& from, const component& wish)
{
    roster out{.wish = wish, .effective = effective_release(wish)};
    out.unproven = out.effective != nullptr && is_unproven(wish, *out.effective);
    if (wish.task) {
        out.may_begin = (wish.task->proven || wish.task->holds) && !wish.task->entering;
        if (base::is_planted("changes_without_a_slot"))
            out.may_begin = true;
        out.may_retire = !wish.task->frozen;
        out.away = wish.task->away;
        out.carried = wish.task->carries;
    }
    out.wanted = instances_asked(wish);
    for (const auto& [name, i] : from.instances) {
        if (i.component != wish.name)
            continue;
        out.all.push_back(&i);
        if (i.now == phase::exited)
            out.dead.push_back(&i);
        else if (i.drain_since)
            out.draining.push_back(&i);
        else if (i.failure)
            out.condemned.push_back(&i);
        else if (out.effective != nullptr && i.release == out.effective->number)
            out.current.push_back(&i);
        else if (i.made_ahead && wish.task && wish.task->ahead == i.release)
            out.ahead.push_back(&i);
        else
            out.outdated.push_back(&i);
    }
    return out;
}

std::optional<time_point> held_back_until(const world& from, const roster& who)
{
    if (who.effective == nullptr)
        return std::nullopt;
    const auto crashes = who.wish.crashes.find(who.effective->number);
    if (crashes == who.wish.crashes.end())
        return std::nullopt;
    const auto until = crashes->second.last_at + restart_delay(crashes->second.count);
    return until > from.now ? std::optional(until) : std::nullopt;
}

void plan_component(const world& from, const roster& who, plan& out)
{
    if (who.wish.hold)
        return;
    bury(from, who, out);
    if (from.fleet)
        plan_rollout(from, who, out);
    if (who.wish.intent != model::intent::ready) {
        plan_end(who, out);
        return;
    }
    plan_moves(from, who, out);
    if (who.away) {
        plan_absence(from, who, out);
        return;
    }
    if (who.effective != nullptr) {
        plan_births(from, who, out);
        plan_growth(from, who, out);
        plan_retirement(from, who, out);
    } else if (who.wish.wanted) {
        retire_failed(who, out);
    }
    if (!from.fleet)
        settle(from, who, out);
}

}  // namespace detail
}  // namespace gantryd::planner
