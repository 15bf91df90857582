#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/docker/engine.hpp>
#include <gantryd/model/component.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

namespace gantryd::app {

/// The id of the component's image on this machine; pulled when it is not here yet, with progress on stderr.
/// Errors: "component web: image my/repo:tag is not on this machine and cannot be pulled: ..".
boost::asio::awaitable<base::result<model::image_id>> resolve_image(
    docker::engine& docker, model::component_spec spec, runtime::clock& clk);

}  // namespace gantryd::app
