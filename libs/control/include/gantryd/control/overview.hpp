#pragma once
#include <gantryd/control/project.hpp>
#include <gantryd/model/report.hpp>

#include <map>
#include <optional>
#include <vector>

namespace gantryd::control {

/// Everything the store knows of one component.
struct component_overview {
    model::component_name name;
    std::optional<model::component_state> state;  ///< absent: never released
    std::map<model::release_number, model::release> releases;
    std::vector<model::component_report> reports;     ///< one per machine that ever ran it
    std::optional<model::component_spec> configured;  ///< absent: not in the stored config any more

    /// The release that the state names; null when there is none.
    const model::release* wanted() const;
    /// True when the stored config says something else than the wanted release.
    bool config_differs() const;
};

struct project_overview {
    std::optional<stored_config> config;
    std::vector<component_overview>
        components;  ///< in the config's order, then those that only the store knows
    std::vector<model::machine_report> machines;  ///< daemons that are there now
    store::revision at{};

    const component_overview* find(const model::component_name& name) const;
    /// True when a daemon that is there now looks after the component.
    bool is_looked_after(const model::component_name& name) const;
};

/// Errors: the store's. Values that cannot be read are left out.
boost::asio::awaitable<base::result<project_overview>> read_overview(
    store::store& from, model::project_name project, runtime::time_point deadline);

}  // namespace gantryd::control
