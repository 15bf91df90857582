// Follows what other machines report of their components, while a move of work depends on it. At all other
// times nobody reads that: in a large fleet much is reported.
#include "state.hpp"

#include <gantryd/planner/moving.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>
#include <gantryd/runtime/backoff.hpp>

#include <algorithm>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

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

/// Lists, then follows until nobody wants to know any more, or the watch fails.
boost::asio::awaitable<base::result<void>> follow_once(state& st, runtime::backoff& retry)
{
    auto prefix = records::machines_prefix(st.what.project);
    auto all = co_await st.io.desired.list(prefix, st.io.clk.now() + 5s);
    if (!all)
        co_return std::unexpected(all.error());
    retry.reset();
    forget_reports(st);
    for (const auto& pair : all->pairs)
        (void)take_report(st, pair, false);
    st.dirty.set();
    const auto changes = st.io.desired.watch(std::move(prefix), all->at);
    while (st.world.fleet->wants_reports) {
        auto next = co_await changes->next();
        if (!next)
            co_return std::unexpected(next.error());
        bool any = false;
        for (const auto& change : *next)
            any = take_report(st, change.pair, change.erased) || any;
        if (any)
            st.dirty.set();
    }
    co_return base::result<void>();
}

}  // namespace

boost::asio::awaitable<void> follow_reports(state& st)
{
    runtime::backoff retry(100ms, 10s, st.io.random);
    for (;;) {
        co_await st.reports_wanted.wait();
        while (st.world.fleet->wants_reports) {
            const auto done = co_await follow_once(st, retry);
            if (done || done.error().code() == base::errc::compacted)
                continue;  // that the store is away is told by who follows the components
            co_await st.io.clk.sleep_until(st.io.clk.now() + retry.next() + st.own_moment() / 3);
        }
        forget_reports(st);
    }
}

}  // namespace gantryd::daemon
