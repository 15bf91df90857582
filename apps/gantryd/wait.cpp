#include "common/output.hpp"
#include "progress_view.hpp"

#include <gantryd/records/keys.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <algorithm>

namespace gantryd::app {
namespace {

using namespace std::chrono_literals;

/// What stands out of all components' codes.
exit_code together(exit_code a, exit_code b) { return static_cast<int>(b) > static_cast<int>(a) ? b : a; }

/// How all components stand together.
struct standing {
    bool done = true;
    exit_code code = exit_code::done;
    exit_code at_timeout = exit_code::timed_out;
};

standing show(const control::project_overview& all, const std::vector<model::component_name>& names,
    const look_at_component& look, progress_view& view)
{
    standing out;
    for (const auto& name : names) {
        const auto seen = look(all, name);
        view.show(name, seen);
        out.done = out.done && seen.done;
        if (seen.done)
            out.code = together(out.code, seen.code);
        else
            out.at_timeout = together(out.at_timeout, seen.at_timeout);
    }
    view.note({});
    view.paint();
    return out;
}

exit_code give_up(const invocation& what, std::chrono::seconds limit, exit_code code)
{
    std::fprintf(stderr, "gantryd: not done after %lld s; `gantryd why %s` tells what it waits for\n",
        static_cast<long long>(limit.count()), what.project.c_str());
    return code;
}

}  // namespace

wait_style wait_style::of(const invocation& what)
{
    wait_style out;
    out.limit = what.timeout.value_or(*out.limit);
    return out;
}

boost::asio::awaitable<exit_code> wait_for(
    store::store& from, invocation what, runtime::clock& clk, look_at_component look, wait_style style)
{
    constexpr auto for_ever = std::chrono::hours(24 * 365 * 10);
    constexpr auto until_asked_again = 1s;
    const auto limit = style.limit.value_or(for_ever);
    const auto deadline = clk.now() + limit;
    const auto names = what.component_names();
    progress_view view(style);
    standing seen;
    for (;;) {
        const auto answer_by = std::min(deadline, clk.now() + store_limit);
        auto all = co_await control::read_overview(from, what.project_name(), answer_by);
        auto problem = all ? std::optional<base::error>() : std::optional(all.error());
        if (all) {
            seen = show(*all, names, look, view);
            if (seen.done)
                co_return seen.code;
            if (style.to == stdout && output_problem())
                co_return exit_code::refused;  // nobody reads any more what is told
            const auto changes = from.watch(records::project_prefix(what.project_name()), all->at);
            auto next = co_await runtime::with_deadline(clk, deadline, "wait", changes->next());
            if (!next && next.error() != base::errc::compacted)
                problem = next.error();
        }
        if (clk.now() >= deadline)
            co_return give_up(what, limit, seen.at_timeout);
        if (!problem)
            continue;
        if (!is_away(*problem))
            co_return refuse(*problem);
        view.note("the store does not answer: " + problem->context());
        view.paint();
        co_await clk.sleep_until(std::min(deadline, clk.now() + until_asked_again));
    }
}

}  // namespace gantryd::app
