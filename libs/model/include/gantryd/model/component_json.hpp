#pragma once
#include <gantryd/model/component.hpp>

#include <boost/json/fwd.hpp>

#include <string>

namespace gantryd::model {

/// The component in the project file's own words, with every default filled in. Reading it back with
/// project_file gives an equal component.
boost::json::object to_json(const component_spec& component);
boost::json::object to_json(const project_spec& project);

/// SHA-256 of the component's canonical JSON, in hex: equal for equal components, whatever the order of the
/// keys in the file.
std::string spec_hash(const component_spec& component);

/// JSON text for people: two spaces, keys sorted, a newline at the end.
std::string pretty(const boost::json::value& value);

/// "30s", "1500ms", "2h": the shortest exact form the project file reads.
std::string duration_text(milliseconds duration);

}  // namespace gantryd::model
