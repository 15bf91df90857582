#pragma once
#include <gantryd/planner/plan.hpp>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantryd::planner {

/// What must hold for every plan, whatever happened before. It reads the world by itself, not through the
/// planner's own helpers.
class invariants {
public:
    /// The first rule that `made`, planned for `from`, breaks, as a sentence; empty when it breaks none.
    std::string broken_by(const world& from, const plan& made);

    /// The daemon has lost its ledger: what it counted is forgotten.
    void forget();

private:
    void check_component(const world& from, const component& wish, const plan& made);
    void check_drains(const world& from, const component& wish, const plan& made);
    void check_births(const world& from, const component& wish, const plan& made);
    void check_links(const world& from, const component& wish, const create_instance& made);
    void check_number(const world& from, const component& wish, const plan& made);
    void check_departures(const world& from, const plan& made);
    void check_routes(const world& from, const plan& made);
    void check_conditions(const plan& made);
    void check_slots(const world& from, const haproxy_config::route& route);
    void check_nobody_is_left_out(const world& from, const update_proxy& table);
    void fail(std::string why);

    std::string broken_;
    std::set<std::pair<model::component_name, model::release_number>> tried_and_failed_;
};

/// The instances of a component that traffic reaches, by what was read back.
std::vector<const instance*> reached(const world& in, const model::component_name& component);

/// True when traffic to the link reaches somebody, by what was read back.
bool is_served(const world& in, const std::string& link);

/// How many instances the component is to have; zero when no release of it can run.
int wanted_of(const component& wish);

}  // namespace gantryd::planner
