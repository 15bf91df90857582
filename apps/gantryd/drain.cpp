#include "commands.hpp"
#include "common/output.hpp"
#include "common/state_directory.hpp"

#include <gantryd/base/text.hpp>
#include <gantryd/control/machines.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace gantryd::app {
namespace {

std::string sentence(const std::string& name, bool drains, bool changed)
{
    if (!changed)
        return fmt::format("Machine {} {}\n", name, drains ? "is drained already" : "is not drained");
    return fmt::format("Machine {} {}\n", name, drains ? "hands its work over" : "takes its work back");
}

boost::asio::awaitable<exit_code> change(invocation what, runtime::clock& clk, bool drains)
{
    auto project = co_await open_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    const auto& all = project->all;
    auto machine = named_machine(*project, what);
    if (!machine)
        co_return refuse(machine.error());
    auto changed = co_await control::set_drain(*project->store, what.project_name(), *machine, drains,
        control::work_of(all, *machine), user_at_host(), clk, clk.now() + store_limit);
    if (!changed)
        co_return refuse(changed.error());
    boost::json::array only_there;
    std::string names;
    if (drains)
        for (const auto& name : control::only_there(all, *machine)) {
            only_there.emplace_back(name.text());
            names += (names.empty() ? "" : ", ") + name.text();
        }
    const auto name = all.name_of(*machine);
    if (what.with.json())
        print_json(boost::json::object{{"machine", machine->text()}, {"drains", drains},
            {"changed", *changed}, {"onlyThere", std::move(only_there)}});
    else
        print(sentence(name, drains, *changed));
    if (!names.empty())
        std::fprintf(stderr, "gantryd: no other machine that is there could take: %s\n",
            base::printable(names).c_str());
    co_return exit_code::done;
}

}  // namespace

boost::asio::awaitable<exit_code> drain(invocation what, runtime::clock& clk)
{
    return change(std::move(what), clk, true);
}

boost::asio::awaitable<exit_code> undrain(invocation what, runtime::clock& clk)
{
    return change(std::move(what), clk, false);
}

}  // namespace gantryd::app
