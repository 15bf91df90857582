#include "publisher.hpp"

#include <gantryd/planner/moving.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <algorithm>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto between_writes = 200ms;

/// etcd takes 128 operations in a transaction, and 1.5 MiB in a request, unless it is told otherwise.
constexpr std::size_t most_at_once = 100;
constexpr std::size_t most_bytes = 512UL * 1024;

/// How long a report waits while a release is on its way.
constexpr auto in_a_rollout = 500ms;

std::string state_of(const planner::world& world, const planner::instance& i)
{
    if (i.failure)
        return "failed";
    switch (i.now) {
    case planner::phase::creating:
    case planner::phase::created: return i.made_ahead ? "prepared" : "created";
    case planner::phase::exited: return "exited";
    case planner::phase::running: break;
    }
    if (i.stop_since)
        return "terminating";
    if (i.drain_since)
        return "draining";
    if (!i.ready_at)
        return "starting";
    return planner::is_serving(world, i) ? "serving" : "ready";
}

std::optional<model::drain_numbers> drain_numbers(const planner::world& world, const planner::instance& i)
{
    if (!i.drain_since || i.stop_since || i.now != planner::phase::running)
        return std::nullopt;
    const auto seen = planner::connections_by_kind(world, i);
    return model::drain_numbers{seen.http, seen.tunnels, seen.via_old_workers, i.direct};
}

base::time_point since(const planner::instance& i)
{
    for (const auto& at : {i.stop_since, i.drain_since, i.ready_at})
        if (at)
            return *at;
    return i.started_at;
}

}  // namespace

base::wall_time publisher::wall(base::time_point when) const
{
    // To the second: the two clocks drift, and a report must not change because of that.
    const auto exact = st_.io.clk.wall_now() -
                       std::chrono::duration_cast<base::wall_time::duration>(st_.io.clk.now() - when);
    return std::chrono::round<std::chrono::seconds>(exact);
}

model::condition publisher::to_wall(const planner::condition& from) const
{
    model::condition out{std::string(text_of(from.code)), from.instance, from.text,
        wall(conditions_.since(from)), std::nullopt, from.then, from.command};
    if (from.until)
        out.until = wall(*from.until);
    return out;
}

model::component_report publisher::report_on(const planner::component& of, const planner::plan& plan) const
{
    model::component_report out;
    out.machine = st_.what.machine;
    out.host = st_.what.host;
    out.component = of.name;
    out.wanted = of.wanted;
    if (const auto summary = plan.components.find(of.name); summary != plan.components.end()) {
        out.state = summary->second.state;
        out.running = summary->second.running;
    }
    for (const auto& [name, i] : st_.world.instances) {
        if (i.component != of.name)
            continue;
        out.instances.push_back({name, i.container, i.release, i.image, state_of(st_.world, i),
            std::string(health_policy::text_of(i.ready_at ? i.healthy : i.ready)), i.address, wall(since(i)),
            planner::connections_of(st_.world, i), drain_numbers(st_.world, i)});
    }
    for (const auto& condition : plan.conditions)
        if (condition.component == of.name)
            out.conditions.push_back(to_wall(condition));
    if (of.task) {
        out.carries = of.task->carries;
        out.asked = planner::instances_asked(of);
    }
    if (const auto failure = st_.last_failure.find(of.name); failure != st_.last_failure.end())
        out.last_failure = failure->second;
    return out;
}

void publisher::show(const planner::plan& plan)
{
    if (std::exchange(comebacks_, st_.comebacks) != st_.comebacks) {
        shown_.clear();
        stored_.clear();
    }
    for (const auto& [name, component] : st_.world.components) {
        auto report = report_on(component, plan);
        auto& shown = shown_[name];
        if (report == shown)
            continue;
        shown = report;
        report.reported_at = st_.io.clk.wall_now();
        if (!st_.world.store.reachable)
            st_.copy.keep_here(
                records::report_key(st_.what.project, st_.what.machine, name), records::encode(report));
        unwritten_[name] = std::move(report);
        changed_.set();
    }
}

base::duration publisher::pause_before_write()
{
    const bool carries = std::ranges::any_of(st_.world.components,
        [](const auto& entry) { return entry.second.task && entry.second.task->carries > 0; });
    if (carries)
        return {};  // a machine that is drained reads that
    const auto pause = st_.own_moment();
    return st_.is_in_rollout() ? std::max<base::duration>(pause, in_a_rollout) : pause;
}

store::transaction publisher::next_batch(shown_reports& taken)
{
    store::transaction out;
    std::size_t bytes = 0;
    while (!unwritten_.empty() && out.operations.size() < most_at_once && bytes < most_bytes) {
        auto next = unwritten_.extract(unwritten_.begin());
        const auto& name = next.key();
        const auto& report = shown_[name];
        if (const auto there = stored_.find(name); there != stored_.end() && there->second == report)
            continue;  // it was another one for a moment
        next.mapped().reported_at = st_.io.clk.wall_now();
        auto value = records::encode(next.mapped());
        bytes += value.size();
        taken[name] = report;
        out.operations.push_back({store::operation::kind::put,
            records::report_key(st_.what.project, st_.what.machine, name), std::move(value), {}});
    }
    return out;
}

boost::asio::awaitable<void> publisher::write_reports()
{
    for (;;) {
        co_await changed_.wait();
        if (const auto pause = pause_before_write(); pause > base::duration())
            co_await st_.io.clk.sleep_until(st_.io.clk.now() + pause);
        shown_reports taken;
        auto what = next_batch(taken);
        if (what.operations.empty())
            continue;
        auto done = co_await st_.io.desired.commit(std::move(what), st_.io.clk.now() + 5s);
        st_.note_write(st_.reported, done ? base::result<void>() : std::unexpected(done.error()));
        if (done) {
            for (auto& [name, report] : taken)
                stored_[name] = std::move(report);
        } else {
            shown_.clear();  // show them all again
            stored_.clear();
        }
        co_await st_.io.clk.sleep_until(
            st_.io.clk.now() + (done ? runtime::duration(between_writes) : runtime::duration(5s)));
        if (!done)
            st_.dirty.set();
        else if (!unwritten_.empty())
            changed_.set();
    }
}

}  // namespace gantryd::daemon
