#include "conditions.hpp"

#include <gantryd/model/component_json.hpp>
#include <gantryd/planner/reasons.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::app {
namespace {

std::string code(planner::reason of) { return std::string(text_of(of)); }

std::int64_t number(const model::release& of) { return model::value_of(of.number); }

/// The newest release that was made of what is stored as config now, when that one failed; else null.
const model::release* failed_with_config(const control::component_overview& of)
{
    const model::release* newest = nullptr;
    const auto hash = of.configured ? model::spec_hash(*of.configured, of.configured_secrets) : std::string();
    for (const auto& [ignored, release] : of.releases)
        if (release.spec_hash == hash)
            newest = &release;
    const bool failed = newest != nullptr && newest->outcome == model::release_outcome::failed;
    return failed ? newest : nullptr;
}

/// When a daemon told something of the component last.
base::wall_time last_word(const control::component_overview& of)
{
    base::wall_time out{};
    for (const auto& report : of.reports)
        out = std::max(out, report.reported_at);
    return out;
}

std::string difference_from(const model::release& release, const control::component_overview& of)
{
    if (model::spec_hash(*of.configured, release.secrets) == release.spec_hash)
        return fmt::format("a secret has a newer value than release {} was made with", number(release));
    return fmt::format("the stored config differs from release {}", number(release));
}

model::condition difference(const control::component_overview& of, const std::string& project)
{
    model::condition out{.code = code(planner::reason::config_differs),
        .instance = {},
        .text = difference_from(*of.wanted(), of),
        .until = {},
        .then = "the release goes on as it is",
        .command = command_line("update", project, of.name)};
    // After a rollback: who follows that command would have the failure again.
    if (const auto* failed = failed_with_config(of)) {
        out.text += fmt::format(": it is that of release {}, which failed", number(*failed));
        out.then += "; the next update would release that config again";
        out.command = fmt::format("gantryd setconfig {} FILE", project);
    }
    return out;
}

/// Others look after the component, and this machine had some of it.
model::condition absence(const model::component_report& of, const std::string& project)
{
    return {.code = code(planner::reason::no_daemon),
        .instance = {},
        .text = "this machine is lost, or its gantryd has ended; what it told last may be over",
        .since = of.reported_at,
        .until = {},
        .then = "nothing is started, stopped or healed there; it goes on when its gantryd is back",
        .command = "gantryd machines " + project};
}

}  // namespace

std::string command_line(
    const std::string& verb, const std::string& project, const model::component_name& component)
{
    return fmt::format("gantryd {} {} -c {}", verb, project, component.text());
}

std::vector<told_condition> conditions_of(const control::project_overview& all,
    const control::component_overview& of, const std::string& project, const std::string& full_disk,
    base::wall_time now)
{
    std::vector<told_condition> out;
    const auto add = [&](model::condition what) { out.push_back({std::move(what), std::nullopt}); };
    if (!full_disk.empty())
        add({code(planner::reason::disk_full), "", full_disk, now, std::nullopt,
            "what runs goes on; no order can be stored, and no daemon can tell how it is now", "df -h"});
    if (!of.state)
        add({code(planner::reason::no_release), "", "the component was never released", {}, std::nullopt,
            "nothing runs", command_line("update", project, of.name)});
    else if (!all.is_looked_after(of.name))
        add({code(planner::reason::no_daemon), "", "no gantryd daemon looks after the component now",
            last_word(of), std::nullopt, "what runs goes on running; nothing is started, stopped or healed",
            "gantryd run " + project});
    if (of.config_differs())
        add(difference(of, project));
    // A report of a daemon that is gone tells how it was, not how it is.
    for (const auto& report : of.reports) {
        const bool is_there = all.find_machine(report.machine) != nullptr;
        for (const auto& condition : is_there ? report.conditions : std::vector<model::condition>())
            out.push_back({condition, report.machine});
        if (!is_there && of.state && all.is_looked_after(of.name) && !report.instances.empty())
            out.push_back({absence(report, project), report.machine});
    }
    return out;
}

std::optional<told_failure> failure_of(const control::component_overview& of)
{
    if (const auto* release = of.wanted(); release != nullptr && release->why_failed) {
        const auto& by = release->outcome_by;
        return told_failure{*release->why_failed, by.empty() ? std::nullopt : std::optional(by)};
    }
    for (const auto& report : of.reports)
        if (report.last_failure)
            return told_failure{*report.last_failure, report.machine};
    return std::nullopt;
}

std::string place_of(const control::project_overview& all, const control::component_overview& of,
    const std::optional<model::machine_id>& machine)
{
    return machine && of.reports.size() > 1 ? all.name_of(*machine) : std::string();
}

std::string note_on(
    const control::project_overview& all, const control::component_overview& of, const std::string& project)
{
    if (!of.state)
        return fmt::format("never released; `{}` does it", command_line("update", project, of.name));
    const bool to_run = of.state->status == model::intent::ready;
    if (to_run && !all.is_looked_after(of.name))
        return fmt::format("no daemon looks after it; see `gantryd why {} {}`", project, of.name.text());
    const auto* release = of.wanted();
    if (release != nullptr && to_run && release->outcome == model::release_outcome::failed)
        return fmt::format(
            "release {} failed; see `gantryd why {} {}`", number(*release), project, of.name.text());
    if (!of.config_differs())
        return {};
    if (const auto* failed = failed_with_config(of))
        return fmt::format("the stored config is that of release {}, which failed; see `gantryd why {} {}`",
            number(*failed), project, of.name.text());
    return fmt::format("config changed since release {}; apply it with `{}`", number(*release),
        command_line("update", project, of.name));
}

}  // namespace gantryd::app
