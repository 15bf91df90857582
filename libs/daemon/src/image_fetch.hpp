#pragma once
#include "state.hpp"

#include <expected>
#include <functional>

namespace gantryd::daemon {

/// Why a release cannot be run on this machine now. It passes, or somebody has to do something: it is looked
/// again.
struct obstacle {
    planner::reason code{};
    base::error why;
};
template <class T>
using attempt = std::expected<T, obstacle>;

std::unexpected<obstacle> blocked(planner::reason code, std::string why);

/// Shows a pull that is under way to whoever wonders; nothing when it has ended.
using show_pull = std::function<void(std::optional<planner::pull>)>;

/// Fetches the image of a release: by its digest where a registry knew one, else by its name. What has come
/// counts only when it is the image that the release was made with; tags move. With `again`, after a failure,
/// it is not shown before the registry gives something: hours of tries are not to fill the history. An image
/// that did not fit on the engine's disk is not pulled again while that has no more room (see image_room).
/// Obstacles: pull_failed, docker_disk_full, image_mismatch. Cancellation: terminal.
boost::asio::awaitable<attempt<docker::image_details>> fetch_image(
    state& st, std::shared_ptr<const model::release> release, bool again, show_pull show);

/// By which the image of the release is pulled: "web@sha256:..", or "web:2" where no digest is known.
std::string pulled_by(const model::release& release);

}  // namespace gantryd::daemon
