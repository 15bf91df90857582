#include <gantryd/control/overview.hpp>

#include <gantryd/model/component_json.hpp>
#include <gantryd/project_file/reader.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <algorithm>

namespace gantryd::control {

const model::release* component_overview::wanted() const
{
    if (!state || !state->release)
        return nullptr;
    const auto found = releases.find(*state->release);
    return found == releases.end() ? nullptr : &found->second;
}

bool component_overview::config_differs() const
{
    const auto* release = wanted();
    return release != nullptr && configured && model::spec_hash(*configured) != release->spec_hash;
}

const component_overview* project_overview::find(const model::component_name& name) const
{
    const auto found = std::ranges::find(components, name, &component_overview::name);
    return found == components.end() ? nullptr : &*found;
}

bool project_overview::is_looked_after(const model::component_name& name) const
{
    return std::ranges::any_of(machines, [&](const model::machine_report& machine) {
        return machine.components.empty() ||
               std::ranges::find(machine.components, name) != machine.components.end();
    });
}

boost::asio::awaitable<base::result<project_overview>> read_overview(
    store::store& from, model::project_name project, runtime::time_point deadline)
{
    auto all = co_await from.list(records::project_prefix(project), deadline);
    if (!all)
        co_return std::unexpected(all.error());
    project_overview out;
    out.at = all->at;
    std::map<model::component_name, component_overview> components;
    for (const auto& pair : all->pairs) {
        if (pair.key == records::config_key(project)) {
            if (auto meaning = project_file::read_project(pair.value, project_file::syntax::json))
                out.config = stored_config{pair.value, std::move(*meaning)};
        } else if (const auto key = records::parse_component_key(project, pair.key)) {
            auto& of = components[key->component];
            if (key->release) {
                if (auto release = records::decode_release(pair.value))
                    of.releases.emplace(*key->release, std::move(*release));
            } else if (auto state = records::decode_component_state(pair.value)) {
                of.state = std::move(*state);
            }
        } else if (records::is_report_key(project, pair.key)) {
            if (auto report = records::decode_component_report(pair.value))
                components[report->component].reports.push_back(std::move(*report));
        } else if (const auto part = records::parse_machine_key(project, pair.key);
            part && part->what == records::machine_part::kind::presence) {
            if (auto machine = records::decode_machine_report(pair.value))
                out.machines.push_back(std::move(*machine));
        }
    }
    const auto add = [&](const model::component_name& name) {
        auto node = components.extract(name);
        auto of = node.empty() ? component_overview() : std::move(node.mapped());
        of.name = name;
        if (out.config)
            if (const auto* spec = out.config->meaning.find(name))
                of.configured = *spec;
        out.components.push_back(std::move(of));
    };
    if (out.config)
        for (const auto& spec : out.config->meaning.components)
            add(spec.name);
    while (!components.empty())
        add(model::component_name(components.begin()->first));
    co_return out;
}

}  // namespace gantryd::control
