#pragma once
#include "town.hpp"

#include <string>

namespace gantryd::simulation {

/// Somebody who gives orders, through the same code as the programs' commands. What is refused is told.
class town_operator {
public:
    explicit town_operator(town& of) : town_(of) {}

    /// Any order, to any component or machine.
    void order_something();
    /// A new release, of a config that may have changed.
    void update(const model::component_name& component, nature of, bool changed);
    void set_intent(const model::component_name& component, model::intent intent);
    void set_drain(std::size_t node, bool drains);
    /// What leaves a life that can converge: nothing held or paused, no wanted image that falls sick, and
    /// nobody who waits for the links of a component that has no release to run.
    void settle_all();

private:
    void update_somehow(const model::component_name& component);
    void roll_back(const model::component_name& component);
    void hold(const model::component_name& component, bool held);
    void drain_somebody();
    void note(const model::component_name& component, int release, const true_release& what);
    bool needs_update(const control::component_overview& of) const;
    /// Nobody knows a release of it that is good, and others wait for its links.
    bool is_missed(const control::component_overview& of) const;
    /// A component that is to run cannot without the links of this one.
    bool is_needed(const model::component_name& component) const;

    town& town_;
    int tags_ = 0;
};

}  // namespace gantryd::simulation
