#pragma once
#include "common/settings.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace CLI {
class ParseError;
}  // namespace CLI

namespace gantryd::app {

/// Ends a parse that cannot go on. Help and version go to `out`. What is wrong goes to `err`, in one line
/// that names the option, or the environment variable where nobody typed the option, and where help is.
exit_code end_of_parse(const CLI::App& cli, const CLI::ParseError& why, const std::vector<std::string>& words,
    std::ostream& out, std::ostream& err);

/// Empty for a name of a project or component, else why it is none.
std::string check_name(const std::string& text);

/// The end of the help of a program: what its exit codes mean, and which Docker Engine it speaks to.
std::string help_of_exit_codes();

}  // namespace gantryd::app
