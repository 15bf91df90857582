#include <gantryd/daemon/happening.hpp>

namespace gantryd::daemon {

std::string_view text_of(happening what) noexcept
{
    switch (what) {
    case happening::daemon_started: return "daemon_started";
    case happening::daemon_stopped: return "daemon_stopped";
    case happening::desired_changed: return "desired_changed";
    case happening::image_pulling: return "image_pulling";
    case happening::image_pulled: return "image_pulled";
    case happening::container_created: return "container_created";
    case happening::container_started: return "container_started";
    case happening::instance_ready: return "instance_ready";
    case happening::instance_failed: return "instance_failed";
    case happening::check_changed: return "check_changed";
    case happening::drain_begun: return "drain_begun";
    case happening::drain_ended: return "drain_ended";
    case happening::signal_delivered: return "signal_delivered";
    case happening::signal_failed: return "signal_failed";
    case happening::container_stopping: return "container_stopping";
    case happening::container_stopped: return "container_stopped";
    case happening::container_killing: return "container_killing";
    case happening::container_removed: return "container_removed";
    case happening::release_given_up: return "release_given_up";
    case happening::link_placed: return "link_placed";
    case happening::release_settled: return "release_settled";
    case happening::slot_taken: return "slot_taken";
    case happening::slot_freed: return "slot_freed";
    case happening::slot_lost: return "slot_lost";
    case happening::rollout_halted: return "rollout_halted";
    case happening::carrier_failed: return "carrier_failed";
    case happening::machine_id_refused: return "machine_id_refused";
    case happening::action_failed: return "action_failed";
    case happening::haproxy_started: return "haproxy_started";
    case happening::haproxy_reloaded: return "haproxy_reloaded";
    case happening::haproxy_changed: return "haproxy_changed";
    case happening::haproxy_repaired: return "haproxy_repaired";
    case happening::haproxy_ended: return "haproxy_ended";
    case happening::port_refused: return "port_refused";
    case happening::port_freed: return "port_freed";
    case happening::source_away: return "source_away";
    case happening::source_back: return "source_back";
    case happening::store_copy_used: return "store_copy_used";
    case happening::record_unreadable: return "record_unreadable";
    case happening::events_lost: return "events_lost";
    case happening::condition_began: return "condition_began";
    case happening::condition_ended: return "condition_ended";
    }
    return "unknown";
}

}  // namespace gantryd::daemon
