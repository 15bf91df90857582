#pragma once
#include <gantryd/control/overview.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace gantryd::control {

enum class machine_state {
    here,       ///< its daemon is there
    draining,   ///< the same, and it hands its work over
    drained,    ///< the same, and nothing runs there any more
    returning,  ///< it takes its work back, and others do it until then
    lost,       ///< it told something once, and its daemon is not there now
};
std::string_view text_of(machine_state value) noexcept;

/// What a machine runs, or ran when it told last.
struct machine_work {
    model::component_name component;
    std::optional<model::release_number> release;  ///< absent: nothing of it serves there
    std::string state;                             ///< as in model::component_report
    std::string
        waits{};  ///< why it still has this, though it is drained; empty: it does not wait, or is lost
};

struct machine_overview {
    model::machine_id id;
    std::string host;  ///< empty: nobody knows it
    machine_state state = machine_state::here;
    bool drains = false;      ///< it is to have no work, there or not
    bool returns = false;     ///< it takes its work back, there or not
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

/// The components that the machine looks after, as far as it is known; empty: all.
std::vector<model::component_name> work_of(const project_overview& all, const model::machine_id& machine);

/// Tells a machine to hand its work, which is that of these components (none: all), to others; or to take it
/// back. False when it was told so already. Where nothing was ever handed over nothing is taken back.
/// Errors: conflict (somebody changed it meanwhile), and the store's.
boost::asio::awaitable<base::result<bool>> set_drain(store::store& to, model::project_name project,
    model::machine_id machine, bool drains, std::vector<model::component_name> components, std::string who,
    runtime::clock& clk, runtime::time_point deadline);

/// Removes what is stored of a machine that is gone: its reports, its drain mark and what it has changed to.
/// What it did stays in the history; a slot that it holds is freed by the others when `lostAfter` is over.
/// How many records there were.
/// Errors: rejected (it is there), and the store's.
boost::asio::awaitable<base::result<std::size_t>> forget_machine(
    store::store& to, model::project_name project, model::machine_id machine, runtime::time_point deadline);

}  // namespace gantryd::control
