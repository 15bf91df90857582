#pragma once
#include <gantryd/docker/engine.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::docker {

/// The body of POST /containers/create. Restart policy "no".
std::string encode_create(const create_request& what);

/// The body of POST /containers/<id>/exec: without a terminal, stdout and stderr attached.
std::string encode_exec(const std::vector<std::string>& command);

/// "/containers/json?..": all containers with those labels.
std::string list_target(const labels& wanted);

/// "/events?..": the life of containers with those labels. Leaves out what image health checks and `exec`
/// produce: they are many and say nothing about a container's state.
std::string events_target(const labels& wanted, std::optional<std::int64_t> since);

/// "/containers/<id>/<verb>", the id percent-encoded; without a verb "/containers/<id>".
/// Precondition: the id is not empty.
std::string container_target(const model::container_id& id, std::string_view verb);

}  // namespace gantryd::docker
