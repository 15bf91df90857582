#include "commands.hpp"
#include "common/images.hpp"
#include "common/machine.hpp"
#include "common/output.hpp"
#include "common/secret_files.hpp"

#include <gantryd/base/names.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace gantryd::app {
namespace {

/// The specs of the components to be released, in the order of the command line.
base::result<std::vector<model::component_spec>> specs_of(
    const control::stored_config& config, const invocation& what)
{
    std::vector<model::component_spec> out;
    for (const auto& name : what.component_names()) {
        const auto* spec = config.meaning.find(name);
        if (spec == nullptr)
            return base::fail(base::errc::rejected,
                fmt::format("component {} is not in the config of project {}", name.text(), what.project));
        out.push_back(*spec);
    }
    return out;
}

void show(const invocation& what, const std::vector<control::released>& released,
    const std::vector<control::release_request>& requests)
{
    if (!what.with.json()) {
        print("Updating the image IDs on components\n");
        for (const auto& request : requests)
            print(fmt::format(
                "Component {} -> {}\n", request.spec.name.text(), base::short_id(request.image.text())));
        for (const auto& one : released)
            if (!one.is_new)  // not on stdout, which says what the Python gantryd said
                std::fprintf(stderr,
                    "gantryd: component %s: no new release: release %lld has this config and image; --again "
                    "makes "
                    "one\n",
                    one.component.text().c_str(), static_cast<long long>(model::value_of(one.number)));
        return;
    }
    boost::json::array out;
    for (std::size_t i = 0; i < released.size(); ++i)
        out.emplace_back(boost::json::object{{"component", released[i].component.text()},
            {"release", model::value_of(released[i].number)}, {"new", released[i].is_new},
            {"imageid", requests[i].image.text()}});
    print_json(boost::json::object{{"components", std::move(out)}});
}

}  // namespace

boost::asio::awaitable<exit_code> update(invocation what, runtime::clock& clk)
{
    auto store = open_store(what.with, clk, false);
    if (!store)
        co_return refuse(store.error());
    auto config = co_await require_config(**store, what, clk);
    if (!config)
        co_return refuse(config.error());
    auto specs = specs_of(*config, what);
    if (!specs)
        co_return refuse(specs.error());

    auto docker = open_docker(clk);
    if (!docker)
        co_return refuse(docker.error());
    std::vector<control::release_request> requests;
    for (const auto& spec : *specs) {
        auto held = hold_files(what.with, what.project, spec);
        if (!held)
            co_return refuse(held.error());
        auto request = co_await resolve_image(**docker, spec, clk);
        if (!request)
            co_return refuse(request.error());
        request->secrets = std::move(*held);
        request->again = what.again;
        requests.push_back(std::move(*request));
    }
    auto wanted = requests;
    auto released = co_await control::release_components(
        **store, what.project_name(), std::move(requests), user_at_host(), clk, clk.now() + store_limit);
    if (!released)
        co_return refuse(released.error());
    show(what, *released, wanted);
    if (!what.wait)
        co_return exit_code::done;

    auto look = [numbers = std::move(*released), project = what.project](
                    const control::project_overview& all, const model::component_name& name) {
        const auto found = std::ranges::find(numbers, name, &control::released::component);
        return look_at_rollout(all, project, name, found->number);
    };
    co_return co_await wait_for(**store, what, clk, look, wait_style::of(what));
}

}  // namespace gantryd::app
