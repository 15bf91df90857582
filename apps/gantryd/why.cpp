#include "commands.hpp"
#include "common/output.hpp"

#include <gantryd/records/codec.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace gantryd::app {
namespace {

std::string clock_time(base::wall_time when) { return base::rfc3339(when).substr(11, 8); }

std::string as_text(const model::condition& c, const std::string& place)
{
    auto out = fmt::format("  {}{}{}: {}\n    ", c.code, c.instance.empty() ? "" : " " + c.instance,
        place.empty() ? "" : " on " + place, c.text);
    if (c.since != base::wall_time())
        out += fmt::format("since {} ({} ago)", clock_time(c.since), ago(c.since));
    if (c.until)
        out += fmt::format(", until {} at the latest", clock_time(*c.until));
    if (!c.then.empty())
        out += fmt::format("{}then {}", c.since == base::wall_time() ? "" : "; ", c.then);
    out += "\n";
    if (!c.command.empty())
        out += fmt::format("    to change it: {}\n", c.command);
    return out;
}

std::string as_text(const model::evidence& e, const std::string& place)
{
    auto out = fmt::format("  last failure{}{}: {}\n", e.instance.empty() ? "" : ", of " + e.instance,
        place.empty() ? "" : " on " + place, e.reason);
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

boost::json::object as_json(const control::project_overview& all, const control::component_overview& of,
    const std::vector<told_condition>& conditions)
{
    boost::json::object out{{"component", of.name.text()}, {"conditions", as_json(all, conditions)}};
    if (const auto failure = failure_of(of))
        out["lastFailure"] = records::to_json(failure->what);
    return out;
}

void tell(const control::project_overview& all, const control::component_overview& of,
    const std::vector<told_condition>& conditions)
{
    print(conditions.empty() ? of.name.text() + ": nothing waits\n" : of.name.text() + ":\n");
    for (const auto& told : conditions)
        print(as_text(told.what, place_of(all, of, told.machine)));
    if (const auto failure = failure_of(of))
        print(as_text(failure->what, place_of(all, of, failure->machine)));
}

}  // namespace

boost::json::array as_json(
    const control::project_overview& all, const std::vector<told_condition>& conditions)
{
    boost::json::array out;
    for (const auto& told : conditions) {
        auto row = records::to_json(told.what);
        if (told.what.since == base::wall_time())
            row.erase("since");
        if (told.machine) {
            row["machine"] = told.machine->text();
            row["host"] = all.name_of(*told.machine);
        }
        out.emplace_back(std::move(row));
    }
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
        const auto conditions = conditions_of(
            project->all, of, what.project, project->full_disk, std::chrono::system_clock::now());
        if (what.with.json())
            out.emplace_back(as_json(project->all, of, conditions));
        else
            tell(project->all, of, conditions);
    }
    if (what.with.json())
        print_json(boost::json::object{{"components", std::move(out)}});
    co_return told(*project);
}

}  // namespace gantryd::app
