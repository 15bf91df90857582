#pragma once
#include "common/settings.hpp"

#include <gantryd/model/ids.hpp>

#include <expected>
#include <iosfwd>
#include <string>
#include <vector>

namespace gantryd::app {

/// What the command line said.
struct local_invocation {
    settings with;
    std::string project = "local";
    std::string file;
    std::string action;
    std::string component;
    std::vector<std::string> overrides;
    bool monitor = false;

    model::component_name name() const { return model::component_name(component); }
};

/// `words` are those behind the program's name. What is to be said of them, the help for one, goes to `out`
/// and `err`; then the program ends with the code.
std::expected<local_invocation, exit_code> parse_local_command_line(
    std::vector<std::string> words, std::ostream& out, std::ostream& err);

}  // namespace gantryd::app
