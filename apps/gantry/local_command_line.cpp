#include "local_command_line.hpp"

#include "common/usage.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <utility>
#include <vector>

namespace gantryd::app {
namespace {

void describe(CLI::App& cli, local_invocation& what)
{
    cli.name("gantry");
    cli.footer(help_of_exit_codes());
    cli.set_version_flag("--version", version());
    add_settings(cli, what.with);
    cli.add_option("--project", what.project, "Namespace of the containers on this machine")
        ->check(CLI::Validator(check_name, "NAME"))
        ->capture_default_str();
    cli.add_flag("-m,--monitor", what.monitor, "Stay, check the component's health and replace what fails");
    cli.add_option("--setconfig", what.overrides, "Override a field for this run: tag=v2, ports.8888=9000")
        ->take_all()
        ->expected(1);
    cli.add_option("file", what.file, "The project file, JSON or YAML")->required();
    cli.add_option("action", what.action, "What to do")
        ->required()
        ->check(CLI::IsMember({"list", "start", "update", "stop", "kill"}));
    cli.add_option("component", what.component, "The component")->required();
}

}  // namespace

std::expected<local_invocation, exit_code> parse_local_command_line(
    std::vector<std::string> words, std::ostream& out, std::ostream& err)
{
    local_invocation what;
    what.with.log_level = "error";  // the console lines tell the story
    what.with.state_dir = "/var/lib/gantryd/local";
    CLI::App cli{"Starts, updates and stops a component of a project file on this machine, without a store."};
    describe(cli, what);
    try {
        cli.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // as CLI11 takes them
    } catch (const CLI::ParseError& e) {
        return std::unexpected(end_of_parse(cli, e, words, out, err));
    }
    return what;
}

}  // namespace gantryd::app
