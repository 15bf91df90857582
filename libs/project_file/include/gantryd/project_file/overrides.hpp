#pragma once
#include <gantryd/base/error.hpp>

#include <boost/json/fwd.hpp>

#include <string>

namespace gantryd::project_file {

/// Applies one `--setconfig` of the one-machine tool to the component's object in a project document:
/// "tag=v2", "command=x" (appends to a plain list), "ports.8888=9000" (the item named 8888 of a list of
/// objects; made when missing), "ports.8888.kind=http". The value may contain '='.
/// Errors: rejected (no '=', an unknown field, a form that the field does not have).
base::result<void> apply_override(boost::json::object& component, const std::string& assignment);

}  // namespace gantryd::project_file
