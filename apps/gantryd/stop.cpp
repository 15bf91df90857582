#include "commands.hpp"
#include "common/output.hpp"

#include <fmt/format.h>

namespace gantryd::app {
namespace {

std::string containers(std::size_t n) { return fmt::format("{} container{}", n, n == 1 ? "" : "s"); }

progress look_at(const control::project_overview& all, const model::component_name& name)
{
    const auto* of = all.find(name);
    if (of == nullptr)
        return {true, exit_code::refused, "it is gone from the store"};
    if (of->state && of->state->status == model::intent::ready)
        return {true, exit_code::refused, "it was set to ready again"};
    const bool looked_after = all.is_looked_after(name);
    std::size_t left = 0;
    std::size_t out_of_reach = 0;
    bool told = true;
    std::string waits_for;
    for (const auto& report : of->reports) {
        if (looked_after && all.find_machine(report.machine) == nullptr) {
            out_of_reach += report.instances.size();
            continue;
        }
        left += report.instances.size();
        told = told && report.state == "stopped";
        if (waits_for.empty() && !report.conditions.empty())
            waits_for = report.conditions.front().text;
    }
    if (left > 0)
        return {false, {}, waits_for.empty() ? containers(left) + " left" : waits_for};
    if (told && out_of_reach > 0)
        return {true, exit_code::done, "stopped; on machines that are lost now: " + containers(out_of_reach)};
    if (told)
        return {true, exit_code::done, "stopped"};
    if (!looked_after)
        return {false, {}, "no daemon looks after it; start one with `gantryd run " + all.project + "`"};
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
    co_return co_await wait_for(*project->store, what, clk, look_at, wait_style::of(what));
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
