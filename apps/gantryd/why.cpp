#include "commands.hpp"
#include "common/output.hpp"

#include <gantryd/model/component_json.hpp>
#include <gantryd/planner/reasons.hpp>
#include <gantryd/records/codec.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace gantryd::app {
namespace {

std::string code(planner::reason of) { return std::string(text_of(of)); }

std::string clock_time(base::wall_time when) { return base::rfc3339(when).substr(11, 8); }

std::string as_text(const model::condition& c)
{
    auto out = fmt::format("  {}{}: {}\n", c.code, c.instance.empty() ? "" : " " + c.instance, c.text);
    out += fmt::format("    since {} ({} ago)", clock_time(c.since), ago(c.since));
    if (c.until)
        out += fmt::format(", until {} at the latest", clock_time(*c.until));
    if (!c.then.empty())
        out += fmt::format("; then {}", c.then);
    out += "\n";
    if (!c.command.empty())
        out += fmt::format("    to change it: {}\n", c.command);
    return out;
}

std::string as_text(const model::evidence& e)
{
    auto out = fmt::format("  last failure, of {}: {}\n", e.instance, e.reason);
    if (e.exit_code)
        out += fmt::format(
            "    exit code {}{}\n", *e.exit_code, e.oom_killed ? ", killed for lack of memory" : "");
    if (!e.check.empty())
        out += fmt::format("    last answer of check \"{}\": {}\n", e.check, e.last_answer);
    if (!e.last_log_lines.empty())
        out += "    last log lines:\n";
    for (const auto& line : e.last_log_lines)
        out += "      " + line + "\n";
    return out;
}

/// The newest failure that any machine or release shows; nothing when all is well.
std::optional<model::evidence> failure_of(const control::component_overview& of)
{
    if (const auto* release = of.wanted(); release != nullptr && release->why_failed)
        return release->why_failed;
    for (const auto& report : of.reports)
        if (report.last_failure)
            return report.last_failure;
    return std::nullopt;
}

std::string difference_from(const model::release& release, const control::component_overview& of)
{
    const auto number = model::value_of(release.number);
    if (model::spec_hash(*of.configured, release.secrets) == release.spec_hash)
        return fmt::format("a secret has a newer value than release {} was made with", number);
    return fmt::format("the stored config differs from release {}", number);
}

boost::json::object as_json(
    const control::component_overview& of, const std::vector<model::condition>& conditions)
{
    boost::json::array list;
    for (const auto& condition : conditions)
        list.emplace_back(records::to_json(condition));
    boost::json::object out{{"component", of.name.text()}, {"conditions", std::move(list)}};
    if (const auto failure = failure_of(of))
        out["lastFailure"] = records::to_json(*failure);
    return out;
}

}  // namespace

std::vector<model::condition> conditions_of(const control::project_overview& all,
    const control::component_overview& of, const std::string& project, const std::string& full_disk)
{
    std::vector<model::condition> out;
    const auto now = std::chrono::system_clock::now();
    if (!full_disk.empty())
        out.push_back({code(planner::reason::disk_full), "", full_disk, now, std::nullopt,
            "what runs goes on; no order can be stored, and no daemon can tell how it is now", "df -h"});
    if (!of.state)
        out.push_back({code(planner::reason::no_release), "", "the component was never released", now,
            std::nullopt, "nothing runs", command_line("update", project, of.name)});
    else if (!all.is_looked_after(of.name))
        out.push_back({code(planner::reason::no_daemon), "",
            "no gantryd daemon looks after the component now", now, std::nullopt,
            "what runs goes on running; nothing is started, stopped or healed", "gantryd run " + project});
    if (const auto* release = of.wanted(); of.config_differs())
        out.push_back({code(planner::reason::config_differs), "", difference_from(*release, of), now,
            std::nullopt, "the release goes on as it is", command_line("update", project, of.name)});
    // A report of a daemon that is gone tells how it was, not how it is.
    for (const auto& report : of.reports)
        if (all.find_machine(report.machine) != nullptr)
            std::ranges::copy(report.conditions, std::back_inserter(out));
    return out;
}

boost::asio::awaitable<exit_code> why(invocation what, runtime::clock& clk)
{
    auto project = co_await look_at_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    boost::json::array out;
    for (const auto& of : project->all.components) {
        if (!what.components.empty() &&
            std::ranges::find(what.components, of.name.text()) == what.components.end())
            continue;
        const auto conditions = conditions_of(project->all, of, what.project, project->full_disk);
        if (what.with.json()) {
            out.emplace_back(as_json(of, conditions));
            continue;
        }
        print(conditions.empty() ? of.name.text() + ": nothing waits\n" : of.name.text() + ":\n");
        for (const auto& condition : conditions)
            print(as_text(condition));
        if (const auto failure = failure_of(of))
            print(as_text(*failure));
    }
    if (what.with.json())
        print_json(boost::json::object{{"components", std::move(out)}});
    co_return told(*project);
}

}  // namespace gantryd::app
