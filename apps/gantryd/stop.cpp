#include "commands.hpp"
#include "common/output.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::app {
namespace {

progress look_at(const control::project_overview& all, const model::component_name& name)
{
    const auto* of = all.find(name);
    if (of == nullptr)
        return {true, exit_code::refused, "it is gone from the store"};
    if (of->state && of->state->status == model::intent::ready)
        return {true, exit_code::refused, "it was set to ready again"};
    std::size_t left = 0;
    for (const auto& report : of->reports)
        left += report.instances.size();
    if (left > 0) {
        for (const auto& report : of->reports)
            for (const auto& condition : report.conditions)
                return {false, {}, condition.text};
        return {false, {}, fmt::format("{} containers left", left)};
    }
    const bool told = std::ranges::all_of(
        of->reports, [](const model::component_report& report) { return report.state == "stopped"; });
    if (told)
        return {true, exit_code::done, "stopped"};
    if (!all.is_looked_after(name))
        return {false, {}, "no daemon looks after it; start one with `gantryd run`"};
    return {false, {}, "stopping"};
}

boost::asio::awaitable<exit_code> end(
    invocation what, runtime::clock& clk, model::intent intent, std::string answer)
{
    auto project = co_await open_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    auto done = co_await control::set_intent(
        *project->store, what.project_name(), what.component_names(), intent, clk.now() + store_limit);
    if (!done)
        co_return refuse(done.error());
    print(answer + "\n");
    if (!what.wait)
        co_return exit_code::done;
    co_return co_await wait_for(*project->store, what, clk, look_at);
}

}  // namespace

boost::asio::awaitable<exit_code> stop(invocation what, runtime::clock& clk)
{
    return end(std::move(what), clk, model::intent::stopped, "Marking components as stopped");
}

boost::asio::awaitable<exit_code> kill(invocation what, runtime::clock& clk)
{
    return end(std::move(what), clk, model::intent::killed, "Marking components as killed");
}

}  // namespace gantryd::app
