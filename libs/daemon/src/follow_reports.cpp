// Follows what other machines report of their components, while a move of work depends on it. At all other
// times nobody reads that: in a large fleet much is reported.
#include "follow_while.hpp"

#include <gantryd/planner/moving.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <algorithm>

namespace gantryd::daemon {
namespace {

/// True when it changes what is known.
bool take_report(state& st, const store::key_value& pair, bool erased)
{
    if (erased || !records::is_report_key(st.what.project, pair.key))
        return false;
    const auto report = records::decode_component_report(pair.value);
    if (!report || report->machine == st.what.machine)
        return false;
    const auto serves = [](const model::instance_report& i) { return i.state == "serving"; };
    const auto serving = static_cast<int>(std::ranges::count_if(report->instances, serves));
    planner::work_view seen{report->carries, report->asked, serving};
    const auto stands_in_the_way = [](const model::condition& c) { return planner::is_obstacle(c.code); };
    if (const auto found = std::ranges::find_if(report->conditions, stands_in_the_way);
        found != report->conditions.end()) {
        seen.obstacle = found->text;
        seen.remedy = found->command;
    }
    auto& known = st.world.fleet->machines[report->machine].work[report->component];
    const bool is_news = known != seen;
    known = std::move(seen);
    return is_news;
}

void forget_reports(state& st)
{
    for (auto& [id, machine] : st.world.fleet->machines)
        machine.work.clear();
}

void take_all_reports(state& st, const store::snapshot& all)
{
    forget_reports(st);
    for (const auto& pair : all.pairs)
        (void)take_report(st, pair, false);
}

void take_changed_reports(state& st, const std::vector<store::change>& changes)
{
    bool any = false;
    for (const auto& change : changes)
        any = take_report(st, change.pair, change.erased) || any;
    if (any)
        st.dirty.set();
}

bool wants_reports(const state& st) { return st.world.fleet->wants_reports; }

}  // namespace

boost::asio::awaitable<void> follow_reports(state& st)
{
    passing_interest what{records::machines_prefix(st.what.project), wants_reports, take_all_reports,
        take_changed_reports, forget_reports};
    co_await follow_while_wanted(st, st.reports_wanted, std::move(what));
}

}  // namespace gantryd::daemon
