#pragma once
#include "api_version.hpp"

#include <gantryd/docker/engine.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::docker {

// What the engine's answers mean. Pure: bytes in, structures out. Members that are missing have their default
// values, since they differ between versions.
// Errors, everywhere: malformed (no JSON, a member of another type, an id that is missing).

base::result<version_offer> decode_version(std::string_view body);

/// GET /info: everything but api_version.
base::result<engine_info> decode_info(std::string_view body);

base::result<std::vector<container_summary>> decode_containers(std::string_view body);

base::result<container_details> decode_container(std::string_view body);

/// The "Tty" of a container's inspection: its output has no frames.
base::result<bool> decode_has_terminal(std::string_view body);

/// The id in the answer to a create, of a container or of an exec.
base::result<std::string> decode_created(std::string_view body);

/// The exit code at the end of a wait.
base::result<int> decode_wait(std::string_view body);

/// Nothing while it runs.
base::result<std::optional<int>> decode_exec_exit(std::string_view body);

base::result<image_details> decode_image(std::string_view body);

/// One line of the event stream.
base::result<container_event> decode_event(std::string_view line);

/// The engine's own words: the JSON "message", or the plain text that some refusals are. One clean line.
std::string decode_refusal(std::string_view body);

/// Nothing when Docker has no such status.
std::optional<container_status> parse_status(std::string_view text) noexcept;

}  // namespace gantryd::docker
