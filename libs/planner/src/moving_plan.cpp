// What a machine does for the moves of work between machines, and what it says of them.
#include "component_plan.hpp"

#include <gantryd/planner/moving.hpp>
#include <gantryd/planner/rollout.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::planner::detail {
namespace {

std::string names_of(const world& in, const shares& machines)
{
    std::string out;
    for (const auto& [id, share] : machines)
        out += (out.empty() ? "" : ", ") + name_of(*in.fleet, id);
    return out;
}

const machine_view* my_view(const world& in)
{
    const auto me = in.fleet->machines.find(in.fleet->me);
    return me == in.fleet->machines.end() ? nullptr : &me->second;
}

/// What a machine that is to carry instances, and does not serve them all, says of it.
std::string shortage(const world& in, const component& of, const model::machine_id& id)
{
    const auto name = name_of(*in.fleet, id);
    const auto& machine = in.fleet->machines.at(id);
    const auto work = machine.work.find(of.name);
    if (!machine.present)
        return name + " is away";
    const auto seen = work == machine.work.end() ? work_view() : work->second;
    const auto state = seen.carries == 0 ? std::string("has not begun")
                                         : fmt::format("serves {} of {}", seen.serving, seen.asked);
    return fmt::format("{} {}{}{}", name, state, seen.obstacle.empty() ? "" : ": ", seen.obstacle);
}

class move_explainer {
public:
    move_explainer(const world& from, const roster& who, plan& out)
        : from_(from),
          of_(who.wish),
          who_(who),
          out_(out)
    {
    }

    void explain()
    {
        const auto* me = my_view(from_);
        if (of_.hold || of_.intent != model::intent::ready || goal_of(of_) == nullptr)
            return;
        const bool drains = me != nullptr && me->drains;
        const bool returns = me != nullptr && me->returns;
        const bool has_surplus = of_.task->keeps_surplus && who_.good(from_) > who_.wanted;
        if (!drains && !returns && who_.carried == 0 && !has_surplus)
            return;  // nothing moves, and no time is spent on it
        carriers_ = carriers_of(from_, of_);
        if (drains)
            explain_drain();
        else if (returns)
            explain_return();
        else if (who_.carried > 0)
            explain_load();
        else
            explain_surplus();
    }

private:
    condition& add(reason code, std::string text)
    {
        out_.conditions.push_back({.code = code, .component = of_.name, .text = std::move(text)});
        return out_.conditions.back();
    }

    std::string undrain(const std::string& machine) const
    {
        return fmt::format("gantryd machine undrain {} {}", from_.project.text(), machine);
    }

    void explain_drain()
    {
        const auto me = from_.fleet->me.text();
        if (who_.away) {
            auto& c = add(
                reason::work_moved, "the machine is drained; its work is on " + names_of(from_, carriers_));
            c.then = "nothing of it is started here, and nothing is behind its external ports";
            c.command = undrain(me);
            return;
        }
        if (carriers_.empty()) {
            auto& c = add(reason::no_carrier, "the machine is drained, and no other machine that is there "
                                              "and takes work looks after the component");
            c.then = "it goes on here until there is one";
            c.command = undrain(me);
            return;
        }
        auto& c = add(reason::waiting_carrier, "the machine is drained; " + obstacle());
        c.text += failures();
        c.then = "it goes on here until others serve its work";
        c.command = fmt::format("gantryd status {} -c {}", from_.project.text(), of_.name.text());
        if (of_.carried_since)
            if (const auto ripe = *of_.carried_since + policy_of(of_).min_healthy_time; ripe > from_.now)
                c.until = ripe;
        explain_obstacles(c);
    }

    /// What is done about those who cannot do this machine's work, and what somebody could do there.
    void explain_obstacles(condition& c) const
    {
        const auto stuck = stuck_carriers(from_, of_);
        if (!stuck.empty()) {
            const auto next = std::ranges::min(stuck, {}, &stuck_carrier::passed_over_at).passed_over_at;
            c.then = "another machine is asked for it; " + c.then;
            c.until = std::max(next, from_.now);
        }
        const auto remedy_on = [&](const auto& entry) -> std::string {
            const auto& work = from_.fleet->machines.at(entry.first).work;
            const auto found = work.find(of_.name);
            return found == work.end() ? std::string() : found->second.remedy;
        };
        const auto can_be_helped = [&](const auto& entry) { return !remedy_on(entry).empty(); };
        if (const auto first = std::ranges::find_if(of_.carriers_short, can_be_helped);
            first != of_.carriers_short.end())
            c.command = fmt::format("on {}: {}", name_of(*from_.fleet, first->first), remedy_on(*first));
    }

    /// Those that were asked before and could not.
    std::string failures() const
    {
        const auto* me = my_view(from_);
        const auto failed = me->failed.find(of_.name);
        std::string out;
        if (failed == me->failed.end())
            return out;
        for (const auto& [id, failure] : failed->second)
            if (!carriers_.contains(id))
                out += fmt::format("; {} was passed over: {}", name_of(*from_.fleet, id), failure.why);
        return out;
    }

    /// Why the work of this machine, which is drained, is not on others yet, or not any more.
    std::string obstacle() const
    {
        if (own_slot(from_, of_))
            return "it is in the middle of a change, and finishes that first";
        std::string out;
        for (const auto& [id, share] : carriers_)
            if (!carries(from_, of_, id, share))
                out += (out.empty() ? "" : ", ") + shortage(from_, of_, id);
        if (!out.empty())
            return out;
        for (const auto& user : users_here(from_, of_))
            out += (out.empty() ? "" : ", ") + user.text();
        if (!out.empty())
            return "its links are in use here, by " + out;
        return names_of(from_, carriers_) + " took its work, and has to last";
    }

    void explain_return()
    {
        if (who_.good(from_) >= who_.wanted)
            return;
        auto& c = add(reason::work_returning,
            carriers_.empty() ? "the machine takes its work back"
                              : "the machine takes its work back; it is on " + names_of(from_, carriers_));
        c.then = "the others let go of it when all of it serves here";
        c.command = fmt::format("gantryd why {} {}", from_.project.text(), of_.name.text());
    }

    void explain_load()
    {
        std::string names;
        std::string first;
        for (const auto& [id, machine] : from_.fleet->machines) {
            if (!(machine.drains || machine.returns) || !looks_after(machine, of_.name))
                continue;
            names += (names.empty() ? "" : ", ") + name_of(*from_.fleet, id);
            if (first.empty())
                first = id.text();
        }
        const auto own = who_.wanted - who_.carried;
        const auto there = std::clamp(who_.good(from_) - own, 0, who_.carried);
        auto& c = add(reason::carrying,
            fmt::format("{} of {} instances serve beside its own, for {}", there, who_.carried, names));
        c.then = "they go when all of that machine's work is back where it was";
        c.command = undrain(first);
    }

    void explain_surplus()
    {
        auto& c =
            add(reason::carrying, fmt::format("{} instances more than its own serve for machines that are "
                                              "drained, until others carry them: {}",
                                      who_.good(from_) - who_.wanted, names_of(from_, carriers_)));
        c.then = "they go when the others serve";
        c.command = fmt::format("gantryd machines {}", from_.project.text());
    }

    const world& from_;
    const component& of_;
    const roster& who_;
    plan& out_;
    shares carriers_;
};

}  // namespace

void plan_absence(const world& from, const roster& who, plan& out)
{
    const auto why = "the machine is drained; its work is on " + names_of(from, carriers_of(from, who.wish));
    for (const auto* list : {&who.current, &who.outdated})
        for (const auto* i : *list)
            out.actions.emplace_back(begin_drain{i->name, why});
}

void plan_moves(const world& from, const roster& who, plan& out)
{
    const auto& of = who.wish;
    if (!of.task || (!of.carried_since && !of.short_since))
        return;
    for (const auto& stuck : stuck_carriers(from, of)) {
        if (stuck.passed_over_at > from.now)
            wake(out, stuck.passed_over_at);
        else
            out.actions.emplace_back(
                pass_over{of.name, stuck.machine, stuck.work.obstacle, my_view(from)->mark_revision});
    }
    const auto wake_later = [&](time_point at) {
        if (at > from.now)
            wake(out, at);
    };
    if (of.carried_since)
        wake_later(*of.carried_since + policy_of(of).min_healthy_time);
    if (of.short_since)
        wake_later(*of.short_since + take_back_after);
    for (const auto& [id, machine] : from.fleet->machines)
        if (!machine.present)
            wake_later(machine.gone_since + policy_of(of).lost_after);
}

void plan_return(const world& from, const std::vector<roster>& everyone, plan& out)
{
    const auto* me = from.fleet && from.fleet->known ? my_view(from) : nullptr;
    if (me == nullptr || !me->returns || !from.docker.reachable || !from.haproxy.reachable)
        return;
    const bool whole = std::ranges::all_of(everyone, [&](const roster& who) {
        return who.good(from) >= who.wanted;  // nothing is wanted of what is stopped or has no release
    });
    if (whole)
        out.actions.emplace_back(end_return{me->mark_revision});
}

void explain_moves(const world& from, const roster& who, plan& out)
{
    if (from.fleet && who.wish.task)
        move_explainer(from, who, out).explain();
}

}  // namespace gantryd::planner::detail
