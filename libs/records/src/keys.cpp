#include <gantryd/base/number.hpp>
#include <gantryd/records/keys.hpp>

namespace gantryd::records {

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
    return machines_prefix(project) + machine.text() + "/components/" + component.text();
}

std::optional<component_key> parse_component_key(const model::project_name& project, std::string_view key)
{
    const auto prefix = components_prefix(project);
    if (!key.starts_with(prefix))
        return std::nullopt;
    key.remove_prefix(prefix.size());
    const auto slash = key.find('/');
    if (slash == 0 || slash == std::string_view::npos)
        return std::nullopt;
    component_key out{model::component_name(std::string(key.substr(0, slash))), std::nullopt};
    key.remove_prefix(slash + 1);
    if (key == "state")
        return out;
    constexpr std::string_view releases = "releases/";
    if (!key.starts_with(releases))
        return std::nullopt;
    key.remove_prefix(releases.size());
    const auto number = base::number_in<std::int64_t>(key);
    if (!number || *number < 1)
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
    constexpr std::size_t digits = 19;  // as many as the largest number has
    auto number = std::to_string(sequence);
    return events_prefix(project, machine) + std::string(digits - number.size(), '0') + number;
}

std::optional<event_place> parse_event_key(const model::project_name& project, std::string_view key)
{
    const auto prefix = events_prefix(project);
    if (!key.starts_with(prefix))
        return std::nullopt;
    key.remove_prefix(prefix.size());
    const auto slash = key.find('/');
    if (slash == 0 || slash == std::string_view::npos)
        return std::nullopt;
    const auto sequence = base::number_in<decltype(event_place::sequence)>(key.substr(slash + 1));
    if (!sequence || *sequence < 1)
        return std::nullopt;
    return event_place{model::machine_id(std::string(key.substr(0, slash))), *sequence};
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
