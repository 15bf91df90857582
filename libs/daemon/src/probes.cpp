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
        // The connection check is answered by the proxy's own numbers: see drain::facts.
        std::ranges::copy_if(spec->termination_checks, std::back_inserter(out.checks),
            [](const model::check_spec& c) { return c.kind != model::check_kind::connection; });
        const bool told = spec->termination_signals.empty() || of.signals_done;
        if (!told)
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
    const auto& kept = watches_[name] = std::move(what);
    note(name, kept);  // without checks the verdict stands at once
    for (std::size_t i = 0; i < count; ++i)
        tasks_.spawn(task_name(name, round), run_check(name, i, round));
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
        const auto started_at = instance->started_at;
        auto answer = co_await st_.io.prober.probe(check, std::move(target));

        auto* now = find(name, round);
        if (now == nullptr)
            co_return;
        auto& judged = now->judgements[index];
        const auto verdict_before = judged.now;
        judged = health_policy::judge(
            judged, check, answer.passed, std::move(answer.answer), started_at, st_.io.clk.now());
        note(name, *now);
        if (judged.now != verdict_before && verdict_before != verdict::undecided)
            st_.io.log.info("check changed",
                {{"instance", name.text()}, {"check", check.id},
                    {"verdict", health_policy::text_of(judged.now)}, {"answer", judged.answer}});
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
    std::vector<verdict> verdicts;
    const judgement* worst = nullptr;
    const model::check_spec* worst_check = nullptr;
    for (std::size_t i = 0; i < of.checks.size(); ++i) {
        const auto& j = of.judgements[i];
        verdicts.push_back(j.now);
        if (j.tries > 0 && j.now != verdict::passing && worst == nullptr) {
            worst = &j;
            worst_check = &of.checks[i];
        }
    }
    auto& field = of.now == stage::ready    ? instance->ready
                  : of.now == stage::health ? instance->healthy
                                            : instance->termination;
    const auto verdict_now = health_policy::together(verdicts);
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
