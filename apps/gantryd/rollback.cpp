#include "commands.hpp"
#include "common/output.hpp"
#include "common/state_directory.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/control/rollouts.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace gantryd::app {

boost::asio::awaitable<exit_code> rollback(invocation what, runtime::clock& clk)
{
    auto project = co_await open_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    const auto name = what.component_names().front();
    std::optional<model::release_number> asked;
    if (what.release)
        asked = static_cast<model::release_number>(*what.release);
    auto done = co_await control::roll_back(*project->store, what.project_name(), name, asked, what.force,
        user_at_host(), clk, clk.now() + store_limit);
    if (!done)
        co_return refuse(done.error());
    const auto number = done->number;
    if (what.with.json())
        print_json(boost::json::object{{"component", name.text()}, {"release", model::value_of(number)},
            {"from", model::value_of(done->from.number)}, {"imageid", done->from.image.text()}});
    else
        print(fmt::format("Component {} -> release {}, the same as release {} ({})\n", name.text(),
            model::value_of(number), model::value_of(done->from.number),
            base::short_id(done->from.image.text())));
    if (!what.wait)
        co_return exit_code::done;
    auto look = [number, in = what.project](
                    const control::project_overview& all, const model::component_name& component) {
        return look_at_rollout(all, in, component, number);
    };
    co_return co_await wait_for(*project->store, what, clk, look, wait_style::of(what));
}

}  // namespace gantryd::app
