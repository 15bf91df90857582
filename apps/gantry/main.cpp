#include "gantry.hpp"

#include "common/images.hpp"
#include "common/log_sink.hpp"
#include "common/output.hpp"
#include "common/secret_files.hpp"

#include <gantryd/store/memory_store.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>

namespace {

using namespace gantryd;
using namespace gantryd::app;
using namespace std::chrono_literals;

bool nothing_left(const planner::world& world, const model::component_name& of)
{
    return std::ranges::none_of(
        world.instances, [&](const auto& entry) { return entry.second.component == of; });
}

/// Nothing of the component is left, and the proxy has been told.
narrator::finished when_gone(const model::component_name& of)
{
    return [of](const planner::world& world, const planner::plan& plan, std::size_t under_way) {
        const bool proxy_open = std::ranges::any_of(plan.actions,
            [](const planner::action& a) { return std::holds_alternative<planner::update_proxy>(a); });
        return world.docker.known && nothing_left(world, of) && !proxy_open && under_way == 0;
    };
}

/// The release serves alone, or has failed and left nothing behind.
narrator::finished when_settled(const model::component_name& of, model::release_number number)
{
    return [of, number](const planner::world& world, const planner::plan& plan, std::size_t under_way) {
        const auto component = world.components.find(of);
        const auto summary = plan.components.find(of);
        if (component == world.components.end() || summary == plan.components.end() || under_way > 0)
            return false;
        const auto release = component->second.releases.find(number);
        if (release == component->second.releases.end())
            return false;
        if (planner::has_failed(component->second, *release->second))
            return std::ranges::none_of(world.instances, [&](const auto& entry) {
                return entry.second.component == of && entry.second.release == number;
            });
        return summary->second.state == "running" && summary->second.running == number;
    };
}

/// The other components of the file, whose containers this run leaves alone.
std::set<model::component_name> others(
    const std::vector<local_container>& containers, const model::component_name& of)
{
    std::set<model::component_name> out;
    for (const auto& container : containers)
        if (container.identity.component != of)
            out.insert(container.identity.component);
    return out;
}

boost::asio::awaitable<exit_code> start_release(local_invocation what, model::project_spec project,
    machine& on, const std::vector<local_container>& containers, runtime::clock& clk)
{
    const auto spec = *project.find(what.name());
    if (auto why = problem_with_links(project, spec, containers); !why.empty())
        co_return refuse(why);
    if (auto why = problem_with_secrets(spec); !why.empty())
        co_return refuse(why);
    auto held = hold_files(what.with, what.project, spec);
    if (!held)
        co_return refuse(held.error());
    auto request = co_await resolve_image(on.docker(), spec, clk);
    if (!request)
        co_return refuse(request.error());
    request->secrets = std::move(*held);
    const auto desired = store::make_memory_store(clk);
    auto recorded = co_await record_what_runs(*desired, what, containers, clk);
    if (!recorded)
        co_return refuse(recorded.error());

    const model::project_name name(what.project);
    std::vector<control::release_request> requests{std::move(*request)};
    auto released = co_await control::release_components(
        *desired, name, std::move(requests), user_at_host(), clk, clk.now() + 5s);
    if (!released)
        co_return refuse(released.error());
    auto options = on.options_for(name);
    options.hold = others(containers, what.name());
    options.publish = false;
    bool failed = false;
    co_await run_until_finished(on, *desired, std::move(options), what.name(),
        when_settled(what.name(), released->front().number), what.monitor, failed);
    co_return failed && !what.monitor ? exit_code::reverted : exit_code::done;
}

boost::asio::awaitable<exit_code> end(local_invocation what, machine& on, model::intent intent,
    const std::vector<local_container>& containers, runtime::clock& clk)
{
    const auto desired = store::make_memory_store(clk);
    auto recorded = co_await record_what_runs(*desired, what, containers, clk);
    if (!recorded)
        co_return refuse(recorded.error());
    const model::project_name name(what.project);
    std::vector<model::component_name> components{what.name()};
    auto marked = co_await control::set_intent(*desired, name, std::move(components), intent, clk.now() + 5s);
    if (!marked)
        co_return refuse(marked.error());
    auto options = on.options_for(name);
    options.hold = others(containers, what.name());
    options.publish = false;
    bool failed = false;
    co_await run_until_finished(
        on, *desired, std::move(options), what.name(), when_gone(what.name()), false, failed);
    co_return exit_code::done;
}

boost::asio::awaitable<exit_code> act(local_invocation what, runtime::clock& clk)
{
    auto project = read_local_project(what);
    if (!project)
        co_return exit_code::refused;
    if (what.action == "list")
        co_return co_await list_local(what, clk);

    const auto sink = make_stderr_sink(what.with.log_format);
    const base::logger log(*sink, what.with.level());
    auto on = open_machine(what.with, clk, log);
    if (!on)
        co_return refuse(on.error());
    auto containers = co_await find_containers((*on)->docker(), model::project_name(what.project), clk);
    if (!containers)
        co_return refuse(containers.error());
    const bool runs = std::ranges::any_of(*containers, [&](const local_container& c) {
        return c.identity.component == what.name() && c.row.status == docker::container_status::running;
    });
    if (what.action == "start" && runs && !what.monitor) {
        print("Component " + what.component + " is already running\n");
        co_return exit_code::done;
    }
    if ((what.action == "stop" || what.action == "kill") && !runs) {
        print("Component " + what.component + " is not running\n");
        co_return exit_code::done;
    }
    if (what.action == "stop")
        co_return co_await end(what, **on, model::intent::stopped, *containers, clk);
    if (what.action == "kill")
        co_return co_await end(what, **on, model::intent::killed, *containers, clk);
    co_return co_await start_release(what, std::move(*project), **on, *containers, clk);
}

}  // namespace

int main(int argc, char** argv)
try {
    const auto what = parse_local_command_line({argv + 1, argv + argc}, std::cout, std::cerr);
    if (!what)
        return static_cast<int>(what.error());
    auto session = [&](runtime::clock& clk) { return act(*what, clk); };
    return static_cast<int>(run_session(session,
        what->monitor ? "" : "interrupted; what runs goes on, and the next command goes on from there"));
} catch (const std::exception& e) {
    std::fprintf(stderr, "gantry: %s\n", e.what());
    return static_cast<int>(exit_code::refused);
}
