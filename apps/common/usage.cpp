#include "common/usage.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/base/text.hpp>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <ostream>

namespace gantryd::app {
namespace {

/// The program and the commands that were read: the last one is what is wrong.
std::vector<const CLI::App*> chain_of(const CLI::App& cli)
{
    std::vector<const CLI::App*> out{&cli};
    for (auto next = cli.get_subcommands(); !next.empty(); next = out.back()->get_subcommands())
        out.push_back(next.front());
    return out;
}

bool is_typed(const CLI::Option& option, const std::vector<std::string>& words)
{
    return std::ranges::any_of(words, [&](const std::string& word) {
        const auto is_long = [&](const std::string& name) {
            return word == "--" + name || word.starts_with("--" + name + "=");
        };
        const auto is_short = [&](const std::string& name) {
            return !word.starts_with("--") && word.starts_with("-" + name);
        };
        return std::ranges::any_of(option.get_lnames(), is_long) ||
               std::ranges::any_of(option.get_snames(), is_short);
    });
}

/// The library names the option, also where its value stands in a variable.
std::string with_origin(
    std::string sentence, const std::vector<const CLI::App*>& chain, const std::vector<std::string>& words)
{
    for (const auto* command : chain)
        for (const auto* option : command->get_options()) {
            const auto name = option->get_name();
            if (!option->get_envname().empty() && sentence.starts_with(name + ": ") &&
                !is_typed(*option, words))
                return option->get_envname() + sentence.substr(name.size());
        }
    return sentence;
}

/// What the library says when it found no command that there is.
bool is_about_commands(const CLI::ParseError& why)
{
    return std::string(why.what()) == CLI::RequiredError::Subcommand(1).what();
}

std::string sentence_about_commands(const CLI::App& cli)
{
    const auto left = cli.remaining(true);
    const auto word = std::ranges::find_if(left, [](const std::string& w) { return !w.starts_with('-'); });
    return word == left.end() ? std::string("a command is expected")
                              : "there is no command \"" + *word + "\"";
}

}  // namespace

exit_code end_of_parse(const CLI::App& cli, const CLI::ParseError& why, const std::vector<std::string>& words,
    std::ostream& out, std::ostream& err)
{
    if (why.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
        cli.exit(why, out, err);
        return exit_code::done;
    }
    const auto chain = chain_of(cli);
    const auto sentence =
        is_about_commands(why) ? sentence_about_commands(cli) : with_origin(why.what(), chain, words);
    std::string help;
    for (const auto* command : chain)
        help += command->get_name() + " ";
    err << cli.get_name() << ": " << base::printable(sentence) << "; see `" << help << "--help`\n";
    return exit_code::usage;
}

std::string check_name(const std::string& text)
{
    return base::is_name(text) ? std::string()
                               : "\"" + text + "\" is no name: expected " + std::string(base::name_rule);
}

std::string help_of_exit_codes()
{
    return "The Docker Engine is that of DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.\n"
           "Exit codes: 0 done; 1 refused, stderr says why; 2 the command line is wrong; 3 timed out, what "
           "was\n"
           "asked for goes on; 4 the release failed.";
}

}  // namespace gantryd::app
