#pragma once
#include "toy_docker.hpp"
#include "toy_proxy.hpp"

#include <gantryd/planner/plan.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantryd::planner::toy {

/// How often something goes wrong: per mille of the actions, and per mille of the looks.
struct trouble {
    int action_lost = 0;   ///< nothing happens
    int action_fails = 0;  ///< it takes its time, and nothing happens
    int action_late = 0;   ///< it takes up to three seconds
    int action_twice = 0;  ///< it is carried out once more
    int half_created = 0;  ///< a container is made and not started
    int slot_lost = 0;     ///< per slot: it does not follow an update
    int crash = 0;         ///< per container
    int sick = 0;          ///< per container: its checks fail for some seconds
    int proxy_dies = 0;
    int port_taken = 0;   ///< per route that is not there yet
    int docker_goes = 0;  ///< it is not reachable for some seconds
    int restart = 0;      ///< of the daemon
    int ledger_lost = 0;  ///< per restart
};

/// A machine with Docker, HAProxy and probes, and the part of a daemon that remembers. It shows a world to
/// the planner and carries its plans out: late, twice, or not at all, as `luck` has it.
class machine {
public:
    machine(unsigned seed, model::project_name project);

    const world& seen() const { return world_; }
    dice& luck() { return luck_; }
    docker& engine() { return docker_; }
    proxy& front() { return proxy_; }
    bool idle() const { return in_flight_.empty(); }
    int ledgers_lost() const { return ledgers_lost_; }
    behaviour behaviour_of(const model::component_name& component, model::release_number release) const;

    component& wish(const model::component_name& name) { return world_.components[name]; }
    /// A new release of the component, wanted from now on.
    void release(const model::component_spec& spec, behaviour how);

    /// Time passes, actions land, things break, and the daemon looks.
    void pass(std::chrono::steady_clock::duration time, const trouble& with);
    void carry_out(const plan& what, const trouble& with);
    /// All that is broken is whole again.
    void repair();
    /// The daemon ends and starts again. Without its ledger it forgets even what it wrote down.
    void restart(bool with_ledger);
    /// A container that looks for a link where it is not; empty when there is none.
    std::string misled() const;
    /// When something happens by itself.
    std::optional<time_point> next_event() const;

private:
    struct doing {
        action what;
        model::container_id container;
        time_point lands_at;
        bool fails = false;
        bool half = false;
        std::map<std::string, link_address> links;  ///< of a creation: what its request says
    };
    struct entry {  ///< of the ledger, for one container
        std::optional<time_point> ready_at;
        std::optional<time_point> drain_since;
        std::string drain_reason;
        std::optional<model::evidence> failure;
    };

    void begin(const action& what, const trouble& with);
    void land(const doing& what, const trouble& with);
    void land_due(const trouble& with);
    void create_container(const create_instance& what, const doing& how);
    static void label(container& made, const model::component_spec& spec, const doing& how);
    void start_container(const model::instance_name& name);
    void settle(const settle_release& what);
    void condemn(instance& i, const std::string& why);
    void count_failure(const instance& i, const std::string& why);
    void break_things(const trouble& with);
    void look();
    void look_at_containers();
    void restore_ready();
    void restore_links();
    void probe(instance& i, const container& real);
    void watch_drain(instance& i);
    instance* known(const model::instance_name& name, const model::container_id& container);

    dice luck_;
    world world_;
    docker docker_;
    proxy proxy_;
    std::map<std::string, doing> in_flight_;
    std::map<std::pair<model::component_name, model::release_number>, behaviour> behaviours_;
    std::map<model::instance_name, time_point> probed_from_;
    std::map<model::instance_name, time_point> idle_from_;
    std::map<model::container_id, entry> ledger_;
    std::optional<time_point> docker_back_at_;
    std::optional<time_point> ports_free_at_;
    bool dirty_ = false;  ///< memory has changed since the last look
    bool ledger_missing_ = false;
    int ledgers_lost_ = 0;
};

}  // namespace gantryd::planner::toy
