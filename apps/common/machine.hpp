#pragma once
#include "common/settings.hpp"
#include "common/state_directory.hpp"

#include <gantryd/daemon/daemon.hpp>

#include <memory>
#include <random>
#include <set>
#include <string>

namespace gantryd::app {

/// The store that the settings name. `create`: make it when it is a file that is missing.
base::result<std::unique_ptr<store::store>> open_store(
    const settings& from, runtime::clock& clk, bool create, bool relaxed = false);

/// Where that store is reached, should it be one that may be away while this machine is not; else empty.
std::set<std::string> store_members(const settings& from);

/// The Docker Engine that the environment names.
base::result<std::unique_ptr<docker::engine>> open_docker(runtime::clock& clk);

/// True when that engine is on this machine.
bool is_docker_here();

/// Everything of this machine that a daemon works with, its state directory held.
class machine {
public:
    virtual ~machine() = default;
    virtual docker::engine& docker() = 0;
    virtual store::store& ledger() = 0;
    /// The collaborators of daemon::run() on `desired`.
    virtual daemon::collaborators with(store::store& desired) = 0;
    /// Options for a project, the machine's own facts filled in.
    virtual daemon::options options_for(model::project_name project) const = 0;
};

/// Errors: conflict (another gantryd holds the state directory), rejected. A ledger that cannot be opened is
/// set aside and a new one made: losing it is harmless.
base::result<std::unique_ptr<machine>> open_machine(
    const settings& from, runtime::clock& clk, const base::logger& log);

}  // namespace gantryd::app
