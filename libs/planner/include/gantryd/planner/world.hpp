#pragma once
#include <gantryd/base/time.hpp>
#include <gantryd/haproxy_config/view.hpp>
#include <gantryd/health_policy/judgement.hpp>
#include <gantryd/model/report.hpp>
#include <gantryd/model/rollout.hpp>
#include <gantryd/planner/reasons.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::planner {

using base::time_point;
using health_policy::verdict;

/// Where a container is in its life, as Docker tells it; `creating` is our own request under way.
enum class phase { creating, created, running, exited };

/// An image on its way to this machine.
struct pull {
    std::string image;     ///< "web:2", "web@sha256:.."
    std::string progress;  ///< the engine's last word; empty before the first
    time_point since{};
    time_point until{};  ///< when it is given up

    friend bool operator==(const pull&, const pull&) = default;
};

/// One container of ours and everything known about it.
struct instance {
    model::instance_name name;
    model::container_id container;  ///< empty while creating
    model::component_name component;
    model::release_number release{};
    model::image_id image;
    phase now = phase::creating;
    std::string address;
    std::string gateway;       ///< of the bridge that it is on: where it reaches the machine
    time_point started_at{};   ///< the container's start; before it, when we learned of the container
    time_point known_since{};  ///< this run of the daemon knows of it, or has gone on after a standstill
    std::optional<int> exit_code;
    std::optional<pull> pulling;  ///< while its image is fetched
    std::int64_t pid = 0;         ///< of its first process, as the engine's machine counts; 0 when not known
    bool made_ahead = false;      ///< before this machine's turn; until its start
    bool starting = false;        ///< our own request to start it is under way

    verdict ready = verdict::undecided;    ///< its ready checks together
    verdict healthy = verdict::passing;    ///< its health checks together
    std::optional<time_point> sick_since;  ///< its health checks fail since then
    std::string check;                     ///< id of the check that failed last
    std::string answer;                    ///< what it saw
    std::optional<time_point> ready_at;    ///< since when it may serve; kept once it is set

    std::optional<model::evidence> failure;  ///< condemned: why, with what was there to be seen
    std::optional<time_point> drain_since;
    std::string drain_reason;
    int signals_begun = 0;                     ///< termination signals, counted before each is sent
    int signals_answered = 0;                  ///< of them
    bool signals_done = false;                 ///< all of them
    verdict termination = verdict::undecided;  ///< its termination checks together
    /// While it drains: live connections that do not come through the proxy, as the kernel counts them.
    std::optional<std::int64_t> direct;
    std::string no_kernel_witness;          ///< why `direct` is not known
    std::chrono::milliseconds idle_for{0};  ///< see drain::facts; all witnesses that can speak saw nobody
    std::optional<time_point> stop_since;   ///< its stop signal was sent
    bool stop_unsure = false;  ///< or was about to be, when an earlier daemon ended: it is sent again
    bool ended_unseen =
        false;  ///< before this daemon began, and in another boot of the machine or not known when

    friend bool operator==(const instance&, const instance&) = default;
};

/// How often instances of one release failed without an operator's doing.
struct crash_record {
    int count = 0;  ///< in a row: a good run in between starts it again
    time_point last_at{};
    model::evidence last;

    friend bool operator==(const crash_record&, const crash_record&) = default;
};

/// A machine's claim to change a component, as the store has it.
struct slot_claim {
    model::slot what;
    std::int64_t token = 0;     ///< the revision that made it: the holder's right to write
    std::int64_t revision = 0;  ///< of the last write
    time_point seen_at{};       ///< when we learned of it

    friend bool operator==(const slot_claim&, const slot_claim&) = default;
};

/// How a component's releases go from machine to machine, as the store has it. Revisions are what
/// transactions compare; 0: there is no such key.
struct rollout {
    std::optional<model::rollout> record;  ///< of the wanted release or, until somebody begins, an older one
    std::map<int, slot_claim> slots;
    std::map<model::machine_id, model::rollout_step> steps;
    std::map<model::machine_id, model::preflight> preflights;  ///< what each said last, of any release
    std::int64_t state_revision = 0;
    std::int64_t record_revision = 0;
    time_point moved_at{};  ///< when a machine began or was done last, as seen here

    friend bool operator==(const rollout&, const rollout&) = default;
};

/// What this machine has to do with a component's rollout; see assign_releases().
struct duty {
    std::optional<model::release_number> run;  ///< the release that is to run here
    bool proven = false;                       ///< it has been live, or has served here for long enough
    bool holds = false;                        ///< a slot of this machine lets it change
    bool frozen = false;  ///< it has a slot and may not use it now: it begins and ends nothing for it
    std::optional<model::release_number> failed;  ///< on trial here, and the store does not know it yet
    bool entering = false;       ///< it has nothing here, and does not know the fleet yet: it makes nothing
    int carries = 0;             ///< instances beside its own, of machines that are drained
    bool away = false;           ///< its work is done by others: nothing is to run here
    bool keeps_surplus = false;  ///< instances that are too many stay: they may be missed elsewhere
    /// A release that waits here for this machine's turn: a container of it that was made ahead stays.
    std::optional<model::release_number> ahead;
    bool makes_ahead = false;  ///< that container is to be made now

    friend bool operator==(const duty&, const duty&) = default;
};

/// What is wanted of a component, and what is known of its releases.
struct component {
    model::component_name name;
    model::intent intent = model::intent::ready;
    bool hold = false;  ///< leave its containers alone, only keep routing to them
    std::optional<model::release_number> wanted;
    model::image_id asked_image;  ///< of an order that names an image and no release, as the Python gantryd's
    time_point wished_at{};       ///< when we learned of `intent` and `wanted`
    std::map<model::release_number, std::shared_ptr<const model::release>> releases;
    std::map<model::release_number, crash_record> crashes;
    planner::rollout rollout;
    std::optional<pull> fetching;                    ///< an image, before there is a container for it
    std::optional<model::release_number> not_ahead;  ///< no container of it could be made before its turn
    std::optional<duty> task;                        ///< absent: this machine is on its own
    /// Since when, without a break and as seen here, those who are to carry instances of drained machines all
    /// do; and since when one of them is short of it. Kept by assign_moves().
    std::optional<time_point> carried_since;
    std::optional<time_point> short_since;
    /// On a drained machine: since when each of those who are to carry its own instances does not.
    std::map<model::machine_id, time_point> carriers_short;
};

/// Where containers of this machine reach a component link. Whoever imported it keeps the address for life,
/// so it changes only while nobody did.
struct link_address {
    std::string host;  ///< the gateway of the exporter's bridge; empty until a container has told it
    std::uint16_t port = 0;

    friend bool operator==(const link_address&, const link_address&) = default;
};

/// One source of the world: is it there, since when, and what it said when it was not.
struct source {
    bool known = false;  ///< it has answered at least once
    bool reachable = false;
    time_point since{};  ///< of `reachable`
    std::string error;

    friend bool operator==(const source&, const source&) = default;
};

/// An action that failed and is held back for a while.
struct setback {
    model::component_name component;
    std::string instance;            ///< empty: about the component as a whole
    std::string action;              ///< what was tried: "stop shop-web-1-1"
    std::string error;               ///< the last one
    int failures = 0;                ///< in a row
    time_point since{};              ///< of the first
    time_point until{};              ///< when it is tried again
    bool trying = false;             ///< it is, just now
    reason code = reason::retrying;  ///< by which it is told

    friend bool operator==(const setback&, const setback&) = default;
};

/// What a machine reports of a component.
struct work_view {
    int carries = 0;  ///< instances beside its own, of machines that are drained
    int asked = 0;    ///< how many are to serve there, those among them
    int serving = 0;
    std::string obstacle{};  ///< what keeps it from serving and will not pass by waiting; empty: nothing
    std::string remedy{};    ///< what somebody can type there

    friend bool operator==(const work_view&, const work_view&) = default;
};

/// A machine of the project, seen from another one.
struct machine_view {
    bool present = false;            ///< its presence is in the store
    bool drains = false;             ///< it takes no new work, and hands over what it has
    bool returns = false;            ///< it takes its work back; until it has, others keep it
    std::int64_t mark_revision = 0;  ///< of the key that says one of the two; 0: there is none
    time_point gone_since{};
    std::string host;                               ///< for people
    std::vector<model::component_name> components;  ///< that it looks after; empty: all
    model::carrier_failures failed;                 ///< who could not do its work, by its mark
    /// By component; kept only while fleet::wants_reports.
    std::map<model::component_name, work_view> work;

    friend bool operator==(const machine_view&, const machine_view&) = default;
};

/// The machines of the project.
struct fleet {
    model::machine_id me;
    bool known = false;  ///< they have been listed
    std::map<model::machine_id, machine_view> machines;
    /// When we last asked the store to go on with our presence, and it did. Before the question: the store
    /// counts from then on at the earliest.
    std::optional<time_point> confirmed_at;
    time_point began_at{};       ///< when this daemon began
    std::string id_held_by;      ///< the host of another process that has our id now; empty: nobody
    bool wants_reports = false;  ///< the next step of a move depends on what others report
    /// This machine is to know what the others said last of whether they could run a release; see
    /// follows_preflights(). Until it does, only its own word stands in the rollouts.
    bool wants_preflights = false;
    bool knows_preflights = false;
    /// False when all are there. Kept by assign_releases(), which looks at each of them, so that a plan need
    /// not.
    bool is_any_away = true;

    friend bool operator==(const fleet&, const fleet&) = default;
};

/// Everything the planner looks at.
struct world {
    time_point now{};
    model::project_name project;
    std::map<model::component_name, component> components;
    std::map<model::instance_name, instance> instances;
    std::map<std::string, link_address> links;  ///< by the link's name
    haproxy_config::proxy_view proxy;
    std::vector<haproxy_config::route> routes_applied;  ///< the last table that the proxy took
    time_point proxy_asked_at{};                        ///< when it took that
    source docker;
    source haproxy;
    // Nothing is decided by these, but somebody may wonder.
    source store;  ///< reading the desired state
    /// Not empty: the store has not answered yet, and what is wanted is what it said until that time.
    std::string desired_as_of;
    source store_writes;  ///< writing reports and events there
    source ledger;        ///< writing the facts that must survive a restart
    std::vector<setback> setbacks;
    std::optional<planner::fleet> fleet;  ///< absent: nobody is asked before a release is changed
};

/// The release that is to run here: the one that assign_releases() found or, on a machine of its own, the
/// wanted one and, once that has failed, the newest one before it that was live. Null when there is none.
const model::release* effective_release(const component& of);

/// True for a release that failed: anywhere, or in its trial on this machine, also before the store was told.
bool has_failed(const component& of, const model::release& release);

/// True for a release that has not been live, nor served on this machine for long enough: its first failure
/// is the end of it.
bool is_unproven(const component& of, const model::release& release);

/// The instance's frozen spec; null when the store does not know its release.
const model::component_spec* spec_of(const world& in, const instance& of);

/// Name of the route of one external port: "web_8888". Two binds of one port in a component are told apart by
/// the address.
model::route_id route_of(const model::component_spec& spec, const model::port_mapping& port);

/// When a running instance that is not ready is given up: its release's readyTimeout after its start or, when
/// a daemon found it there, after the first moment that it could be asked.
time_point give_up_at(const instance& of, const model::component_spec& spec);

/// True when every route of the instance was read back as sending it traffic. Without ports and links: when
/// it is ready.
bool is_serving(const world& in, const instance& of);

/// True when no route sends it new traffic, as read back.
bool is_routed_out(const world& in, const instance& of);

/// What the proxy was seen to do other than the table that it took last, one sentence each: somebody else
/// changed it.
std::vector<std::string> foreign_changes(const world& in);

/// Live connections of one instance, by kind.
struct connection_count {
    std::int64_t http = 0;             ///< requests through the proxy, in all its workers
    std::int64_t tunnels = 0;          ///< upgraded connections and those of TCP ports, in all its workers
    std::int64_t via_old_workers = 0;  ///< those of both that a reload left behind in an older worker
    std::int64_t direct = 0;           ///< past the proxy; counted only while it drains

    std::int64_t total() const { return http + tunnels + direct; }
};
connection_count connections_by_kind(const world& in, const instance& of);

/// All of them together.
std::int64_t connections_of(const world& in, const instance& of);

/// True when the proxy has sessions of HTTP ports with the instance: some of them may be tunnels.
bool may_have_tunnels(const world& in, const instance& of);

/// True when its termination signals and checks may come: a drain in which no route sends it new traffic.
bool may_be_told(const world& in, const instance& of);

/// How long its termination signals may still take, when its drain is given up at a deadline; else an hour.
std::chrono::milliseconds time_for_signals(const world& in, const instance& of, time_point now);

/// True when a draining instance has no connections any more, and that has been seen twice.
bool is_idle(const world& in, const instance& of);

}  // namespace gantryd::planner
