#pragma once
#include <gantryd/base/log.hpp>
#include <gantryd/daemon/happening.hpp>
#include <gantryd/docker/engine.hpp>
#include <gantryd/haproxy/proxy.hpp>
#include <gantryd/health/prober.hpp>
#include <gantryd/planner/plan.hpp>
#include <gantryd/runtime/clock.hpp>
#include <gantryd/socket_table/table.hpp>
#include <gantryd/store/store.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>

namespace gantryd::daemon {

/// The outside world, owned by main(); everything outlives the daemon.
struct collaborators {
    store::store& desired;  ///< projects, releases, reports
    store::store& ledger;   ///< small local facts that must survive a restart; losing it is harmless
    docker::engine& docker;
    haproxy::proxy& proxy;
    socket_table::table& sockets;
    health::prober& prober;
    runtime::clock& clk;
    std::mt19937& random;
    const base::logger& log;
};

/// Something that happened. Told once, in one place (state::tell()): the line of the log, the event in the
/// store and what a program shows to a person are all made of it.
struct fact {
    happening what{};
    const planner::instance* instance = nullptr;  ///< whom it is about
    // When there is no instance (any more):
    model::component_name component{};  ///< empty: the machine as a whole
    std::string instance_name{};
    std::optional<model::release_number> release{};

    std::string text{};                          ///< one sentence
    const model::evidence* why = nullptr;        ///< of a failure
    std::optional<planner::reason> condition{};  ///< of condition_began and condition_ended
};

/// For programs that show a person what happens, as it happens. Called on the loop; must not block.
class observer {
public:
    virtual ~observer() = default;
    virtual void happened(const fact&) {}
    // What is under way, too common to be history.
    virtual void check_running(const planner::instance&, const model::check_spec&) {}
    virtual void proxy_updating(bool to_nothing) { (void)to_nothing; }
    /// After every round: the world, what was planned for it, and how many actions are under way.
    virtual void planned(const planner::world&, const planner::plan&, std::size_t under_way)
    {
        (void)under_way;
    }
};

/// Both ends included.
struct port_range {
    std::uint16_t first = 0;
    std::uint16_t last = 0;

    friend bool operator==(const port_range&, const port_range&) = default;
};

/// Where component links get their ports: outside of those that the kernel gives to outgoing connections,
/// which it tells in /proc/sys/net/ipv4/ip_local_port_range ("32768\t60999"). A text without sense counts as
/// that.
port_range link_ports_beside(std::string_view ephemeral);

struct options {
    model::project_name project;
    std::optional<std::set<model::component_name>> only;  ///< absent: every component of the project
    std::set<model::component_name> hold;  ///< leave their containers alone, only keep routing to them
    model::machine_id machine;
    std::string host;     ///< this machine's name, for people
    std::string address;  ///< where other machines reach it; empty: not known
    std::map<std::string, std::string> tags;
    int cpus = 0;                   ///< 0: not known
    std::int64_t memory_bytes = 0;  ///< 0: not known
    std::string version;            ///< gantryd's
    std::int64_t pid = 0;
    std::string boot_id;            ///< changes with every boot of the machine
    std::string binding_directory;  ///< for bindings with "{container_id}"
    std::string secret_key_file;    ///< see secrets::read_key_file(); read when a release has secrets
    port_range link_ports = link_ports_beside({});
    /// How many bytes are free at a path of the Docker Engine's machine; nothing when that is not known.
    /// Empty: the engine is on another machine.
    std::function<std::optional<std::int64_t>(const std::string& path)> free_bytes{};
    bool publish = true;  ///< write reports, events and presence to the store
    /// Where the store is reached, when it may be away while the machine is not: what it says is kept in the
    /// ledger then, for a start without it. Empty: nothing is kept.
    std::set<std::string> store_members;
};

/// Reconciles until cancelled: follows the desired state, Docker, the probes and the proxy, plans, and acts.
/// Containers and proxy are left running at the end. `watcher` may be null.
/// Cancellation: terminal; every task is joined before it returns.
boost::asio::awaitable<void> run(collaborators io, options what, observer* watcher);

}  // namespace gantryd::daemon
