#include <gantryd/planner/reasons.hpp>

namespace gantryd::planner {

std::string_view text_of(reason code) noexcept
{
    switch (code) {
    case reason::no_release: return "no_release";
    case reason::release_failed: return "release_failed";
    case reason::creating: return "creating";
    case reason::pulling: return "pulling";
    case reason::retrying: return "retrying";
    case reason::trial: return "trial";
    case reason::waiting_ready: return "waiting_ready";
    case reason::waiting_proxy: return "waiting_proxy";
    case reason::port_taken: return "port_taken";
    case reason::draining: return "draining";
    case reason::drain_kept: return "drain_kept";
    case reason::stopping: return "stopping";
    case reason::removing: return "removing";
    case reason::unhealthy: return "unhealthy";
    case reason::dependency_suspected: return "dependency_suspected";
    case reason::crash_loop: return "crash_loop";
    case reason::docker_unreachable: return "docker_unreachable";
    case reason::proxy_failed: return "proxy_failed";
    case reason::store_unreachable: return "store_unreachable";
    case reason::state_unwritable: return "state_unwritable";
    case reason::held: return "held";
    case reason::old_workers: return "old_workers";
    case reason::too_few_serving: return "too_few_serving";
    case reason::waiting_link: return "waiting_link";
    case reason::link_down: return "link_down";
    case reason::waiting_slot: return "waiting_slot";
    case reason::waiting_healthy: return "waiting_healthy";
    case reason::waiting_preflight: return "waiting_preflight";
    case reason::pull_failed: return "pull_failed";
    case reason::image_mismatch: return "image_mismatch";
    case reason::wrong_architecture: return "wrong_architecture";
    case reason::docker_disk_full: return "docker_disk_full";
    case reason::secret_missing: return "secret_missing";
    case reason::secret_unreadable: return "secret_unreadable";
    case reason::secret_changed: return "secret_changed";
    case reason::rollout_paused: return "rollout_paused";
    case reason::rollout_stopped: return "rollout_stopped";
    case reason::machine_lost: return "machine_lost";
    case reason::presence_unconfirmed: return "presence_unconfirmed";
    case reason::machine_id_taken: return "machine_id_taken";
    case reason::no_carrier: return "no_carrier";
    case reason::waiting_carrier: return "waiting_carrier";
    case reason::work_moved: return "work_moved";
    case reason::work_returning: return "work_returning";
    case reason::carrying: return "carrying";
    case reason::no_daemon: return "no_daemon";
    case reason::disk_full: return "disk_full";
    case reason::config_differs: return "config_differs";
    }
    return "unknown";
}

}  // namespace gantryd::planner
