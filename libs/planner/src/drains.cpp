#include "component_plan.hpp"

#include <algorithm>

namespace gantryd::planner::detail {

drain_view drain_of(const world& from, const instance& of)
{
    drain_view out;
    out.facts.running = of.now == phase::running;
    out.facts.since = of.drain_since.value_or(from.now);
    out.facts.routed_out = is_routed_out(from, of);
    out.facts.signals_done = of.signals_done;
    out.facts.connections = connections_of(from, of);
    out.facts.idle_for = of.idle_for;
    out.facts.stop_since = of.stop_since;
    if (const auto* spec = spec_of(from, of)) {
        out.facts.has_signals = !spec->termination_signals.empty();
        const bool has_checks = std::ranges::any_of(spec->termination_checks,
            [](const model::check_spec& c) { return c.kind != model::check_kind::connection; });
        out.facts.checks_passed = !has_checks || of.termination == verdict::passing;
        out.policy = {spec->drain.timeout, spec->drain.on_timeout, spec->stop_timeout};
    }
    // One that never served has nobody to wait for, and nothing to be told; but somebody may have come past
    // the proxy, and nobody knows before the kernel has been asked.
    if (!of.ready_at) {
        out.facts.has_signals = false;
        out.facts.checks_passed = true;
        if (of.direct || !of.no_kernel_witness.empty())
            out.facts.idle_for = std::max(out.facts.idle_for, drain::settle_time);
    }
    return out;
}

}  // namespace gantryd::planner::detail

namespace gantryd::planner {

bool may_be_told(const world& in, const instance& of)
{
    return of.drain_since && of.now == phase::running && is_routed_out(in, of);
}

std::chrono::milliseconds time_for_signals(const world& in, const instance& of, time_point now)
{
    const auto [facts, policy] = detail::drain_of(in, of);
    if (policy.on_timeout == model::drain_timeout_action::keep)
        return std::chrono::hours(1);
    return std::chrono::ceil<std::chrono::milliseconds>(drain::deadline(facts, policy) - now);
}

bool is_idle(const world& in, const instance& of)
{
    const auto facts = detail::drain_of(in, of).facts;
    return of.drain_since && facts.connections == 0 && facts.idle_for >= drain::settle_time;
}

}  // namespace gantryd::planner

namespace gantryd::planner::detail {
namespace {

void plan_departure(const world& from, const instance& i, plan& out)
{
    if (i.now == phase::created) {  // never started: nothing to stop
        out.actions.emplace_back(remove_instance{i.name});
        return;
    }
    if (i.now != phase::running)
        return;
    if (i.stop_unsure) {
        out.actions.emplace_back(stop_instance{i.name});
        return;
    }
    const auto [facts, policy] = drain_of(from, i);
    const auto decision = drain::decide(facts, policy, from.now);
    wake(out, decision.wake_at);
    switch (decision.next) {
    case drain::step::send_signals: out.actions.emplace_back(send_signals{i.name}); break;
    case drain::step::stop: out.actions.emplace_back(stop_instance{i.name}); break;
    case drain::step::kill: out.actions.emplace_back(kill_instance{i.name}); break;
    case drain::step::leave_routes:  // update_proxy does it
    case drain::step::await_idle:
    case drain::step::keep:
    case drain::step::await_exit:
    case drain::step::remove: break;
    }
}

}  // namespace

void plan_departures(const world& from, const roster& who, plan& out)
{
    if (who.wish.intent == model::intent::killed)
        return;  // plan_component() kills them all
    for (const auto* i : who.draining)
        plan_departure(from, *i, out);
    for (const auto* i : who.condemned) {
        if (i->now == phase::created)
            out.actions.emplace_back(remove_instance{i->name});
        else if (i->now == phase::running && i->ready_at && !i->stop_since)
            // It fell sick in its trial, or lacks one of its ports: whoever it serves must not be cut off.
            out.actions.emplace_back(begin_drain{i->name, i->failure->reason});
        else if (i->now == phase::running && (!i->stop_since || i->stop_unsure))
            out.actions.emplace_back(stop_instance{i->name});
        else if (i->now == phase::running)
            plan_departure(from, *i, out);
    }
}

}  // namespace gantryd::planner::detail
