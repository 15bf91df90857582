#include "gantry.hpp"

#include "common/output.hpp"

#include <gantryd/model/component_json.hpp>
#include <gantryd/project_file/overrides.hpp>
#include <gantryd/project_file/reader.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>

namespace gantryd::app {
namespace {

using namespace std::chrono_literals;

void complain(const std::vector<project_file::problem>& problems, const std::string& file)
{
    for (const auto& problem : problems)
        std::fprintf(stderr, "%s\n", project_file::text_of(problem, file).c_str());
}

/// The component's object in the document; null when there is none of that name.
boost::json::object* find_component(boost::json::value& document, const std::string& name)
{
    for (auto& component : document.as_object()["components"].as_array())
        if (component.as_object()["name"] == boost::json::value(name))
            return &component.as_object();
    return nullptr;
}

}  // namespace

std::optional<model::project_spec> read_local_project(const local_invocation& what)
{
    const auto file = read_file(what.file);
    if (!file.error.empty()) {
        refuse(file.error);
        return std::nullopt;
    }
    const auto syntax = project_file::syntax_of(what.file, file.text);
    auto meaning = project_file::read_project(file.text, syntax);
    if (!meaning) {
        complain(meaning.error(), what.file);
        return std::nullopt;
    }
    if (meaning->find(what.name()) == nullptr) {
        refuse("Unknown component: " + what.component);
        return std::nullopt;
    }
    if (what.overrides.empty())
        return std::move(*meaning);

    auto document = project_file::to_document(file.text, syntax);
    for (const auto& assignment : what.overrides) {
        auto done = project_file::apply_override(*find_component(document, what.component), assignment);
        if (!done) {
            refuse("--setconfig " + assignment + ": " + done.error().context());
            return std::nullopt;
        }
    }
    auto changed = project_file::read_project(model::pretty(document), project_file::syntax::json);
    if (!changed) {
        complain(changed.error(), what.file + " with --setconfig");
        return std::nullopt;
    }
    return std::move(*changed);
}

boost::asio::awaitable<base::result<std::vector<local_container>>> find_containers(
    docker::engine& docker, model::project_name project, runtime::clock& clk)
{
    auto rows = co_await docker.list(daemon::project_labels(project), clk.now() + 30s);
    if (!rows)
        co_return std::unexpected(rows.error());
    std::vector<local_container> out;
    for (auto& row : *rows)
        if (auto identity = daemon::identity_of(row.labels))
            out.push_back({std::move(row), std::move(*identity)});
    co_return out;
}

std::string problem_with_links(const model::project_spec& project, const model::component_spec& component,
    const std::vector<local_container>& containers)
{
    const auto exports = [](const model::component_spec& spec, const std::string& link) {
        return std::ranges::find(spec.define_component_links, link, &model::link_export::name) !=
               spec.define_component_links.end();
    };
    for (const auto& required : component.require_component_links) {
        const bool runs = std::ranges::any_of(containers, [&](const local_container& c) {
            return c.row.status == docker::container_status::running && c.identity.record &&
                   exports(c.identity.record->spec, required.name);
        });
        const auto exporter = std::ranges::find_if(project.components,
            [&](const model::component_spec& spec) { return exports(spec, required.name); });
        if (!runs && exporter != project.components.end())
            return fmt::format("Component link \"{}\" cannot be setup: Component \"{}\" is not running",
                required.name, exporter->name.text());
    }
    return {};
}

std::string problem_with_secrets(const model::component_spec& component)
{
    for (const auto& variable : component.environment_variables)
        if (variable.secret && !variable.secret->name.empty())
            return fmt::format(
                "component {}: variable {} is to have the secret {} of the store, and gantry has "
                "no store; here a secret is in a file: {{file: /path}}",
                component.name.text(), variable.name, variable.secret->name);
    return {};
}

boost::asio::awaitable<base::result<void>> record_what_runs(store::store& to, const local_invocation& what,
    const std::vector<local_container>& containers, runtime::clock& clk)
{
    const model::project_name project(what.project);
    std::map<model::component_name, model::release> newest;
    store::transaction write;
    std::set<std::string> written;
    for (const auto& container : containers) {
        if (!container.identity.record)
            continue;
        auto release = *container.identity.record;
        release.outcome = model::release_outcome::live;
        const auto key = records::release_key(project, container.identity.component, release.number);
        if (written.insert(key).second)
            write.operations.push_back({store::operation::kind::put, key, records::encode(release), {}});
        auto& known = newest[container.identity.component];
        if (release.number >= known.number)
            known = std::move(release);
    }
    for (const auto& [component, release] : newest) {
        const model::component_state state{model::intent::ready, release.image, release.number};
        write.operations.push_back({store::operation::kind::put, records::state_key(project, component),
            records::encode(state), {}});
    }
    auto done = co_await to.commit(std::move(write), clk.now() + 5s);
    if (!done)
        co_return std::unexpected(done.error());
    co_return base::result<void>();
}

}  // namespace gantryd::app
