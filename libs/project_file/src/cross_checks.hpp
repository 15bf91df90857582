#pragma once
#include "component_reader.hpp"

#include <span>

// What no component can see by itself.
namespace gantryd::project_file {

using components_in_file = std::span<const component_in_file>;

/// Two components with one name.
void check_component_names(components_in_file all);

/// An external port of an address that is bound twice; 0.0.0.0 and :: are every address of their family.
void check_external_ports(components_in_file all);

/// A link's name that is exported twice.
void check_link_exports(components_in_file all);

/// Required links that nobody defines, and components that require each other in a circle: none of them could
/// be the first to start.
void check_link_imports(components_in_file all);

}  // namespace gantryd::project_file
