#include <gantryd/control/overview.hpp>

#include <gantryd/base/names.hpp>
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

const model::rollout* component_overview::wanted_rollout() const
{
    return state && state->release ? rollout_of(*state->release) : nullptr;
}

const model::rollout* component_overview::rollout_of(model::release_number release) const
{
    return rollout && rollout->release == release ? &*rollout : nullptr;
}

const model::component_report* component_overview::report_of(const model::machine_id& machine) const
{
    const auto found = std::ranges::find(reports, machine, &model::component_report::machine);
    return found == reports.end() ? nullptr : &*found;
}

bool component_overview::config_differs() const
{
    const auto* release = wanted();
    return release != nullptr && configured &&
           model::spec_hash(*configured, configured_secrets) != release->spec_hash;
}

const component_overview* project_overview::find(const model::component_name& name) const
{
    const auto found = std::ranges::find(components, name, &component_overview::name);
    return found == components.end() ? nullptr : &*found;
}

const model::machine_report* project_overview::find_machine(const model::machine_id& id) const
{
    const auto found = std::ranges::find(machines, id, &model::machine_report::id);
    return found == machines.end() ? nullptr : &*found;
}

std::map<model::machine_id, std::string> project_overview::hosts() const
{
    std::map<model::machine_id, std::string> out;
    for (const auto& of : components)
        for (const auto& report : of.reports)
            if (auto& host = out[report.machine]; host.empty())
                host = report.host;
    for (const auto& machine : machines)
        out[machine.id] = machine.host;
    for (const auto* marked : {&draining, &returning})
        for (const auto& id : *marked)
            out.try_emplace(id);
    return out;
}

std::map<model::machine_id, std::string> project_overview::names() const
{
    auto out = hosts();
    std::map<std::string, int> machines_on;
    for (const auto& [id, host] : out)
        ++machines_on[host];
    for (auto& [id, name] : out) {
        const auto short_id = base::short_id(id.text());
        if (name.empty())
            name = short_id;
        else if (machines_on.at(name) > 1)
            name += " (" + short_id + ")";
    }
    return out;
}

std::string project_overview::name_of(const model::machine_id& id) const
{
    const auto all = names();
    const auto found = all.find(id);
    return found == all.end() ? base::short_id(id.text()) : found->second;
}

bool looks_after(const model::machine_report& machine, const model::component_name& component)
{
    return machine.components.empty() ||
           std::ranges::find(machine.components, component) != machine.components.end();
}

bool project_overview::is_looked_after(const model::component_name& name) const
{
    return std::ranges::any_of(
        machines, [&](const model::machine_report& machine) { return looks_after(machine, name); });
}

namespace {

using components_by_name = std::map<model::component_name, component_overview>;

/// Each of these is true when the pair was of its kind. Values that cannot be read are left out.
bool take_component(
    const model::project_name& project, const store::key_value& pair, components_by_name& into)
{
    const auto key = records::parse_component_key(project, pair.key);
    if (!key)
        return false;
    auto& of = into[key->component];
    if (!key->release) {
        of.state_revision = pair.modified;
        if (auto state = records::decode_component_state(pair.value))
            of.state = std::move(*state);
        return true;
    }
    of.last = std::max(of.last, *key->release);
    auto release = records::decode_release(pair.value);
    if (release && release->number == *key->release && release->spec.name == key->component)
        of.releases.emplace(*key->release, std::move(*release));
    return true;
}

bool take_rollout(const model::project_name& project, const store::key_value& pair, components_by_name& into)
{
    const auto part = records::parse_rollout_key(project, pair.key);
    if (!part)
        return false;
    auto& of = into[part->component];
    switch (part->what) {
    case records::rollout_part::kind::record:
        of.rollout_revision = pair.modified;
        if (auto rollout = records::decode_rollout(pair.value))
            of.rollout = std::move(*rollout);
        break;
    case records::rollout_part::kind::slot:
        if (auto slot = records::decode_slot(pair.value))
            of.slots.emplace(part->slot, std::move(*slot));
        break;
    case records::rollout_part::kind::preflight:
        if (auto preflight = records::decode_preflight(pair.value))
            of.preflights.emplace(part->machine, std::move(*preflight));
        break;
    case records::rollout_part::kind::step: break;  // the machine's report tells what it runs
    }
    return true;
}

bool take_machine(const model::project_name& project, const store::key_value& pair, project_overview& into)
{
    const auto part = records::parse_machine_key(project, pair.key);
    if (!part)
        return false;
    if (part->what == records::machine_part::kind::drain) {
        const auto mark = records::decode_drain_mark(pair.value).value_or(model::drain_mark());
        (mark.returns ? into.returning : into.draining).insert(part->machine);
    } else if (auto machine = records::decode_machine_report(pair.value))
        into.machines.push_back(std::move(*machine));
    return true;
}

bool take_secret(const model::project_name& project, const store::key_value& pair, project_overview& into)
{
    auto name = records::parse_secret_key(project, pair.key);
    if (!name)
        return false;
    into.secrets[std::move(*name)] = {
        records::decode_stored_secret(pair.value).value_or(model::stored_secret()), pair.modified};
    return true;
}

model::held_secrets configured_secrets(const project_overview& all, const component_overview& of)
{
    model::held_secrets out;
    const auto* wanted = of.wanted();
    for (const auto& variable : of.configured->environment_variables) {
        if (!variable.secret)
            continue;
        if (const auto stored = all.secrets.find(variable.secret->name); stored != all.secrets.end())
            out[variable.name] = {stored->second.what.version, stored->second.what.sealed, {}};
        if (variable.secret->file.empty() || wanted == nullptr)
            continue;
        const auto& before = wanted->spec.environment_variables;
        const auto held = wanted->secrets.find(variable.name);
        if (held != wanted->secrets.end() && std::ranges::find(before, variable) != before.end())
            out[variable.name] = held->second;
    }
    return out;
}

/// A release that was not decided before the next one was ordered. It is derived and not stored: who orders a
/// release would else have every machine read the one before it again.
void settle_superseded(component_overview& of)
{
    for (auto at = of.releases.begin(); at != of.releases.end(); ++at) {
        auto& release = at->second;
        if (release.outcome != model::release_outcome::pending || release.number == of.last ||
            &release == of.wanted())
            continue;
        release.outcome = model::release_outcome::superseded;
        if (const auto newer = std::next(at); newer != of.releases.end())
            release.outcome_at = newer->second.created_at;
    }
}

}  // namespace

boost::asio::awaitable<base::result<project_overview>> read_overview(
    store::store& from, model::project_name project, runtime::time_point deadline)
{
    auto all = co_await from.list(records::project_prefix(project), deadline);
    if (!all)
        co_return std::unexpected(all.error());
    project_overview out;
    out.project = project.text();
    out.at = all->at;
    components_by_name components;
    for (const auto& pair : all->pairs) {
        if (pair.key == records::config_key(project)) {
            if (auto meaning = project_file::read_project(pair.value, project_file::syntax::json))
                out.config = stored_config{pair.value, std::move(*meaning)};
        } else if (records::is_report_key(project, pair.key)) {
            if (auto report = records::decode_component_report(pair.value))
                components[report->component].reports.push_back(std::move(*report));
        } else if (!take_component(project, pair, components) && !take_rollout(project, pair, components) &&
                   !take_secret(project, pair, out)) {
            (void)take_machine(project, pair, out);
        }
    }
    const auto add = [&](const model::component_name& name) {
        auto node = components.extract(name);
        auto of = node.empty() ? component_overview() : std::move(node.mapped());
        of.name = name;
        settle_superseded(of);
        if (out.config)
            if (const auto* spec = out.config->meaning.find(name)) {
                of.configured = *spec;
                of.configured_secrets = configured_secrets(out, of);
            }
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
