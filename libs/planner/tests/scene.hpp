#pragma once
#include <gantryd/planner/plan.hpp>

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::planner {

using lines = std::vector<std::string>;

/// A world made by hand, in which everything that a plan says happens at once and nothing else happens.
class scene {
public:
    /// Both sources known and reachable, one hour after boot, project "shop", component "web" without
    /// releases.
    scene();

    world w;

    /// One instance, port 8888 to 80, a ready check "up" and a health check "ok".
    static model::component_spec web();
    /// Makes it known to the store and wanted.
    void release(int number, model::release_outcome outcome, const model::component_spec& spec = web());
    component& of(const std::string& component = "web");

    /// From now on the machine is "m1" of a fleet with these others, all of them there.
    void join_fleet(const std::vector<std::string>& others = {});
    /// Another machine takes a slot, or is done with the release.
    void takes_slot(const std::string& machine, int slot, int release);
    void is_done(const std::string& machine, int release);
    /// Whether that machine could run the wanted release. All of a fleet could, unless they say otherwise.
    void says(const std::string& machine, model::preparation standing, const std::string& text = {});
    void says_nothing(const std::string& machine);

    /// A container of the release, made a minute ago: "shop-web-1-2".
    instance& created(int release, int n, const std::string& component = "web");
    instance& running(int release, int n, const std::string& component = "web");
    instance& ready(int release, int n, const std::string& component = "web");
    /// Ready, and in a serving slot of each of its routes.
    instance& serving(int release, int n, const std::string& component = "web");
    /// The same, and on its way out since now, with that many connections.
    instance& draining(int release, int n, int connections);

    instance& at(const std::string& name);
    void starts(const std::string& name);
    void passes(const std::string& name);
    void falls_sick(const std::string& name);
    void exits(const std::string& name, int code);
    void later(std::chrono::milliseconds time);
    /// The table as a plan would want it runs, so that the proxy has nothing to do.
    void settle_proxy();
    haproxy_config::server_view& slot(const std::string& route, std::size_t number);

    plan planned() const;
    /// What "web" runs here in a fleet; nothing when nothing is to run.
    std::optional<model::release_number> release_to_run() const;
    /// What the plan makes of "web" as a whole.
    summary summary_of_web() const;
    /// What is planned, after it was carried out.
    lines does();
    /// The condition with this code; fails the test when there is none.
    condition because(reason code) const;
    bool is_told(reason code) const;

private:
    void carry_out(const action& what);
    void update(const update_proxy& table);
    void carry_out(const move_rollout& move);
    void settle(const model::component_name& name, model::release_number number, model::release_outcome as);
    void count_failure(const instance& i, const std::string& why);

    std::uint16_t next_link_port_ = 20001;
};

/// True when one of the lines begins so.
bool has(const lines& in, const std::string& beginning);

/// Release 1 of "web" is live, serves with one instance, and nothing is to be done.
scene running_well();
/// The same on "m1", a machine of a fleet with these others.
scene running_in_fleet(const std::vector<std::string>& others = {});

}  // namespace gantryd::planner
