#pragma once
#include <gantryd/drain/drain.hpp>
#include <gantryd/planner/plan.hpp>

#include <optional>
#include <string>
#include <vector>

namespace gantryd::planner::detail {

/// The instances of one component, sorted by what they are to the plan. Every instance is in `all` and in
/// exactly one of the others.
struct roster {
    const component& wish;
    const model::release* effective;  ///< may be null
    int wanted = 0;                   ///< how many instances of `effective` are to serve
    bool unproven = false;            ///< see is_unproven()
    bool may_begin = true;            ///< instances of `effective` may be made
    bool may_retire = true;           ///< instances of other releases may go
    bool away = false;                ///< other machines do the work: everything here goes
    int carried = 0;                  ///< of `wanted`: in the place of machines that are drained

    std::vector<const instance*> all;
    std::vector<const instance*> current;    ///< of the effective release, alive, in use
    std::vector<const instance*> ahead;      ///< made for the machine's turn, which has not come
    std::vector<const instance*> outdated;   ///< of another release, alive, in use
    std::vector<const instance*> draining;   ///< alive, on their way out
    std::vector<const instance*> condemned;  ///< alive, failed
    std::vector<const instance*> dead;       ///< not running any more

    /// Serving instances of the effective release whose health checks do not fail.
    int good(const world& in) const;
    /// Instances of the effective release that are, or soon will be, of use, and sick ones that are not to be
    /// replaced yet.
    int usable(time_point now) const;
};

roster make_roster(const world& from, const component& wish);

/// Why an instance that was ready is to be replaced: its health checks fail, or it lost its network address.
/// Empty when it is well.
std::string sickness_of(const instance& i);

/// From when on a sick instance may be replaced: where there are others, they are given the time to fall sick
/// by the same check, too.
time_point replaceable_at(const roster& who, const instance& sick);

/// All instances of the effective release that were asked, two or more, fail the same health check: hardly
/// they, rather something that they depend on.
struct suspicion {
    std::string check;
    std::string answer;
    int instances = 0;
    time_point since{};  ///< the last one fell sick
    time_point until{};  ///< then one replacement is tried
};
std::optional<suspicion> suspected_dependency(const roster& who);

/// Plans one component into `out`: actions, but neither routes nor conditions.
void plan_component(const world& from, const roster& who, plan& out);

/// The steps of those that drain or are condemned.
void plan_departures(const world& from, const roster& who, plan& out);

/// The table that the proxy is to have, for all components together.
std::vector<haproxy_config::route> wanted_routes(const world& from, const std::vector<roster>& everyone);

/// True when the proxy must be told: the table differs from what it took last or from what was read back.
bool proxy_differs(const world& from, const std::vector<haproxy_config::route>& wanted);

/// Addresses for the links that need one.
void plan_links(const world& from, const std::vector<roster>& everyone, plan& out);

/// False while the component's next container has to wait for a link: its own, that has no address yet, or
/// one that it requires. Plans the end of the wait where that has come.
bool links_let_start(const world& from, const roster& who, plan& out);

/// From when on the effective release has lasted long enough for the ones before it to go; nothing while its
/// instances do not serve yet. Long ago where nobody asks for it.
std::optional<time_point> ripe_at(const world& from, const roster& who);

/// What a machine of a fleet does to the rollout.
void plan_rollout(const world& from, const roster& who, plan& out);

/// Conditions about the rollout.
void explain_rollout(const world& from, const roster& who, plan& out);

/// The drain of whatever is here, when other machines do its work.
void plan_absence(const world& from, const roster& who, plan& out);

/// Who is passed over as a carrier, and when time alone changes who does a drained machine's work.
void plan_moves(const world& from, const roster& who, plan& out);

/// The end of this machine's return, when it has all its work again.
void plan_return(const world& from, const std::vector<roster>& everyone, plan& out);

/// Conditions about work that moves from machine to machine.
void explain_moves(const world& from, const roster& who, plan& out);

/// Conditions about actions that failed and are still to be done.
void explain_setbacks(const world& from, const roster& who, plan& out);

/// Conditions about the links that the component requires.
void explain_links(const world& from, const roster& who, plan& out);

/// Conditions and summary of one component.
void explain_component(const world& from, const roster& who, plan& out);

/// The drain protocol's view of one instance.
struct drain_view {
    drain::facts facts;
    drain::policy policy;
};
drain_view drain_of(const world& from, const instance& of);

/// Restarts of this release are held back until then; nothing when they are not.
std::optional<time_point> held_back_until(const world& from, const roster& who);

void wake(plan& out, std::optional<time_point> at);

}  // namespace gantryd::planner::detail
