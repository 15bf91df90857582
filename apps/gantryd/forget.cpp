#include "commands.hpp"
#include "common/output.hpp"

#include <gantryd/control/machines.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace gantryd::app {

boost::asio::awaitable<exit_code> forget(invocation what, runtime::clock& clk)
{
    auto project = co_await open_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    const auto& all = project->all;
    auto machine = named_machine(*project, what);
    if (!machine)
        co_return refuse(machine.error());
    const auto name = all.name_of(*machine);
    if (all.find_machine(*machine) != nullptr)
        co_return refuse("machine " + name + " is there; end its gantryd first");
    auto removed = co_await control::forget_machine(
        *project->store, what.project_name(), *machine, clk.now() + store_limit);
    if (!removed)
        co_return refuse(removed.error());
    if (what.with.json())
        print_json(boost::json::object{{"machine", machine->text()}, {"records", *removed}});
    else
        print(fmt::format("Machine {} is forgotten\n", name));
    co_return exit_code::done;
}

}  // namespace gantryd::app
