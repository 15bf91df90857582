#pragma once
#include <gantryd/docker/engine.hpp>
#include <gantryd/model/release.hpp>
#include <gantryd/planner/world.hpp>

#include <map>
#include <optional>
#include <string>

namespace gantryd::daemon {

/// What a container of ours says about itself: its labels cannot change and outlive every store.
struct container_identity {
    model::project_name project;
    model::component_name component;
    model::release_number release{};
    /// The release's whole record, so that a lost store does not make a running container a riddle.
    std::optional<model::release> record;
    /// Where the links that it exports or imports were when it was made.
    std::map<std::string, planner::link_address> links;
};

/// The label that marks every container of a project: for list() and follow_events().
docker::labels project_labels(const model::project_name& project);

/// All labels of a new container, the component's own included, and the addresses of its links.
docker::labels labels_for(const model::project_name& project, const model::release& release,
    const std::map<std::string, planner::link_address>& links);

/// Nothing when the labels are not ours or make no sense.
std::optional<container_identity> identity_of(const docker::labels& labels);

}  // namespace gantryd::daemon
