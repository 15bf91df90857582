#include "../fuzz.hpp"

#include "gantry/local_command_line.hpp"
#include "gantryd/command_line.hpp"

#include <gantryd/base/names.hpp>

#include <algorithm>
#include <ostream>

namespace gantryd::fuzz {
namespace {

std::vector<std::string> lines_of(std::string_view text)
{
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto end = text.find('\n');
        out.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return out;
}

void check(const app::settings& with)
{
    using std::chrono::days;
    using std::chrono::seconds;
    require(seconds(with.haproxy_hard_stop_seconds) > seconds(0) &&
                seconds(with.haproxy_hard_stop_seconds) < days(25),
        "HAProxy's limit is one that HAProxy takes");
    require(with.output == "table" || with.output == "json", "the output is one that there is");
    require(with.etcd_port > 0, "a port is not 0");
}

void check(const app::invocation& what)
{
    check(what.with);
    const bool needs_none = what.command == app::verb::validate;
    require(needs_none || base::is_name(what.project), "a project has a name");
    require(std::ranges::all_of(what.components, base::is_name), "components have names");
    if (what.timeout)
        require(*what.timeout > std::chrono::seconds(0) && *what.timeout < std::chrono::years(2),
            "a deadline can be computed from it");
    require(!what.release || *what.release > 0, "releases count from 1");
    for (const auto& tag : what.tags)
        require(base::is_name(tag.substr(0, tag.find('='))), "a tag's key is a name");
}

}  // namespace

/// One word per line, for gantryd, or for gantry where that is the first; and all of them as one line of a
/// shell.
void command_line(std::string_view input)
{
    std::ostream nowhere(nullptr);
    auto words = lines_of(input);
    if (words.empty() || words.front() != "gantry") {
        const auto what = app::parse_command_line(std::move(words), nowhere, nowhere);
        if (what)
            check(*what);
        else
            require(what.error() == app::exit_code::usage || what.error() == app::exit_code::done,
                "a command line that is wrong says so by the exit code");
    } else {
        words.erase(words.begin());
        const auto local = app::parse_local_command_line(std::move(words), nowhere, nowhere);
        if (local)
            check(local->with);
        require(local ? base::is_name(local->project) : local.error() != app::exit_code::timed_out,
            "a project has a name, and nothing is waited for");
    }
    std::size_t size = 0;
    for (const auto& word : base::split_words(input))
        size += word.size();
    require(size <= input.size(), "cutting a line into words adds nothing");
}

}  // namespace gantryd::fuzz
