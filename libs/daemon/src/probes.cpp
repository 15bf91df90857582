#include "probes.hpp"

#include <algorithm>
#include <random>

namespace gantryd::daemon {
namespace {

using health_policy::judgement;
using health_policy::verdict;

std::string task_name(const model::instance_name& name, std::uint64_t round)
{
    return name.text() + "/" + std::to_string(round);
}

/// The same pause give or take a tenth, so that many checks do not march in step.
runtime::duration spread(runtime::duration pause, std::mt19937& random)
{
    std::uniform_int_distribution<runtime::duration::rep> jitter(-pause.count() / 10, pause.count() / 10);
    return pause + runtime::duration(jitter(random));
}

}  // namespace

std::optional<probes::watch> probes::wanted_for(const planner::instance& of) const
{
    const auto* spec = planner::spec_of(st_.world, of);
    if (spec == nullptr || of.now != planner::phase::running || of.failure || of.stop_since)
        return std::nullopt;
    watch out;
    out.address = of.address;
    if (of.drain_since) {
        out.now = stage::termination;
        out.checks = spec->termination_checks;
        const bool told = spec->termination_signals.empty() || of.signals_done;
        if (!told || !planner::may_be_told(st_.world, of))
            return std::nullopt;
    } else if (of.ready_at) {
        out.now = stage::health;
        out.checks = spec->health_checks;
    } else {
        out.now = stage::ready;
        out.checks = spec->ready_checks;
    }
    return out;
}

void probes::fit()
{
    for (auto at = watches_.begin(); at != watches_.end();) {
        const auto* instance = st_.find(at->first);
        const auto wanted = instance == nullptr ? std::nullopt : wanted_for(*instance);
        const auto& present = at->second;
        const bool same = wanted && wanted->now == present.now && wanted->address == present.address;
        if (same) {
            if (present.now == stage::termination)
                go_on(at->first, at->second);
            ++at;
            continue;
        }
        tasks_.stop(task_name(at->first, present.round));
        at = watches_.erase(at);
    }
    for (const auto& [name, instance] : st_.world.instances) {
        if (watches_.contains(name))
            continue;
        if (auto wanted = wanted_for(instance))
            begin(name, std::move(*wanted));
    }
}

void probes::begin(const model::instance_name& name, watch what)
{
    what.round = ++rounds_;
    what.judgements.resize(what.checks.size());
    const auto count = what.checks.size();
    const auto round = what.round;
    auto& kept = watches_[name] = std::move(what);
    note(name, kept);  // without checks the verdict stands at once
    if (kept.now == stage::termination) {
        go_on(name, kept);
        return;
    }
    for (std::size_t i = 0; i < count; ++i)
        tasks_.spawn(task_name(name, round), run_check(name, i, round));
}

void probes::go_on(const model::instance_name& name, watch& of)
{
    const auto* instance = st_.find(name);
    const auto is_connection = [&] { return of.checks[of.passed].kind == model::check_kind::connection; };
    while (instance != nullptr && of.passed < of.checks.size() && is_connection()) {
        // Answered by what the drain counts anyway.
        if (!planner::is_idle(st_.world, *instance))
            return;
        of.judgements[of.passed].now = verdict::passing;
        of.begun = ++of.passed;
        note(name, of);
    }
    if (of.passed == of.checks.size() || of.begun > of.passed)
        return;
    of.begun = of.passed + 1;
    tasks_.spawn(task_name(name, of.round), run_check(name, of.passed, of.round));
}

bool probes::take(const planner::instance& of, watch& what, std::size_t index, health::probe_result answer)
{
    st_.conceal_words(of.component, answer.answer);
    auto& judged = what.judgements[index];
    const auto& check = what.checks[index];
    const auto before = judged.now;
    judged = health_policy::judge(
        judged, check, answer.passed, std::move(answer.answer), of.started_at, st_.io.clk.now());
    const bool leaves = what.now == stage::termination;
    const bool passes = judged.now == verdict::passing;
    // A check that passes for the first time is told by what it was for: the instance is ready.
    if (judged.now != before && (leaves || before != verdict::undecided))
        st_.tell(happening::check_changed, of,
            (leaves ? "termination check \"" : "check \"") + check.id + "\" " +
                (passes ? "passes" : "fails") + ": " + judged.answer);
    if (!leaves || !passes)
        return true;
    what.passed = index + 1;
    return false;
}

verdict probes::verdict_of(const watch& what)
{
    std::vector<verdict> all;
    all.reserve(what.judgements.size());
    for (const auto& judged : what.judgements)
        all.push_back(judged.now);
    return health_policy::together(all);
}

probes::watch* probes::find(const model::instance_name& name, std::uint64_t round)
{
    const auto found = watches_.find(name);
    return found == watches_.end() || found->second.round != round ? nullptr : &found->second;
}

boost::asio::awaitable<void> probes::run_check(
    model::instance_name name, std::size_t index, std::uint64_t round)
{
    bool announced = false;
    for (;;) {
        const auto* instance = st_.find(name);
        const auto* before = find(name, round);
        if (instance == nullptr || before == nullptr)
            co_return;
        const auto check = before->checks[index];
        if (!announced && before->now == stage::ready)
            st_.watcher.check_running(*instance, check);
        announced = true;

        health::probe_target target{instance->container, instance->address};
        auto answer = co_await st_.io.prober.probe(check, std::move(target));

        auto* now = find(name, round);
        if (now == nullptr)
            co_return;
        instance = st_.find(name);
        if (instance == nullptr)
            co_return;
        const bool again = take(*instance, *now, index, std::move(answer));
        note(name, *now);
        if (!again) {
            st_.dirty.set();  // the next one's turn
            co_return;
        }
        const auto& judged = now->judgements[index];
        const auto pause = spread(health_policy::pause_after(judged, check), st_.io.random);
        co_await st_.io.clk.sleep_until(st_.io.clk.now() + pause);
    }
}

/// Puts what the checks together say into the world.
void probes::note(const model::instance_name& name, const watch& of)
{
    auto* instance = st_.find(name);
    if (instance == nullptr)
        return;
    const judgement* worst = nullptr;
    const model::check_spec* worst_check = nullptr;
    for (std::size_t i = 0; i < of.checks.size(); ++i) {
        const auto& j = of.judgements[i];
        if (j.tries > 0 && j.now != verdict::passing && worst == nullptr) {
            worst = &j;
            worst_check = &of.checks[i];
        }
    }
    auto& field = of.now == stage::ready    ? instance->ready
                  : of.now == stage::health ? instance->healthy
                                            : instance->termination;
    const auto verdict_now = verdict_of(of);
    const auto check = worst_check == nullptr ? std::string() : worst_check->id;
    const auto answer = worst == nullptr ? std::string() : worst->answer;
    if (field == verdict_now && instance->check == check && instance->answer == answer)
        return;
    if (of.now == stage::health && verdict_now != verdict::failing)
        instance->sick_since.reset();
    else if (of.now == stage::health && !instance->sick_since)
        instance->sick_since = st_.io.clk.now();
    field = verdict_now;
    instance->check = check;
    instance->answer = answer;
    st_.dirty.set();
}

}  // namespace gantryd::daemon
