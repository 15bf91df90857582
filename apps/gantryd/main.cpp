#include "commands.hpp"
#include "common/session.hpp"

#include <gantryd/base/names.hpp>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace gantryd;

std::string check_name(const std::string& text)
{
    return base::is_name(text) ? std::string()
                               : "\"" + text + "\" is no name: expected " + std::string(base::name_rule);
}

std::string check_address(const std::string& text)
{
    const bool fits =
        !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
    return fits ? std::string() : "\"" + text + "\" is no address: expected an IP address or a host's name";
}

std::string check_tag(const std::string& text)
{
    const auto sign = text.find('=');
    return sign != std::string::npos && base::is_name(text.substr(0, sign))
               ? std::string()
               : "\"" + text + "\" is no tag: expected KEY=VALUE, KEY of " + std::string(base::name_rule);
}

/// Builds the command line; the command that was chosen ends up in `chosen`.
class command_line_parser {
public:
    explicit command_line_parser(app::invocation& into) : into_(into)
    {
        cli_.name("gantryd");
        cli_.require_subcommand(1);
        cli_.fallthrough();
        cli_.set_version_flag("--version", app::version());
        app::add_settings(cli_, into_.with);
        app::add_etcd_settings(cli_, into_.with);
        file(project(add("setconfig", "Store a project file; nothing that runs changes", app::setconfig)));
        project(add("getconfig", "Print the stored project file", app::getconfig));
        file(add("validate", "Check a project file and print what it means", app::validate));
        auto* update = components(
            project(add("update", "Release components: spec and image as they are now", app::update)), true);
        waiting(update);
        planned_file(
            components(project(add("plan", "Say what an update would do, and to whom", app::plan)), true));
        going_back(project(add("rollback", "Release again what was live before", app::rollback)));
        components(project(add("pause", "Hold a rollout: no further machine begins", app::pause)), true);
        components(project(add("resume", "Let a rollout go on", app::resume)), true);
        timeout(components(project(add("watch", "Follow a rollout until its end", app::watch)), false, true));
        machine_facts(
            components(project(add("run", "Run the daemon for a project on this machine", app::run)), false));
        project(add("machines", "List the machines of a project", app::machines));
        machine_commands();
        project(add("list", "List the components of a project", app::list));
        components(
            project(add("status", "Show instances, releases and conditions", app::status)), false, true);
        components(project(add("why", "Explain whatever waits or failed", app::why)), false, true);
        following(components(project(add("events", "Show what happened", app::events)), false, true));
        waiting(components(project(add("stop", "Drain and stop components", app::stop)), true));
        waiting(components(project(add("kill", "Kill components now", app::kill)), true));
        components(project(add("history", "List the releases of a component", app::history)), false, true);
    }

    int parse(int argc, char** argv)
    {
        try {
            cli_.parse(words_of(argc, argv));
            return 0;
        } catch (const CLI::ParseError& e) {
            return cli_.exit(e) == 0 ? -1 : static_cast<int>(app::exit_code::usage);
        }
    }

    app::command chosen = nullptr;

private:
    /// The arguments, last one first. The Python gantryd's -etcd and -etcdport have one dash only.
    static std::vector<std::string> words_of(int argc, char** argv)
    {
        std::vector<std::string> out;
        for (int i = argc - 1; i > 0; --i) {
            std::string word = argv[i];
            const auto name = word.substr(0, word.find('='));
            if (name == "-etcd" || name == "-etcdport")
                word.insert(0, 1, '-');
            out.push_back(std::move(word));
        }
        return out;
    }
    CLI::App* add(const std::string& name, const std::string& help, app::command what)
    {
        return add(cli_, name, help, what);
    }
    CLI::App* add(CLI::App& under, const std::string& name, const std::string& help, app::command what)
    {
        auto* out = under.add_subcommand(name, help);
        out->callback([this, what] { chosen = what; });
        return out;
    }
    CLI::App* project(CLI::App* to)
    {
        to->add_option("project", into_.project, "The project")
            ->required()
            ->check(CLI::Validator(check_name, "NAME"));
        return to;
    }
    CLI::App* file(CLI::App* to)
    {
        to->add_option("file", into_.file, "The project file, JSON or YAML")->required();
        return to;
    }
    CLI::App* components(CLI::App* to, bool required, bool positional = false)
    {
        const auto name = positional ? "-c,--component,component" : "-c,--component";
        auto* option =
            to->add_option(name, into_.components, "Components")->check(CLI::Validator(check_name, "NAME"));
        if (required)
            option->required();
        return to;
    }
    void waiting(CLI::App* to)
    {
        to->add_flag("-w,--wait", into_.wait, "Wait until it is done, showing progress");
        timeout(to);
    }
    void timeout(CLI::App* to)
    {
        const std::map<std::string, long> units{{"s", 1}, {"m", 60}, {"h", 3600}};
        to->add_option_function<long>(
              "--timeout", [this](long s) { into_.timeout = std::chrono::seconds(s); },
              "Longest wait: seconds, or with a unit (90s, 5m)")
            ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_INSENSITIVE))
            ->check(CLI::PositiveNumber);
    }

    void following(CLI::App* to)
    {
        to->add_flag("-f,--follow", into_.follow, "Go on with what happens from now on, until interrupted");
        to->add_option("-n,--newest", into_.newest, "How many of the newest events to begin with")
            ->capture_default_str();
    }

    void planned_file(CLI::App* to)
    {
        to->add_option("--file", into_.file, "A project file in place of the stored config");
    }

    void going_back(CLI::App* to)
    {
        components(to, true)->get_option("--component")->expected(1);
        to->add_option(
              "-r,--release", into_.release, "The release to take; else the newest that was live before")
            ->check(CLI::PositiveNumber);
        to->add_flag("--force", into_.force, "Also a release that failed");
        waiting(to);
    }

    void machine_facts(CLI::App* to)
    {
        to->add_option("--tag", into_.tags, "KEY=VALUE, something that people know about this machine")
            ->envname("GANTRYD_TAGS")
            ->delimiter(',')
            ->check(CLI::Validator(check_tag, "KEY=VALUE"));
        to->add_option("--address", into_.address,
              "Where other machines reach this one (default: the address of its default route)")
            ->envname("GANTRYD_ADDRESS")
            ->check(CLI::Validator(check_address, "ADDRESS"));
    }

    void machine_commands()
    {
        auto* machine = cli_.add_subcommand("machine", "Change what a machine takes");
        machine->require_subcommand(1);
        const auto one = [&](const std::string& name, const std::string& help, app::command what) {
            project(add(*machine, name, help, what))
                ->add_option("machine", into_.machine, "Its id, the beginning of its id, or its host")
                ->required();
        };
        one("drain", "Hand the machine's work over to others", app::drain);
        one("undrain", "Let the machine take its work back", app::undrain);
        one("forget", "Remove what is stored of a machine that is gone", app::forget);
    }

    CLI::App cli_{"Puts new versions live without anyone noticing, and keeps them alive."};
    app::invocation& into_;
};

}  // namespace

int main(int argc, char** argv)
try {
    app::invocation what;
    command_line_parser line(what);
    if (const int failed = line.parse(argc, argv); failed != 0)
        return failed == -1 ? 0 : failed;
    const bool is_endless = line.chosen == app::run || what.follow;
    auto session = [&](runtime::clock& clk) { return line.chosen(what, clk); };
    // Who goes on until told to stop has done its work then; another command that is interrupted has not.
    return static_cast<int>(
        app::run_session(session, is_endless ? app::exit_code::done : app::exit_code::refused));
} catch (const std::exception& e) {
    std::fprintf(stderr, "gantryd: %s\n", e.what());
    return static_cast<int>(app::exit_code::refused);
}
