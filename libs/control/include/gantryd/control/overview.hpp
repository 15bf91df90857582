#pragma once
#include <gantryd/control/project.hpp>
#include <gantryd/model/report.hpp>
#include <gantryd/model/rollout.hpp>

#include <map>
#include <optional>
#include <set>
#include <vector>

namespace gantryd::control {

/// Everything the store knows of one component.
struct component_overview {
    model::component_name name;
    std::optional<model::component_state> state;  ///< absent: never released
    std::map<model::release_number, model::release> releases;
    model::release_number last{};           ///< the highest number ever seen, readable or not
    std::optional<model::rollout> rollout;  ///< of the newest release that a machine has begun with
    std::map<int, model::slot> slots;       ///< who changes now
    std::map<model::machine_id, model::preflight> preflights;  ///< of the newest release each one looked at
    // What a transaction that changes them compares; 0: there is no such key.
    store::revision state_revision{};
    store::revision rollout_revision{};
    std::vector<model::component_report> reports;     ///< one per machine that ever ran it
    std::optional<model::component_spec> configured;  ///< absent: not in the stored config any more
    /// What a release of that would hold, going by what the store knows: of a file's value that is what the
    /// wanted release holds.
    model::held_secrets configured_secrets;

    /// The release that the state names; null when there is none.
    const model::release* wanted() const;
    /// The rollout of that release; null before it has begun.
    const model::rollout* wanted_rollout() const;
    /// The rollout of a release; null where the store knows of none.
    const model::rollout* rollout_of(model::release_number release) const;
    /// What a machine told last; null when it never told anything.
    const model::component_report* report_of(const model::machine_id& machine) const;
    /// True when the stored config says something else than the wanted release, or a secret that it names has
    /// a newer value.
    bool config_differs() const;
};

struct secret_overview {
    model::stored_secret what;  ///< version 0: it cannot be read
    store::revision revision{};
};

struct project_overview {
    std::string project;
    std::optional<stored_config> config;
    std::vector<component_overview>
        components;  ///< in the config's order, then those that only the store knows
    std::vector<model::machine_report> machines;  ///< daemons that are there now
    std::set<model::machine_id> draining;         ///< machines that are to have no work, there or not
    std::set<model::machine_id> returning;        ///< machines that take their work back, there or not
    std::map<std::string, secret_overview> secrets;
    store::revision at{};

    const component_overview* find(const model::component_name& name) const;
    /// The daemon of a machine; null when it is not there now.
    const model::machine_report* find_machine(const model::machine_id& id) const;
    /// The host of every machine that is there, ever told anything or is to drain; empty where nobody knows
    /// it.
    std::map<model::machine_id, std::string> hosts() const;
    /// The names of those machines for people: the host, with the id where two have the same one.
    std::map<model::machine_id, std::string> names() const;
    /// The name of one of them; its id for any other.
    std::string name_of(const model::machine_id& id) const;
    /// True when a daemon that is there now looks after the component.
    bool is_looked_after(const model::component_name& name) const;
};

/// True when the machine's daemon looks after the component.
bool looks_after(const model::machine_report& machine, const model::component_name& component);

/// Errors: the store's. Values that cannot be read are left out.
boost::asio::awaitable<base::result<project_overview>> read_overview(
    store::store& from, model::project_name project, runtime::time_point deadline);

}  // namespace gantryd::control
