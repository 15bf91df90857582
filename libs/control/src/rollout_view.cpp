#include <gantryd/control/rollout_view.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::control {
namespace {

using model::release_outcome;
using model::rollout_verdict;
using standing = machine_standing;

bool takes_traffic(const model::instance_report& instance)
{
    return instance.state == "serving" || instance.state == "ready";
}

std::string name_of(model::release_number number)
{
    return fmt::format("release {}", model::value_of(number));
}

/// The newest release before that one that was live: what machines go back to.
const model::release* former(const component_overview& of, model::release_number than)
{
    const model::release* out = nullptr;
    for (const auto& [number, release] : of.releases)
        if (number < than && release.outcome == release_outcome::live)
            out = &release;
    return out;
}

class viewer {
public:
    viewer(const project_overview& all, const component_overview& of, const model::release& release)
        : all_(all),
          of_(of),
          release_(release),
          record_(of.rollout_of(release.number))
    {
    }

    rollout_view view() const
    {
        rollout_view out{.release = release_.number, .text = {}, .machines = {}};
        for (const auto& [id, name] : all_.names()) {
            const auto* daemon = all_.find_machine(id);
            if (daemon != nullptr ? looks_after(*daemon, of_.name) : of_.report_of(id) != nullptr)
                out.machines.push_back(look_at(id, name, daemon != nullptr));
        }
        out.stage = stage_of(out.machines);
        out.text = text_for(out);
        return out;
    }

private:
    bool has_failed() const
    {
        return release_.outcome == release_outcome::failed ||
               (record_ != nullptr && record_->verdict == rollout_verdict::failed);
    }

    bool is_changing(const model::machine_id& id, const model::component_report* report) const
    {
        const bool holds =
            std::ranges::any_of(of_.slots, [&](const auto& slot) { return slot.second.machine == id; });
        return holds || (report != nullptr && std::ranges::any_of(report->instances, [&](const auto& i) {
            return i.release == release_.number && i.state != "prepared";
        }));
    }

    machine_progress look_at(const model::machine_id& id, const std::string& name, bool is_here) const
    {
        const auto* report = of_.report_of(id);
        machine_progress out{.id = id, .name = name, .running = {}, .text = {}};
        if (report != nullptr)
            out.running = report->running;
        const auto runs = out.running ? "runs " + name_of(*out.running) : std::string("runs nothing of it");
        out.text = report == nullptr ? "has not told anything yet" : runs;
        const bool has_it = report != nullptr && std::ranges::any_of(report->instances, [&](const auto& i) {
            return i.release == release_.number && takes_traffic(i);
        });
        if (!is_here) {
            out.standing = standing::lost;
            out.text += report == nullptr ? "" : ", when it told last";
        } else if (has_failed()) {
            out.standing = has_it ? standing::going_back : standing::back;
        } else if (report != nullptr && runs_alone(*report, release_.number)) {
            out.standing = standing::done;
        } else if (all_.draining.contains(id)) {
            out.standing = standing::draining;
            out.text += ", and is drained";
        } else {
            out.standing = is_changing(id, report) ? standing::changing : standing::waiting;
            if (report != nullptr && report->wanted == release_.number && !report->conditions.empty()) {
                // Its name, or the old one's end would be read as the new one's.
                const auto& first = report->conditions.front();
                out.text = (first.instance.empty() ? "" : first.instance + ": ") + first.text;
            }
        }
        return out;
    }

    rollout_stage stage_of(const std::vector<machine_progress>& machines) const
    {
        const auto any = [&](standing what) {
            return std::ranges::find(machines, what, &machine_progress::standing) != machines.end();
        };
        if (!of_.state || of_.state->release != release_.number)
            return rollout_stage::superseded;
        if (has_failed()) {
            const bool returns = any(standing::going_back) && former(of_, release_.number) != nullptr &&
                                 of_.state->status == model::intent::ready;
            return returns ? rollout_stage::going_back : rollout_stage::failed;
        }
        if (of_.state->status != model::intent::ready)
            return rollout_stage::ended;
        if (record_ != nullptr && record_->verdict == rollout_verdict::paused)
            return rollout_stage::paused;
        const bool all_have_it = any(standing::done) && !any(standing::waiting) && !any(standing::changing);
        if (release_.outcome == release_outcome::live && all_have_it)
            return rollout_stage::done;
        return record_ != nullptr && record_->held ? rollout_stage::held : rollout_stage::under_way;
    }

    /// "2 of 3 machines have it"; empty with one machine, whose own line says more.
    std::string counts(const std::vector<machine_progress>& machines) const
    {
        const auto there = std::ranges::count_if(
            machines, [](const machine_progress& m) { return m.standing != standing::lost; });
        const auto have_it = std::ranges::count(machines, standing::done, &machine_progress::standing);
        return there < 2 ? std::string() : fmt::format("; {} of {} machines have it", have_it, there);
    }

    std::string failure() const
    {
        auto by = release_.outcome_by;
        auto why = release_.why_failed ? release_.why_failed->reason : std::string();
        if (record_ != nullptr && !record_->machine.empty())
            by = record_->machine;
        if (record_ != nullptr && why.empty())
            why = record_->why;
        return fmt::format("{} failed{}: {}", name_of(release_.number),
            by.empty() ? "" : " on " + all_.name_of(by), why.empty() ? "no evidence was kept" : why);
    }

    std::string text_while_under_way(const rollout_view& seen) const
    {
        const auto label = name_of(seen.release);
        if (!all_.is_looked_after(of_.name))
            return label +
                   fmt::format(": no daemon looks after it; start one with `gantryd run {}`", all_.project);
        const auto here = [](const machine_progress& m) { return m.standing != standing::lost; };
        if (std::ranges::all_of(
                seen.machines, [&](const auto& m) { return !here(m) || m.standing == standing::draining; }))
            return label + ": every machine that is there is drained; `gantryd machine undrain` changes that";
        const bool live = release_.outcome == release_outcome::live;
        if (std::ranges::count_if(seen.machines, here) == 1 && !live) {
            const auto& only = *std::ranges::find_if(seen.machines, here);
            const auto* report = of_.report_of(only.id);
            if (report != nullptr && report->wanted == seen.release && !report->conditions.empty())
                return fmt::format("{}: {}", label, only.text);
        }
        const auto in_the_way = obstacles_to(all_, of_);
        return label + (live ? " takes over" : " is under way") + counts(seen.machines) +
               (in_the_way.empty() ? "" : "; none is touched before all of them could run it: " + in_the_way);
    }

    std::string text_for(const rollout_view& seen) const
    {
        const auto label = name_of(seen.release);
        switch (seen.stage) {
        case rollout_stage::under_way: return text_while_under_way(seen);
        case rollout_stage::held:
            return fmt::format("{} is paused by {}{}", label,
                record_->held_by.empty() ? "an operator" : record_->held_by, counts(seen.machines));
        case rollout_stage::done: return label + " is live";
        case rollout_stage::going_back:
            return fmt::format("{}; machines that have it go back to {}", failure(),
                name_of(former(of_, seen.release)->number));
        case rollout_stage::failed: return failure();
        case rollout_stage::paused: return failure() + "; every machine stays as it is";
        case rollout_stage::superseded:
            return of_.state && of_.state->release
                       ? fmt::format("{} was superseded by {}", label, name_of(*of_.state->release))
                       : label + " is not wanted any more";
        case rollout_stage::ended:
            return fmt::format("{}: the component was {}", label, text_of(of_.state->status));
        case rollout_stage::unknown: break;
        }
        return label + " is gone from the store";
    }

    const project_overview& all_;
    const component_overview& of_;
    const model::release& release_;
    const model::rollout* record_;
};

}  // namespace

std::string_view text_of(machine_standing value) noexcept
{
    switch (value) {
    case standing::waiting: return "waiting";
    case standing::changing: return "changing";
    case standing::done: return "done";
    case standing::going_back: return "going back";
    case standing::back: return "back";
    case standing::draining: return "draining";
    case standing::lost: return "lost";
    }
    return "?";
}

std::string_view text_of(rollout_stage value) noexcept
{
    switch (value) {
    case rollout_stage::under_way: return "under way";
    case rollout_stage::held: return "held";
    case rollout_stage::done: return "done";
    case rollout_stage::going_back: return "going back";
    case rollout_stage::failed: return "failed";
    case rollout_stage::paused: return "paused";
    case rollout_stage::superseded: return "superseded";
    case rollout_stage::ended: return "ended";
    case rollout_stage::unknown: return "unknown";
    }
    return "?";
}

std::string obstacles_to(const project_overview& all, const component_overview& of)
{
    const auto* wanted = of.wanted();
    const auto* record = of.wanted_rollout();
    std::string out;
    if (wanted == nullptr || wanted->outcome != release_outcome::pending ||
        of.state->status != model::intent::ready || (record != nullptr && record->slots > 0))
        return out;
    for (const auto& machine : all.machines) {
        const auto word = of.preflights.find(machine.id);
        if (word == of.preflights.end() || word->second.release != wanted->number ||
            word->second.standing != model::preparation::blocked || all.draining.contains(machine.id) ||
            !looks_after(machine, of.name))
            continue;
        out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", all.name_of(machine.id), word->second.text);
    }
    return out;
}

bool runs_alone(const model::component_report& report, model::release_number release)
{
    return report.running == release &&
           std::ranges::all_of(report.instances, [&](const model::instance_report& instance) {
               return instance.release == release || !takes_traffic(instance);
           });
}

rollout_view view_rollout(
    const project_overview& all, const model::component_name& component, model::release_number release)
{
    const auto* of = all.find(component);
    if (of != nullptr)
        if (const auto found = of->releases.find(release); found != of->releases.end())
            return viewer(all, *of, found->second).view();
    return {.release = release,
        .stage = rollout_stage::unknown,
        .text = name_of(release) + " is gone from the store",
        .machines = {}};
}

}  // namespace gantryd::control
