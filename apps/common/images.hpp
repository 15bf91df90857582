#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/control/project.hpp>
#include <gantryd/docker/engine.hpp>
#include <gantryd/model/component.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace gantryd::app {

/// The component's image on this machine; nothing when it is not here. Errors: the engine's.
boost::asio::awaitable<base::result<std::optional<docker::image_details>>> find_image(
    docker::engine& docker, model::component_spec spec, runtime::clock& clk);

/// The component with its image as it is on this machine; pulled when it is not here yet, with progress on
/// stderr. Errors: "component web: image my/repo:tag is not on this machine and cannot be pulled: ..".
boost::asio::awaitable<base::result<control::release_request>> resolve_image(
    docker::engine& docker, model::component_spec spec, runtime::clock& clk);

}  // namespace gantryd::app
