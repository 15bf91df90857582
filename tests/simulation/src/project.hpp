#pragma once
#include "dice.hpp"

#include <gantryd/model/component.hpp>

#include <cstddef>
#include <vector>

namespace gantryd::simulation {

/// A random project of so many components, some of which link to each other.
std::vector<model::component_spec> draw_project(dice& chance, std::size_t components);

/// What an operator may change in a config: its checks, drain rules and rollout rules, not its place.
void change(dice& chance, model::component_spec& spec);

}  // namespace gantryd::simulation
