#include "commands.hpp"
#include "common/output.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace gantryd::app {
namespace {

using stage = control::rollout_stage;

boost::json::object as_json(const control::rollout_view& seen, const model::component_name& name)
{
    boost::json::array machines;
    for (const auto& machine : seen.machines) {
        boost::json::object row{{"machine", machine.id.text()}, {"name", machine.name},
            {"standing", text_of(machine.standing)}, {"text", machine.text}};
        if (machine.running)
            row["running"] = model::value_of(*machine.running);
        machines.emplace_back(std::move(row));
    }
    return {{"component", name.text()}, {"release", model::value_of(seen.release)},
        {"stage", text_of(seen.stage)}, {"text", seen.text}, {"machines", std::move(machines)}};
}

/// The components that have a release which is wanted to run, when the command line names none.
std::vector<std::string> all_released(const control::project_overview& all)
{
    std::vector<std::string> out;
    for (const auto& of : all.components)
        if (of.wanted() != nullptr && of.state->status == model::intent::ready)
            out.push_back(of.name.text());
    return out;
}

}  // namespace

progress look_at_rollout(const control::project_overview& all, const std::string& project,
    const model::component_name& name, model::release_number number)
{
    auto seen = control::view_rollout(all, name, number);
    progress out{.done = true, .text = seen.text, .as_json = as_json(seen, name)};
    switch (seen.stage) {
    case stage::done: out.code = exit_code::done; break;
    case stage::failed: out.code = exit_code::reverted; break;
    case stage::paused:
        out.code = exit_code::reverted;
        out.text += fmt::format("; `{}` goes on, `{}` goes back", command_line("resume", project, name),
            command_line("rollback", project, name));
        break;
    case stage::superseded:
    case stage::ended:
    case stage::unknown: out.code = exit_code::refused; break;
    case stage::going_back:
        out.done = false;
        out.at_timeout = exit_code::reverted;
        break;
    case stage::held:
        out.done = false;
        out.text += fmt::format("; `{}` lets it go on", command_line("resume", project, name));
        break;
    case stage::under_way: out.done = false; break;
    }
    out.machines = std::move(seen.machines);
    return out;
}

boost::asio::awaitable<exit_code> watch(invocation what, runtime::clock& clk)
{
    auto project = co_await open_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    for (const auto& name : what.component_names())
        if (project->all.find(name)->wanted() == nullptr)
            co_return refuse(fmt::format("component {} was never released", name.text()));
    if (what.components.empty())
        what.components = all_released(project->all);
    if (what.components.empty())
        co_return refuse("no component of project " + what.project + " is released and wanted");

    // Who watches wants to see what is wanted, also when that becomes another release meanwhile.
    auto look = [name = what.project](
                    const control::project_overview& all, const model::component_name& component) {
        const auto* of = all.find(component);
        const auto* wanted = of == nullptr ? nullptr : of->wanted();
        return look_at_rollout(
            all, name, component, wanted == nullptr ? model::release_number{} : wanted->number);
    };
    wait_style style;
    style.to = stdout;
    style.json = what.with.json();
    style.every_machine = true;
    style.limit = what.timeout;
    co_return co_await wait_for(*project->store, what, clk, look, style);
}

}  // namespace gantryd::app
