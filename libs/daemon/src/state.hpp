#pragma once
#include "event_log.hpp"
#include "image_room.hpp"
#include "ledger.hpp"
#include "store_copy.hpp"

#include <gantryd/daemon/labels.hpp>
#include <gantryd/runtime/dirty_flag.hpp>
#include <gantryd/runtime/task_scope.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantryd::daemon {

/// What the daemon's tasks share. All of them run on one thread; between two co_awaits nothing changes.
class state {
public:
    state(collaborators io, options what, observer* watcher, boost::asio::any_io_executor ex);

    collaborators io;
    const options what;
    observer& watcher;

    planner::world world;
    ledger memory;
    store_copy copy;
    event_log history;
    std::map<model::component_name, model::evidence> last_failure;
    /// For the store's truth to be known before anything is planned.
    bool desired_known = false;

    runtime::dirty_flag dirty;              ///< plan again
    runtime::dirty_flag docker_dirty;       ///< list the containers again
    runtime::dirty_flag proxy_dirty;        ///< a table was asked for, or look at once
    runtime::dirty_flag reports_wanted;     ///< the world's fleet::wants_reports is set
    runtime::dirty_flag preflights_wanted;  ///< the world's fleet::wants_preflights is set
    runtime::dirty_flag others_changed;     ///< plan again, soon: something is new that other machines said

    /// In which time a fleet of this size writes one thing each: nothing for a small one. When a thousand
    /// machines learn the same they must not all write at once, nor look anew at each word of another one.
    base::duration time_for_all() const;
    /// This machine's moment in the second half of that time, at random, counted from now.
    base::duration own_moment();

    /// True while machines change one after the other: each waits for writes of another one. What nobody
    /// waits for is written later then.
    bool is_in_rollout() const;

    /// How often our presence was written again after it had ended: an operator may have had our reports
    /// removed meanwhile.
    std::uint64_t comebacks = 0;

    /// Up to which revision the world knows each key of a rollout.
    std::map<std::string, std::int64_t> rollout_revisions;

    /// Of our presence, while we have one.
    std::optional<store::lease_id> lease;

    /// Drawn anew by every start; it stands in our presence in the store, where our predecessor's may be
    /// left.
    std::string session;
    /// Those of our predecessors since the last one whose presence was stored.
    std::set<std::string> former_sessions;

    /// Containers that an event named: inspected at the next look, because Docker's list lags behind its
    /// events.
    std::set<model::container_id> suspects;

    /// What the labels of the containers say that there are. They cannot change, and a release takes its time
    /// to read.
    std::map<model::container_id, std::optional<container_identity>> identities;

    /// What pulls have shown of the Docker Engine's disk.
    image_room room;

    /// The table that the proxy is to have next; taken by follow_proxy().
    std::optional<std::vector<haproxy_config::route>> routes_asked;
    /// The one that it is being given.
    std::optional<std::vector<haproxy_config::route>> routes_under_way;

    /// A list of the containers begins. What an action of ours learns of one from then on is newer than it.
    void begin_docker_list() { touched_.clear(); }
    void touch(const model::instance_name& name) { touched_.insert(name); }

    /// Takes the instance's address from Docker's answer, where it runs. An older one that was believed to
    /// have it is gone, though nobody has told: it is looked at, and nothing is sent to it meanwhile.
    void take_address(planner::instance& of, const docker::container_details& told);
    bool is_newer_than_list(const model::instance_name& name) const { return touched_.contains(name); }

    /// First processes whose end the kernel told us of, before Docker noticed it.
    std::map<model::container_id, std::int64_t> ended;
    /// The phase of a container, Docker's word weighed against the kernel's.
    planner::phase phase_of(const docker::container_details& details) const;

    /// Tells what happened, in the order in which it did: log, history and observer.
    void tell(const fact& told);
    void tell(happening what_happened, const planner::instance& to, std::string text);
    void tell(happening what_happened, std::string text);

    /// Takes values of the component's environment out of a text, its secrets as far as they can be read.
    void conceal(const model::component_name& component, std::string& text) const;
    /// The same of what a program said. Where a container has a secret that cannot be read any more nothing
    /// is left of it.
    void conceal_words(const model::component_name& component, std::string& text) const;
    void conceal(const model::component_name& component, model::evidence& why) const;

    planner::instance* find(const model::instance_name& name);
    std::shared_ptr<const model::release> release_of(const planner::instance& of) const;

    /// Takes a running instance for ready when a serving slot of the proxy points at it, or when it was
    /// replaced and has clients yet: then an earlier gantryd found it ready, and what told us is gone.
    void trust_if_served(planner::instance& of);

    /// Counts a failure of the instance's release and keeps the evidence.
    void record_failure(planner::instance& of, model::evidence why);
    /// Counts one of a release, of which an instance had served for that long.
    void record_failure(const model::component_name& component, model::release_number release,
        base::duration served_for, model::evidence why);

    /// True for components that this daemon looks after.
    bool is_ours(const model::component_name& component) const;

    /// The number under which the world knows a container's release: its label's, unless the store gave that
    /// number to something else since (it was lost, and counts anew); then zero, which is older than all.
    model::release_number release_known_as(const container_identity& identity) const;

    /// The same for all instances of a component, when the store has given a number to something else just
    /// now.
    void name_releases_anew(const model::component_name& component);

    /// Adds what the labels of a container say where the store says nothing. True when that was news.
    bool learn_from(const container_identity& labels);

    /// Notes that a source answered, or why it did not. Tells the change.
    void note_source(planner::source& which, std::string_view name, const base::result<void>& answer);

    /// How the last write of reports ended, and that of our presence: the store takes writes when it took
    /// both.
    base::result<void> reported;
    base::result<void> present;
    void note_write(base::result<void>& kind, base::result<void> done);

    /// The same of what is written on this machine.
    base::result<void> ledger_written;
    base::result<void> copy_written;
    void note_local_write(base::result<void>& kind, base::result<void> done);

private:
    bool is_left_with_clients(const planner::instance& of) const;

    base::duration pause_of_events();

    /// Takes what a container's labels say of its links, where the ledger says nothing. True when that was
    /// news.
    bool learn_links(const container_identity& from);

    /// Links known from labels of exporters alone. What an importer was told counts more.
    std::set<std::string> links_of_exporters_;
    std::set<model::instance_name> touched_;  // since the last list began
};

/// The tasks. Each runs until cancelled.
boost::asio::awaitable<void> follow_store(state& st);
/// Begins from what was kept of the store when that does not answer soon; ends then.
boost::asio::awaitable<void> begin_from_copy(state& st, kept_state kept);
boost::asio::awaitable<void> follow_machines(state& st);
boost::asio::awaitable<void> follow_reports(state& st);
boost::asio::awaitable<void> follow_preflights(state& st);
boost::asio::awaitable<void> follow_docker_events(state& st);
boost::asio::awaitable<void> follow_containers(state& st);
boost::asio::awaitable<void> follow_proxy(state& st);
boost::asio::awaitable<void> follow_proxy_exit(state& st);

/// Takes a list of all that the store has of the components.
void take_components(state& st, const store::snapshot& all);
/// Takes which machines drain, of a list that tells it.
void take_drains(state& st, const store::snapshot& all);

/// What Docker's word for a container's state means to the plan.
planner::phase phase_of(docker::container_status status);

}  // namespace gantryd::daemon
