#include "commands.hpp"
#include "common/output.hpp"
#include "common/state_directory.hpp"

#include <gantryd/control/rollouts.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace gantryd::app {
namespace {

std::string sentence(const model::component_name& name, const control::hold_change& done, bool held)
{
    const auto label = fmt::format("Component {}: release {}", name.text(), model::value_of(done.release));
    if (!done.changed)
        return label + (held ? " is paused already\n" : " is not paused\n");
    return label +
           (held ? " is paused; machines that change now go on, no other one begins\n" : " goes on\n");
}

boost::asio::awaitable<exit_code> hold(invocation what, runtime::clock& clk, bool held)
{
    auto project = co_await open_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    boost::json::array rows;
    for (const auto& name : what.component_names()) {
        auto done = co_await control::hold_rollout(
            *project->store, what.project_name(), name, held, user_at_host(), clk, clk.now() + store_limit);
        if (!done)
            co_return refuse(done.error());
        rows.emplace_back(boost::json::object{{"component", name.text()},
            {"release", model::value_of(done->release)}, {"held", held}, {"changed", done->changed}});
        if (!what.with.json())
            print(sentence(name, *done, held));
    }
    if (what.with.json())
        print_json(boost::json::object{{"components", std::move(rows)}});
    co_return exit_code::done;
}

}  // namespace

boost::asio::awaitable<exit_code> pause(invocation what, runtime::clock& clk)
{
    return hold(std::move(what), clk, true);
}

boost::asio::awaitable<exit_code> resume(invocation what, runtime::clock& clk)
{
    return hold(std::move(what), clk, false);
}

}  // namespace gantryd::app
