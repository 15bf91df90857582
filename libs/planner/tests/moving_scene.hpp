#pragma once
#include "scene.hpp"

#include <gantryd/planner/moving.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace gantryd::planner {

inline const model::component_name web("web");

inline model::machine_id id(const std::string& text) { return model::machine_id(text); }

inline machine_view& machine(scene& s, const std::string& name) { return s.w.fleet->machines.at(id(name)); }

/// What the machine reports of a component.
inline void reports(scene& s, const std::string& name, work_view what, const model::component_name& of = web)
{
    machine(s, name).work[of] = std::move(what);
}

inline model::component_spec instances(int number)
{
    auto spec = scene::web();
    spec.instances = number;
    return spec;
}

/// Version 1 is live and serves on "m1", one of as many machines as that.
inline scene fleet_of(const std::vector<std::string>& others, int number = 1)
{
    scene s;
    s.release(1, model::release_outcome::live, instances(number));
    for (int i = 1; i <= number; ++i)
        s.serving(1, i);
    s.settle_proxy();
    s.join_fleet(others);
    for (const auto& name : others)
        reports(s, name, {.carries = 0, .asked = number, .serving = number});
    EXPECT_EQ(s.does(), lines{});
    return s;
}

}  // namespace gantryd::planner
