#include <gantryd/base/names.hpp>
#include <gantryd/base/number.hpp>
#include <gantryd/records/keys.hpp>

#include <utility>

namespace gantryd::records {
namespace {

constexpr std::size_t event_digits = 19;  // as many as the largest number has

/// "web/state": the name before the first '/', and what stands behind it. Nothing where that is no name: it
/// ends up in HAProxy's file, in keys and in the names of files.
struct split_key {
    std::string name;
    std::string_view rest;
};
std::optional<split_key> split_behind(const std::string& prefix, std::string_view key)
{
    if (!key.starts_with(prefix))
        return std::nullopt;
    key.remove_prefix(prefix.size());
    const auto slash = key.find('/');
    if (slash == std::string_view::npos || !base::is_name(key.substr(0, slash)))
        return std::nullopt;
    return split_key{std::string(key.substr(0, slash)), key.substr(slash + 1)};
}

/// As we write it, or two keys would be one thing.
template <class T>
std::optional<T> number_from(std::string_view text, T least)
{
    const auto number = base::number_in<T>(text);
    return number && *number >= least && text == std::to_string(*number) ? number : std::nullopt;
}

}  // namespace

std::string project_prefix(const model::project_name& project)
{
    return "/gantryd/projects/" + project.text() + "/";
}
std::string config_key(const model::project_name& project) { return project_prefix(project) + "config"; }
std::string components_prefix(const model::project_name& project)
{
    return project_prefix(project) + "components/";
}
std::string machines_prefix(const model::project_name& project)
{
    return project_prefix(project) + "machines/";
}

std::string preflights_prefix(const model::project_name& project)
{
    return project_prefix(project) + "preflights/";
}

std::string state_key(const model::project_name& project, const model::component_name& component)
{
    return components_prefix(project) + component.text() + "/state";
}

std::string releases_prefix(const model::project_name& project, const model::component_name& component)
{
    return components_prefix(project) + component.text() + "/releases/";
}

std::string release_key(
    const model::project_name& project, const model::component_name& component, model::release_number number)
{
    return releases_prefix(project, component) + std::to_string(model::value_of(number));
}

std::string machine_key(const model::project_name& project, const model::machine_id& machine)
{
    return machines_prefix(project) + machine.text() + "/state";
}

std::string report_key(const model::project_name& project, const model::machine_id& machine,
    const model::component_name& component)
{
    return reports_prefix(project, machine) + component.text();
}

std::string reports_prefix(const model::project_name& project, const model::machine_id& machine)
{
    return machines_prefix(project) + machine.text() + "/components/";
}

std::string endpoint_key(const model::project_name& project, const model::component_name& component,
    const model::machine_id& machine, const model::instance_name& instance)
{
    return project_prefix(project) + "endpoints/" + component.text() + "/" + machine.text() + "/" +
           instance.text();
}

std::string rollout_key(const model::project_name& project, const model::component_name& component)
{
    return components_prefix(project) + component.text() + "/rollout";
}

std::string slot_key(const model::project_name& project, const model::component_name& component, int slot)
{
    return components_prefix(project) + component.text() + "/slots/" + std::to_string(slot);
}

std::string step_key(const model::project_name& project, const model::component_name& component,
    const model::machine_id& machine)
{
    return components_prefix(project) + component.text() + "/steps/" + machine.text();
}

std::string preflight_key(const model::project_name& project, const model::component_name& component,
    const model::machine_id& machine)
{
    return preflights_prefix(project) + component.text() + "/" + machine.text();
}

std::string secret_key(const model::project_name& project, const std::string& secret)
{
    return project_prefix(project) + "secrets/" + secret;
}

std::optional<std::string> parse_secret_key(const model::project_name& project, std::string_view key)
{
    const auto prefix = secret_key(project, {});
    if (!key.starts_with(prefix) || !base::is_name(key.substr(prefix.size())))
        return std::nullopt;
    return std::string(key.substr(prefix.size()));
}

std::string fleet_prefix(const model::project_name& project) { return project_prefix(project) + "fleet/"; }

std::string presence_key(const model::project_name& project, const model::machine_id& machine)
{
    return fleet_prefix(project) + machine.text() + "/presence";
}

std::string drain_key(const model::project_name& project, const model::machine_id& machine)
{
    return fleet_prefix(project) + machine.text() + "/drain";
}

std::optional<rollout_part> parse_rollout_key(const model::project_name& project, std::string_view key)
{
    using kind = rollout_part::kind;
    if (const auto said = split_behind(preflights_prefix(project), key); said && base::is_name(said->rest))
        return rollout_part{model::component_name(said->name), kind::preflight, 0,
            model::machine_id(std::string(said->rest))};
    const auto parts = split_behind(components_prefix(project), key);
    if (!parts)
        return std::nullopt;
    constexpr std::string_view slots = "slots/";
    constexpr std::string_view steps = "steps/";
    rollout_part out{.component = model::component_name(parts->name), .machine = {}};
    if (parts->rest == "rollout")
        return out;
    if (parts->rest.starts_with(steps) && base::is_name(parts->rest.substr(steps.size()))) {
        out.what = kind::step;
        out.machine = model::machine_id(std::string(parts->rest.substr(steps.size())));
        return out;
    }
    const auto number = parts->rest.starts_with(slots) ? number_from(parts->rest.substr(slots.size()), 0)
                                                       : std::optional<int>();
    if (!number)
        return std::nullopt;
    out.what = kind::slot;
    out.slot = *number;
    return out;
}

std::optional<machine_part> parse_machine_key(const model::project_name& project, std::string_view key)
{
    const auto parts = split_behind(fleet_prefix(project), key);
    if (!parts || (parts->rest != "presence" && parts->rest != "drain"))
        return std::nullopt;
    return machine_part{model::machine_id(parts->name),
        parts->rest == "presence" ? machine_part::kind::presence : machine_part::kind::drain};
}

std::optional<component_key> parse_component_key(const model::project_name& project, std::string_view key)
{
    const auto parts = split_behind(components_prefix(project), key);
    if (!parts)
        return std::nullopt;
    component_key out{model::component_name(parts->name), std::nullopt};
    if (parts->rest == "state")
        return out;
    constexpr std::string_view releases = "releases/";
    if (!parts->rest.starts_with(releases))
        return std::nullopt;
    const auto number = number_from(parts->rest.substr(releases.size()), std::int64_t{1});
    if (!number || *number > largest_release)
        return std::nullopt;
    out.release = static_cast<model::release_number>(*number);
    return out;
}

std::string events_prefix(const model::project_name& project)
{
    return "/gantryd/events/" + project.text() + "/";
}

std::string events_prefix(const model::project_name& project, const model::machine_id& machine)
{
    return events_prefix(project) + machine.text() + "/";
}

std::string event_key(
    const model::project_name& project, const model::machine_id& machine, std::int64_t sequence)
{
    auto number = std::to_string(sequence);
    return events_prefix(project, machine) + std::string(event_digits - number.size(), '0') + number;
}

std::optional<event_place> parse_event_key(const model::project_name& project, std::string_view key)
{
    const auto parts = split_behind(events_prefix(project), key);
    const auto number = parts ? base::number_in<std::int64_t>(parts->rest) : std::nullopt;
    if (!number || *number < 1 || *number > largest_sequence || parts->rest.size() != event_digits)
        return std::nullopt;
    return event_place{model::machine_id(parts->name), *number};
}

bool is_report_key(const model::project_name& project, std::string_view key)
{
    const auto prefix = machines_prefix(project);
    if (!key.starts_with(prefix))
        return false;
    key.remove_prefix(prefix.size());
    const auto slash = key.find('/');
    return slash != std::string_view::npos && key.substr(slash).starts_with("/components/");
}

}  // namespace gantryd::records
