#pragma once
#include <array>
#include <string_view>

namespace gantryd::daemon {

/// What can happen. Every code stands in docs/reason-codes.md; none is a planner::reason's.
enum class happening {
    daemon_started,
    daemon_stopped,
    desired_changed,     ///< an operator's word was read from the store
    image_pulling,       ///< an image that is missing here is fetched
    image_pulled,        ///< it is here
    container_created,   ///< and is started next
    container_started,   ///< its first process runs
    instance_ready,      ///< it may serve
    instance_failed,     ///< with its evidence
    check_changed,       ///< a check passes or fails that did not before
    drain_begun,         ///< it gets no new traffic any more
    drain_ended,         ///< with its numbers
    signal_delivered,    ///< a termination signal, with its answer
    signal_failed,       ///< the same, not delivered or not answered well
    container_stopping,  ///< the stop signal is sent
    container_stopped,   ///< it has ended after that
    container_killing,   ///< SIGKILL is sent
    container_removed,   ///< nothing is left of it
    release_given_up,    ///< it failed before it got as far as a container
    link_placed,         ///< a component link got its port
    release_settled,     ///< live or failed
    slot_taken,          ///< this machine changes now
    slot_freed,          ///< it is done, or gives up
    slot_lost,           ///< the slot of another machine, which is away
    rollout_halted,      ///< after a failure, until an operator decides
    carrier_failed,      ///< a machine that was to do the work of this one, which is drained, cannot
    machine_id_refused,  ///< another process has this machine's id
    action_failed,       ///< the first failure in a row; it is tried again
    haproxy_started,     ///< a new process serves
    haproxy_reloaded,    ///< with its reason
    haproxy_changed,     ///< by somebody else: its servers, or its file
    haproxy_repaired,    ///< after that it is as it should be again
    haproxy_ended,       ///< it was not told to
    port_refused,        ///< somebody else holds an external port
    port_freed,          ///< and does not any more
    source_away,         ///< Docker, HAProxy, the store or the disk does not answer
    source_back,         ///< it does again
    store_copy_used,     ///< at a start without the store
    record_unreadable,   ///< something in the store makes no sense
    events_lost,         ///< more happened than could be kept while the store was away
    condition_began,     ///< its event has the reason's code
    condition_ended,     ///< the same
};

inline constexpr std::array all_happenings{happening::daemon_started, happening::daemon_stopped,
    happening::desired_changed, happening::image_pulling, happening::image_pulled,
    happening::container_created, happening::container_started, happening::instance_ready,
    happening::instance_failed, happening::check_changed, happening::drain_begun, happening::drain_ended,
    happening::signal_delivered, happening::signal_failed, happening::container_stopping,
    happening::container_stopped, happening::container_killing, happening::container_removed,
    happening::release_given_up, happening::link_placed, happening::release_settled, happening::slot_taken,
    happening::slot_freed, happening::slot_lost, happening::rollout_halted, happening::carrier_failed,
    happening::machine_id_refused, happening::action_failed, happening::haproxy_started,
    happening::haproxy_reloaded, happening::haproxy_changed, happening::haproxy_repaired,
    happening::haproxy_ended, happening::port_refused, happening::port_freed, happening::source_away,
    happening::source_back, happening::store_copy_used, happening::record_unreadable, happening::events_lost,
    happening::condition_began, happening::condition_ended};

/// The code as people and scripts see it: "container_started".
std::string_view text_of(happening what) noexcept;

}  // namespace gantryd::daemon
