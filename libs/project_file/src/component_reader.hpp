#pragma once
#include "problem_list.hpp"

#include <gantryd/model/component.hpp>

#include <vector>

namespace gantryd::project_file {

/// A component and the places of what has to agree with other components. `ports`, `exports` and `imports`
/// run parallel to the lists of the spec; an entry that is wrong by itself has port 0 or an empty name.
struct component_in_file {
    cursor at;
    model::component_spec spec;
    std::vector<cursor> ports;
    std::vector<cursor> exports;
    std::vector<cursor> imports;
};

/// Reads one component with every default, and complains about everything in it that is wrong by itself.
component_in_file read_component_object(const cursor& from);

}  // namespace gantryd::project_file
