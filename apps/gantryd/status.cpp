#include "commands.hpp"
#include "common/output.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/records/codec.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace gantryd::app {
namespace {

std::vector<const control::component_overview*> chosen(
    const control::project_overview& all, const invocation& what)
{
    std::vector<const control::component_overview*> out;
    for (const auto& of : all.components)
        if (what.components.empty() ||
            std::ranges::find(what.components, of.name.text()) != what.components.end())
            out.push_back(&of);
    return out;
}

std::string heading(const control::project_overview& all, const control::component_overview& of)
{
    auto out = fmt::format("{}: {}", of.name.text(), of.state ? text_of(of.state->status) : "never released");
    if (const auto* release = of.wanted())
        out += fmt::format(", release {} ({}), image {}", model::value_of(release->number),
            text_of(release->outcome), base::short_id(release->image.text()));
    if (of.config_differs())
        out += ", config changed since";
    if (of.state && !all.is_looked_after(of.name))
        out += ", no daemon looks after it";
    return out + "\n";
}

std::string table(const control::project_overview& all, const control::component_overview& of)
{
    std::vector<std::vector<std::string>> rows{
        {"  MACHINE", "INSTANCE", "RELEASE", "STATE", "HEALTH", "CONNECTIONS", "FOR"}};
    const auto names = all.names();
    for (const auto& report : of.reports) {
        const bool is_there = all.find_machine(report.machine) != nullptr;
        const auto machine = "  " + names.at(report.machine) + (is_there ? "" : " (lost)");
        for (const auto& i : report.instances)
            rows.push_back({machine, i.name.text(), std::to_string(model::value_of(i.release)), i.state,
                i.health, std::to_string(i.connections), ago(i.since)});
        if (report.instances.empty())
            rows.push_back({machine, "-", "-", report.state, "-", "-", ago(report.reported_at)});
    }
    return rows.size() == 1 ? std::string() : columns(rows);
}

boost::json::object as_json(const control::project_overview& all, const control::component_overview& of,
    const std::string& project, const std::string& full_disk)
{
    boost::json::object out{{"component", of.name.text()},
        {"status", of.state ? text_of(of.state->status) : std::string_view("unknown")},
        {"configDiffers", of.config_differs()}, {"lookedAfter", all.is_looked_after(of.name)}};
    if (const auto* release = of.wanted())
        out["release"] = records::summary_json(*release);
    boost::json::array machines;
    for (const auto& report : of.reports)
        machines.emplace_back(records::to_json(report));
    out["machines"] = std::move(machines);
    out["conditions"] =
        as_json(all, conditions_of(all, of, project, full_disk, std::chrono::system_clock::now()));
    return out;
}

}  // namespace

boost::asio::awaitable<exit_code> status(invocation what, runtime::clock& clk)
{
    auto project = co_await look_at_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    if (what.with.json()) {
        boost::json::array out;
        for (const auto* of : chosen(project->all, what))
            out.emplace_back(as_json(project->all, *of, what.project, project->full_disk));
        print_json(boost::json::object{{"components", std::move(out)}});
        co_return told(*project);
    }
    for (const auto* of : chosen(project->all, what)) {
        print(heading(project->all, *of) + table(project->all, *of));
        const auto conditions = conditions_of(
            project->all, *of, what.project, project->full_disk, std::chrono::system_clock::now());
        for (const auto& told : conditions) {
            const auto place = place_of(project->all, *of, told.machine);
            print(fmt::format("  {}{}{}: {}\n", told.what.code,
                told.what.instance.empty() ? "" : " " + told.what.instance,
                place.empty() ? "" : " on " + place, told.what.text));
        }
    }
    co_return told(*project);
}

}  // namespace gantryd::app
