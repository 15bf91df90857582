#pragma once
#include <gantryd/model/ids.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantryd::records {

/// The largest number of a release that is believed where somebody else wrote it: there is always a next one.
inline constexpr std::int64_t largest_release = 1'000'000'000'000'000;
/// The same of an event.
inline constexpr std::int64_t largest_sequence = 1'000'000'000'000'000'000;

// Where everything stands in the store. The first two are the seed's, so that old tools can read them.

std::string project_prefix(const model::project_name& project);
std::string config_key(const model::project_name& project);
std::string state_key(const model::project_name& project, const model::component_name& component);
std::string components_prefix(const model::project_name& project);
std::string releases_prefix(const model::project_name& project, const model::component_name& component);
std::string release_key(
    const model::project_name& project, const model::component_name& component, model::release_number number);
std::string machines_prefix(const model::project_name& project);
std::string machine_key(const model::project_name& project, const model::machine_id& machine);
std::string report_key(const model::project_name& project, const model::machine_id& machine,
    const model::component_name& component);
/// Under the machine's lease.
std::string endpoint_key(const model::project_name& project, const model::component_name& component,
    const model::machine_id& machine, const model::instance_name& instance);

std::string rollout_key(const model::project_name& project, const model::component_name& component);
/// Slots count from 0.
std::string slot_key(const model::project_name& project, const model::component_name& component, int slot);
/// What the machine has changed to.
std::string step_key(const model::project_name& project, const model::component_name& component,
    const model::machine_id& machine);
/// Whether the machine could run the newest release that it looked at. These stand apart from all else that
/// is told of a component: each machine writes one at each update, and only those read them that have to.
std::string preflights_prefix(const model::project_name& project);
std::string preflight_key(const model::project_name& project, const model::component_name& component,
    const model::machine_id& machine);
/// What machines have to know of each other stands apart from what they report: a report is nothing to the
/// others, and a thousand machines that all read what all write would do little else.
std::string fleet_prefix(const model::project_name& project);
/// The same as machine_key(), and under the same lease.
std::string presence_key(const model::project_name& project, const model::machine_id& machine);
/// As long as this key is there the machine's work is with others; see model::drain_mark. A value that makes
/// no sense says that the machine is to have none.
std::string drain_key(const model::project_name& project, const model::machine_id& machine);

/// A secret of the project. These stand apart from the components, which machines follow: a machine needs
/// what its release holds, and nothing else.
std::string secret_key(const model::project_name& project, const std::string& secret);
/// The name of the secret; nothing for keys of another kind.
std::optional<std::string> parse_secret_key(const model::project_name& project, std::string_view key);

/// What a key under components_prefix() or preflights_prefix() that is about a rollout says.
struct rollout_part {
    enum class kind { record, slot, step, preflight };
    model::component_name component;
    kind what = kind::record;
    int slot = 0;
    model::machine_id machine;  ///< of a step and a preflight
};
/// Nothing for keys of another kind.
std::optional<rollout_part> parse_rollout_key(const model::project_name& project, std::string_view key);

/// What a key under fleet_prefix() says of a machine.
struct machine_part {
    enum class kind { presence, drain };
    model::machine_id machine;
    kind what = kind::presence;
};
/// Nothing for keys of another kind.
std::optional<machine_part> parse_machine_key(const model::project_name& project, std::string_view key);

/// A component's state or a release of it.
struct component_key {
    model::component_name component;
    std::optional<model::release_number> release;  ///< absent: the component's state
};
/// Nothing for keys of another kind.
std::optional<component_key> parse_component_key(const model::project_name& project, std::string_view key);

/// The histories of a project's machines. They stand beside the project, not in it: whoever lists or watches
/// a project is not to read, nor to be woken by, a thousand lines of history.
std::string events_prefix(const model::project_name& project);
std::string events_prefix(const model::project_name& project, const model::machine_id& machine);
/// Keys in the order of their sequence numbers, which are positive.
std::string event_key(
    const model::project_name& project, const model::machine_id& machine, std::int64_t sequence);

/// What a key under events_prefix() is about.
struct event_place {
    model::machine_id machine;
    std::int64_t sequence = 0;
};
/// Nothing for keys of another kind.
std::optional<event_place> parse_event_key(const model::project_name& project, std::string_view key);

/// Where a machine's reports on its components stand.
std::string reports_prefix(const model::project_name& project, const model::machine_id& machine);

/// True for "<machines prefix><id>/components/<c>", false for "<machines prefix><id>/state" and all else.
bool is_report_key(const model::project_name& project, std::string_view key);

}  // namespace gantryd::records
