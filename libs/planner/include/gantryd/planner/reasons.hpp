#pragma once
#include <array>
#include <string_view>

namespace gantryd::planner {

/// Why something waits or is not as it should be. Every code stands in docs/reason-codes.md.
enum class reason {
    no_release,            ///< nothing was released yet, or the store does not know the release
    release_failed,        ///< the wanted release failed; something older serves, or nothing
    creating,              ///< Docker is at work: create, start
    pulling,               ///< an image is fetched
    retrying,              ///< an action failed and is tried again after a pause
    trial,                 ///< the first instance of a new release has to serve before the others follow
    waiting_ready,         ///< the ready checks do not pass yet
    waiting_proxy,         ///< the proxy does not confirm a change yet
    port_taken,            ///< somebody else holds an external port
    draining,              ///< connections of an old instance have not ended yet
    drain_kept,            ///< the drain's deadline has passed and the rule is to keep the instance
    stopping,              ///< the stop signal was sent
    removing,              ///< the container has ended and is still there
    unhealthy,             ///< health checks fail
    dependency_suspected,  ///< all instances fail the same check: nobody is replaced for a while
    crash_loop,            ///< restarts are held back
    docker_unreachable,    ///< no Docker Engine answers
    proxy_failed,          ///< HAProxy cannot be started, asked or changed
    store_unreachable,     ///< the desired state cannot be read
    state_unwritable,      ///< reports, events or the ledger cannot be written
    held,                  ///< the store has no state for it: everything is left as it is
    old_workers,           ///< workers that a reload of HAProxy left behind still have connections
    too_few_serving,       ///< fewer instances serve than should
    waiting_link,          ///< a component link that it needs is not served; its first container waits
    link_down,             ///< it runs, and a component link that it needs is not served
    waiting_slot,          ///< other machines change first
    waiting_healthy,       ///< a new release serves and has to last before the old one goes
    waiting_preflight,     ///< a machine could not run the release yet; none is touched before all could
    pull_failed,           ///< an image cannot be fetched
    image_mismatch,        ///< the image's name stands for another image than the release has
    wrong_architecture,    ///< the image is for another processor than this machine has
    docker_disk_full,      ///< the Docker Engine's disk has no room
    secret_missing,        ///< a secret of the release has no value on this machine
    secret_unreadable,     ///< a secret of the release cannot be read on this machine
    secret_changed,        ///< a file has another value than the release was made with
    rollout_paused,        ///< a rollout stands still until an operator decides
    rollout_stopped,       ///< the release failed; this machine is to go back to the one before
    machine_lost,          ///< the holder of a slot is away
    presence_unconfirmed,  ///< the store does not confirm this machine, which holds a slot
    machine_id_taken,      ///< another process is there with the id of this machine
    no_carrier,            ///< the machine is drained, and no other one can take its work
    waiting_carrier,       ///< the machine is drained, and others do not serve its work yet
    work_moved,            ///< the machine is drained, and others do its work
    work_returning,        ///< the machine takes its work back; others keep it until it serves
    carrying,              ///< it runs instances in the place of another machine
    no_daemon,             ///< told by the command line: no daemon looks after the component now
    disk_full,             ///< told by the command line: the store's disk has no room
    config_differs,        ///< told by the command line: the stored config is newer than the release
};

inline constexpr std::array all_reasons{reason::no_release, reason::release_failed, reason::creating,
    reason::pulling, reason::retrying, reason::trial, reason::waiting_ready, reason::waiting_proxy,
    reason::port_taken, reason::draining, reason::drain_kept, reason::stopping, reason::removing,
    reason::unhealthy, reason::dependency_suspected, reason::crash_loop, reason::docker_unreachable,
    reason::proxy_failed, reason::store_unreachable, reason::state_unwritable, reason::held,
    reason::old_workers, reason::too_few_serving, reason::waiting_link, reason::link_down,
    reason::waiting_slot, reason::waiting_healthy, reason::waiting_preflight, reason::pull_failed,
    reason::image_mismatch, reason::wrong_architecture, reason::docker_disk_full, reason::secret_missing,
    reason::secret_unreadable, reason::secret_changed, reason::rollout_paused, reason::rollout_stopped,
    reason::machine_lost, reason::presence_unconfirmed, reason::machine_id_taken, reason::no_carrier,
    reason::waiting_carrier, reason::work_moved, reason::work_returning, reason::carrying, reason::no_daemon,
    reason::disk_full, reason::config_differs};

/// The code as people and scripts see it: "waiting_ready".
std::string_view text_of(reason code) noexcept;

}  // namespace gantryd::planner
