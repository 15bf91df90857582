#pragma once
#include <gantryd/model/release.hpp>

#include <boost/json/fwd.hpp>

#include <string>

namespace gantryd::model {

/// The component in the project file's own words, with every default filled in. Reading it back with
/// project_file gives an equal component.
boost::json::object to_json(const component_spec& component);
boost::json::object to_json(const project_spec& project);

/// SHA-256 of the component's canonical JSON, in hex: equal for equal components, whatever the order of the
/// keys in the file. With the secrets that a release holds they count, too.
std::string spec_hash(const component_spec& component, const held_secrets& secrets = {});

/// As it stands in a release.
boost::json::object to_json(const held_secrets& secrets);

/// JSON text for people: two spaces, keys sorted, a newline at the end.
std::string pretty(const boost::json::value& value);

/// "30s", "1500ms", "2h": the shortest exact form the project file reads.
std::string duration_text(milliseconds duration);

}  // namespace gantryd::model
