#pragma once
#include <gantryd/control/overview.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace gantryd::control {

enum class machine_state {
    here,      ///< its daemon is there
    draining,  ///< the same, and it is to take no work
    lost,      ///< it told something once, and its daemon is not there now
};
std::string_view text_of(machine_state value) noexcept;

/// What a machine runs, or ran when it told last.
struct machine_work {
    model::component_name component;
    std::optional<model::release_number> release;  ///< absent: nothing of it serves there
    std::string state;                             ///< as in model::component_report
};

struct machine_overview {
    model::machine_id id;
    std::string host;  ///< empty: nobody knows it
    machine_state state = machine_state::here;
    bool drains = false;      ///< it is to take no work, there or not
    base::wall_time since{};  ///< its daemon runs; of a lost one: it told something last
    std::optional<model::machine_report> daemon{};  ///< absent: lost
    std::vector<machine_work> runs{};
};

/// Every machine that is there or ever told something, in the order of their ids.
std::vector<machine_overview> machines_of(const project_overview& all);

/// The machine that an operator means by its id, the beginning of its id or its host's name.
/// Errors: not_found, rejected (several are meant).
base::result<model::machine_id> find_machine(const project_overview& all, const std::string& text);

/// The components that the machine looks after and no other machine could take over now.
std::vector<model::component_name> only_there(const project_overview& all, const model::machine_id& machine);

/// Tells a machine to take no work, or takes that back. False when it was so already.
/// Errors: the store's.
boost::asio::awaitable<base::result<bool>> set_drain(store::store& to, model::project_name project,
    model::machine_id machine, bool drains, std::string who, runtime::clock& clk,
    runtime::time_point deadline);

}  // namespace gantryd::control
