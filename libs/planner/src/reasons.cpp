#include <gantryd/planner/reasons.hpp>

namespace gantryd::planner {

std::string_view text_of(reason code) noexcept
{
    switch (code) {
    case reason::no_release: return "no_release";
    case reason::release_failed: return "release_failed";
    case reason::creating: return "creating";
    case reason::waiting_ready: return "waiting_ready";
    case reason::waiting_proxy: return "waiting_proxy";
    case reason::port_taken: return "port_taken";
    case reason::draining: return "draining";
    case reason::drain_kept: return "drain_kept";
    case reason::stopping: return "stopping";
    case reason::unhealthy: return "unhealthy";
    case reason::dependency_suspected: return "dependency_suspected";
    case reason::crash_loop: return "crash_loop";
    case reason::docker_unreachable: return "docker_unreachable";
    case reason::proxy_failed: return "proxy_failed";
    case reason::too_few_serving: return "too_few_serving";
    case reason::waiting_link: return "waiting_link";
    case reason::link_down: return "link_down";
    case reason::no_daemon: return "no_daemon";
    case reason::config_differs: return "config_differs";
    }
    return "unknown";
}

}  // namespace gantryd::planner
