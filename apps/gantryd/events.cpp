#include "commands.hpp"
#include "common/output.hpp"

#include <gantryd/control/events.hpp>
#include <gantryd/records/codec.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace gantryd::app {
namespace {

std::string as_text(const model::event& e)
{
    const auto& whom = e.instance.empty() ? e.component.text() : e.instance;
    auto out = fmt::format("{}  {:<24} {:<20} {}{}\n", base::rfc3339(e.at), whom.empty() ? "-" : whom, e.code,
        e.change.empty() ? "" : e.change + ": ", e.text);
    if (!e.why)
        return out;
    if (e.why->exit_code)
        out += fmt::format(
            "  exit code {}{}\n", *e.why->exit_code, e.why->oom_killed ? ", killed for lack of memory" : "");
    if (!e.why->check.empty())
        out += fmt::format("  last answer of check \"{}\": {}\n", e.why->check, e.why->last_answer);
    for (const auto& line : e.why->last_log_lines)
        out += "  log: " + line + "\n";
    return out;
}

class printer {
public:
    explicit printer(const invocation& what) : what_(what) {}

    /// The newest of what there is, as a whole.
    void show_history(std::vector<model::event> all) const
    {
        std::erase_if(all, [&](const model::event& e) { return !is_wanted(e); });
        if (all.size() > what_.newest)
            all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(what_.newest));
        if (!what_.with.json() || what_.follow) {
            show(all);
            return;
        }
        boost::json::array list;
        for (const auto& event : all)
            list.emplace_back(records::to_json(event));
        print_json(boost::json::object{{"events", std::move(list)}});
    }

    /// One after the other; in JSON one per line.
    void show(const std::vector<model::event>& events) const
    {
        for (const auto& event : events)
            if (is_wanted(event))
                print(what_.with.json() ? boost::json::serialize(records::to_json(event)) + "\n"
                                        : as_text(event));
    }

private:
    /// What concerns the machine as a whole concerns every component.
    bool is_wanted(const model::event& e) const
    {
        return what_.components.empty() || e.component.empty() ||
               std::ranges::find(what_.components, e.component.text()) != what_.components.end();
    }

    const invocation& what_;
};

}  // namespace

boost::asio::awaitable<exit_code> events(invocation what, runtime::clock& clk)
{
    auto project = co_await open_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    control::event_reader history(*project->store, what.project_name());
    const printer out(what);
    auto all = co_await history.read(clk.now() + store_limit);
    if (!all)
        co_return refuse(all.error());
    out.show_history(std::move(*all));
    while (what.follow && !output_problem()) {
        auto more = co_await history.next();
        if (!more && more.error() == base::errc::compacted)
            more = co_await history.read(clk.now() + store_limit);
        if (!more)
            co_return refuse(more.error());
        out.show(*more);
    }
    co_return exit_code::done;
}

}  // namespace gantryd::app
