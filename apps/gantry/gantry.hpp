#pragma once
#include "local_command_line.hpp"

#include "common/machine.hpp"
#include "common/session.hpp"

#include <gantryd/control/project.hpp>
#include <gantryd/daemon/daemon.hpp>
#include <gantryd/daemon/labels.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string>
#include <vector>

namespace gantryd::app {

/// The project file with the overrides of this run applied to the chosen component. On failure the problems
/// are printed already.
std::optional<model::project_spec> read_local_project(const local_invocation& what);

/// What runs of the project on this machine, told by the containers' own labels.
struct local_container {
    docker::container_summary row;
    daemon::container_identity identity;
};
boost::asio::awaitable<base::result<std::vector<local_container>>> find_containers(
    docker::engine& docker, model::project_name project, runtime::clock& clk);

/// The seed's sentence about a link that the component requires and that no running container exports; empty
/// when there is none.
std::string problem_with_links(const model::project_spec& project, const model::component_spec& component,
    const std::vector<local_container>& containers);

/// Why the component's secrets cannot be had without a store; empty when they can.
std::string problem_with_secrets(const model::component_spec& component);

/// Puts what runs into an empty store, as if its releases had been recorded there.
boost::asio::awaitable<base::result<void>> record_what_runs(store::store& to, const local_invocation& what,
    const std::vector<local_container>& containers, runtime::clock& clk);

/// Says what happens in the words of the seed's console.
class narrator final : public daemon::observer {
public:
    using finished = std::function<bool(const planner::world&, const planner::plan&, std::size_t under_way)>;

    /// `on_finished` is called once, when `when` holds for the first time.
    narrator(model::component_name of, finished when, std::function<void()> on_finished);

    void happened(const daemon::fact& told) override;
    void check_running(const planner::instance& i, const model::check_spec& check) override;
    void proxy_updating(bool to_nothing) override;
    void planned(const planner::world& world, const planner::plan& plan, std::size_t under_way) override;

    bool failed() const noexcept { return failed_; }

private:
    void failed(const planner::instance& i, const model::evidence& why);
    void drain_begun(const planner::instance& i);
    void killing(const planner::instance& i);
    void announce_update(bool to_nothing);

    model::component_name of_;
    finished when_;
    std::function<void()> on_finished_;
    bool waiting_announced_ = false;
    bool update_announced_ = false;
    bool draining_announced_ = false;
    bool killing_ = false;
    bool anything_stopped_ = false;
    bool done_ = false;
    bool failed_ = false;
};

/// Runs the engine until the narrator's condition holds, or for ever with `monitor`.
boost::asio::awaitable<void> run_until_finished(machine& on, store::store& desired, daemon::options what,
    model::component_name of, narrator::finished when, bool monitor, bool& failed);

boost::asio::awaitable<exit_code> list_local(local_invocation what, runtime::clock& clk);

}  // namespace gantryd::app
