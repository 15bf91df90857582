#include "commands.hpp"
#include "common/images.hpp"
#include "common/machine.hpp"
#include "common/output.hpp"
#include "common/secret_files.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/control/update_plan.hpp>
#include <gantryd/project_file/reader.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace gantryd::app {
namespace {

/// The config that an update would take: the file's, or the stored one. Errors: not_found, malformed.
base::result<model::project_spec> config_of(const invocation& what, const control::project_overview& all)
{
    if (what.file.empty()) {
        if (all.config)
            return all.config->meaning;
        return base::fail(base::errc::not_found,
            fmt::format("project {} has no config; name a file with --file", what.project));
    }
    const auto file = read_file(what.file);
    if (!file.error.empty())
        return base::fail(base::errc::not_found, file.error);
    auto meaning = project_file::read_project(file.text, project_file::syntax_of(what.file, file.text));
    if (!meaning)
        return base::fail(base::errc::malformed, project_file::text_of(meaning.error().front(), what.file));
    return std::move(*meaning);
}

/// The image that an update would take, when it is on this machine; else why that is not known.
struct image_here {
    std::optional<model::image_id> id;
    std::string unknown;
};
boost::asio::awaitable<image_here> look_for_image(model::component_spec spec, runtime::clock& clk)
{
    const auto subject = "the id of image " + spec.image_reference() + ": ";
    auto docker = open_docker(clk);
    if (!docker)
        co_return image_here{std::nullopt, subject + docker.error().context()};
    auto found = co_await find_image(**docker, spec, clk);
    if (!found)
        co_return image_here{std::nullopt, subject + found.error().context()};
    if (!*found)
        co_return image_here{std::nullopt, subject + "it is not on this machine; `update` pulls it"};
    co_return image_here{(*found)->id, {}};
}

std::string headline(const control::update_plan& plan)
{
    const auto number = model::value_of(plan.number);
    if (plan.is_new == false)
        return fmt::format("nothing new: release {} has this spec and image", number);
    if (!plan.compared_with)
        return fmt::format("release {} would be the first to run", number);
    const auto before = model::value_of(*plan.compared_with);
    if (!plan.is_new)
        return fmt::format("release {} would follow release {} if its image is another one", number, before);
    return fmt::format("release {} would follow release {}", number, before);
}

std::string as_text(const control::update_plan& plan)
{
    auto out = fmt::format("{}: {}\n", plan.component.text(), headline(plan));
    const auto id = [](const model::image_id& of) {
        return of.empty() ? std::string("none") : base::short_id(of.text());
    };
    if (!plan.image || *plan.image != plan.image_before)
        out += fmt::format(
            "  image: {} -> {}\n", id(plan.image_before), plan.image ? id(*plan.image) : "not known");
    for (const auto& change : plan.changes)
        out += fmt::format("  {}: {} -> {}\n", change.field, change.from.empty() ? "none" : change.from,
            change.to.empty() ? "none" : change.to);
    if (!plan.order.empty())
        out += plan.slots == 1 ? std::string("  machines, one after the other:\n")
                               : fmt::format("  machines, at most {} at the same time:\n", plan.slots);
    for (const auto& step : plan.order)
        out += fmt::format("    {}. {}, runs {}\n", step.turn, step.name,
            step.running ? fmt::format("release {}", model::value_of(*step.running)) : "nothing of it");
    for (const auto& note : plan.notes)
        out += "  note: " + note + "\n";
    for (const auto& unknown : plan.unknown)
        out += "  unknown: " + unknown + "\n";
    return out;
}

}  // namespace

boost::asio::awaitable<exit_code> plan(invocation what, runtime::clock& clk)
{
    auto store = open_store(what.with, clk, false);
    if (!store)
        co_return refuse(store.error());
    auto all = co_await control::read_overview(**store, what.project_name(), clk.now() + store_limit);
    if (!all)
        co_return refuse(unanswered(all.error()));
    const auto config = config_of(what, *all);
    if (!config)
        co_return refuse(config.error());
    boost::json::array out;
    for (const auto& name : what.component_names()) {
        const auto* spec = config->find(name);
        if (spec == nullptr)
            co_return refuse(fmt::format("component {} is not in the config of {}", name.text(),
                what.file.empty() ? "project " + what.project : what.file));
        auto image = co_await look_for_image(*spec, clk);
        auto held = hold_files(what.with, what.project, *spec);
        auto made = control::plan_update(*all, *spec, image.id, held.value_or(model::held_secrets()));
        if (!image.unknown.empty())
            made.unknown.push_back(image.unknown);
        if (!held)
            made.unknown.push_back("whether a secret in a file has another value: " + held.error().context());
        if (what.with.json())
            out.emplace_back(control::to_json(made));
        else
            print(as_text(made));
    }
    if (what.with.json())
        print_json(boost::json::object{{"components", std::move(out)}});
    co_return exit_code::done;
}

}  // namespace gantryd::app
