#include "command_line.hpp"

#include "common/usage.hpp"

#include <gantryd/base/names.hpp>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace gantryd::app {
namespace {

constexpr long longest_wait = 366L * 24 * 60 * 60;  ///< seconds
constexpr int most_events = 1'000'000;
constexpr std::size_t longest_release = 18;  ///< digits: any such number can be counted on from

std::string check_release(const std::string& text)
{
    const bool fits = text.size() <= longest_release &&
                      text.find_first_not_of("0123456789") == std::string::npos &&
                      text.find_first_not_of('0') != std::string::npos;
    return fits ? std::string() : "\"" + text + "\" is no release: expected a number from 1 on";
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

/// Builds the command line; what it says ends up in the invocation.
class command_line_parser {
public:
    explicit command_line_parser(invocation& into) : into_(into)
    {
        cli_.name("gantryd");
        cli_.footer(help_of_exit_codes());
        cli_.require_subcommand(1);
        cli_.fallthrough();
        cli_.set_version_flag("--version", version());
        add_settings(cli_, into_.with);
        add_etcd_settings(cli_, into_.with);
        file(project(add("setconfig", "Store a project file; nothing that runs changes", verb::setconfig)));
        project(add("getconfig", "Print the stored project file", verb::getconfig));
        file(add("validate", "Check a project file and print what it means", verb::validate));
        auto* update = components(
            project(add("update", "Release components: spec and image as they are now", verb::update)), true);
        update->add_flag("--again", into_.again,
            "A new release also when nothing has changed: every container is replaced");
        waiting(update);
        planned_file(
            components(project(add("plan", "Say what an update would do, and to whom", verb::plan)), true));
        going_back(project(add("rollback", "Release again what was live before", verb::rollback)));
        components(project(add("pause", "Hold a rollout: no further machine begins", verb::pause)), true);
        components(project(add("resume", "Let a rollout go on", verb::resume)), true);
        timeout(components(project(add("watch", "Follow a rollout until its end", verb::watch)), false, true),
            "none");
        machine_facts(components(
            project(add("run", "Run the daemon for a project on this machine", verb::run)), false));
        project(add("machines", "List the machines of a project", verb::machines));
        machine_commands();
        secret_commands();
        project(add("list", "List the components of a project", verb::list));
        components(
            project(add("status", "Show instances, releases and conditions", verb::status)), false, true);
        components(project(add("why", "Explain whatever waits or failed", verb::why)), false, true);
        following(components(project(add("events", "Show what happened", verb::events)), false, true));
        waiting(components(project(add("stop", "Drain and stop components", verb::stop)), true));
        waiting(components(project(add("kill", "Kill components now", verb::kill)), true));
        components(project(add("history", "List the releases of a component", verb::history)), false, true);
    }

    std::optional<exit_code> parse(
        const std::vector<std::string>& words, std::ostream& out, std::ostream& err)
    {
        try {
            cli_.parse(in_reverse(words));
            return std::nullopt;
        } catch (const CLI::ParseError& e) {
            return end_of_parse(cli_, e, words, out, err);
        }
    }

private:
    /// As CLI11 takes them. The Python gantryd's -etcd and -etcdport have one dash only.
    static std::vector<std::string> in_reverse(std::vector<std::string> words)
    {
        for (auto& word : words) {
            const auto name = word.substr(0, word.find('='));
            if (name == "-etcd" || name == "-etcdport")
                word.insert(0, 1, '-');
        }
        std::ranges::reverse(words);
        return words;
    }
    CLI::App* add(const std::string& name, const std::string& help, verb what)
    {
        return add(cli_, name, help, what);
    }
    CLI::App* add(CLI::App& under, const std::string& name, const std::string& help, verb what)
    {
        auto* out = under.add_subcommand(name, help);
        out->footer(other_help);
        out->callback([this, what] { into_.command = what; });
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
        auto* option = to->add_option(name, into_.components,
                             required ? "The components" : "The components (default: all)")
                           ->check(CLI::Validator(check_name, "NAME"));
        if (required)
            option->required();
        return to;
    }
    void waiting(CLI::App* to)
    {
        to->add_flag("-w,--wait", into_.wait, "Wait until it is done, showing progress");
        timeout(to, "60s");
    }
    void timeout(CLI::App* to, const std::string& by_default)
    {
        const std::map<std::string, long> units{{"s", 1}, {"m", 60}, {"h", 3600}};
        to->add_option_function<long>(
              "--timeout", [this](long s) { into_.timeout = std::chrono::seconds(s); },
              "Longest wait: seconds, or with a unit: 90s, 5m (default: " + by_default + ")")
            ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_INSENSITIVE))
            ->check(CLI::Range(1L, longest_wait));
    }

    void following(CLI::App* to)
    {
        to->add_flag("-f,--follow", into_.follow, "Go on with what happens from now on, until interrupted");
        to->add_option("-n,--newest", into_.newest, "How many of the newest events to begin with")
            ->check(CLI::Range(0, most_events))
            ->capture_default_str();
    }

    void planned_file(CLI::App* to)
    {
        to->add_option("--file", into_.file, "A project file in place of the stored config");
    }

    void going_back(CLI::App* to)
    {
        components(to, true)->get_option("--component")->expected(1)->description("The component");
        to->add_option(
              "-r,--release", into_.release, "The release to take; else the newest that was live before")
            ->check(CLI::Validator(check_release, "NUMBER"));
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
        machine->footer(other_help);
        const auto one = [&](const std::string& name, const std::string& help, verb what) {
            project(add(*machine, name, help, what))
                ->add_option("machine", into_.machine, "Its id, the beginning of its id, or its host")
                ->required();
        };
        one("drain", "Hand the machine's work over to others", verb::drain);
        one("undrain", "Let the machine take its work back", verb::undrain);
        one("forget", "Remove what is stored of a machine that is gone", verb::forget);
    }

    void secret_commands()
    {
        auto* secret =
            cli_.add_subcommand("secret", "Values of variables that stand in no file of the project");
        secret->require_subcommand(1);
        const auto one = [&](const std::string& name, const std::string& help, verb what) {
            auto* out = project(add(*secret, name, help, what));
            out->add_option("secret", into_.secret, "The secret")
                ->required()
                ->check(CLI::Validator(check_name, "NAME"));
            return out;
        };
        one("set", "Store a value, read from stdin; nothing that runs changes", verb::secret_set)
            ->add_option("--from", into_.from, "Read the value from this file");
        project(add(*secret, "list", "List the secrets of a project, and who uses them", verb::secret_list));
        one("rm", "Remove a secret", verb::secret_rm)
            ->add_flag("--force", into_.force, "Also one that the stored config uses");
    }

    static constexpr const char* other_help =
        "What every command takes (--state-dir, --store, --etcd, -o, ..), and the exit codes: gantryd --help";

    CLI::App cli_{"Puts new versions live without anyone noticing, and keeps them alive."};
    invocation& into_;
};

}  // namespace

std::expected<invocation, exit_code> parse_command_line(
    std::vector<std::string> words, std::ostream& out, std::ostream& err)
{
    invocation what;
    command_line_parser line(what);
    if (const auto ended = line.parse(words, out, err))
        return std::unexpected(*ended);
    return what;
}

}  // namespace gantryd::app
