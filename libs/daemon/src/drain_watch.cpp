#include "drain_watch.hpp"

#include <gantryd/planner/links.hpp>

#include <algorithm>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

// People read these numbers; while sessions are left no decision needs them.
constexpr auto between_close_looks = 500ms;
constexpr auto between_idle_questions = 1s;
// A close look takes HAProxy and us this part of the time at the most.
constexpr int share_of_close_looks = 20;

bool is_draining(const planner::instance& i)
{
    return i.drain_since && !i.stop_since && i.now == planner::phase::running;
}

socket_table::question about(const state& st, const planner::instance& of)
{
    socket_table::question out;
    out.container = of.container;
    out.pid = of.pid;
    if (const auto* spec = planner::spec_of(st.world, of))
        for (const auto& f : planner::frontends_of(st.world, *spec))
            out.ports.push_back(f.container);
    // What HAProxy has open is used, and counted by itself, or idle; and our own checks are not clients.
    out.ours = st.world.proxy.workers;
    out.ours.push_back(static_cast<pid_t>(st.what.pid));
    return out;
}

bool has_frontends(const state& st, const planner::instance& of)
{
    const auto* spec = planner::spec_of(st.world, of);
    return spec != nullptr && !planner::frontends_of(st.world, *spec).empty();
}

}  // namespace

bool drain_watch::anything_drains() const
{
    return std::ranges::any_of(
        st_.world.instances, [](const auto& entry) { return is_draining(entry.second); });
}

bool drain_watch::wants_close_look() const
{
    return st_.io.clk.now() >= next_close_look_ &&
           std::ranges::any_of(st_.world.instances, [&](const auto& entry) {
               return is_draining(entry.second) && planner::may_have_tunnels(st_.world, entry.second);
           });
}

void drain_watch::took_close_look(runtime::duration took)
{
    next_close_look_ =
        st_.io.clk.now() + std::max<runtime::duration>(between_close_looks, share_of_close_looks * took);
}

/// While the proxy alone holds the drain the kernel's word changes nothing.
bool drain_watch::is_due(const planner::instance& of) const
{
    const auto last = asked_kernel_at_.find(of.name);
    const bool held_by_proxy = planner::connections_of(st_.world, of) > of.direct.value_or(0);
    return last == asked_kernel_at_.end() || !held_by_proxy ||
           st_.io.clk.now() >= last->second + between_idle_questions;
}

drain_watch::testimony drain_watch::ask_kernel(planner::instance& of)
{
    asked_kernel_at_[of.name] = st_.io.clk.now();
    const auto seen = st_.io.sockets.clients_of(about(st_, of));
    if (seen) {
        of.direct = std::ranges::count(*seen, false, &socket_table::connection::ours);
        of.no_kernel_witness.clear();
        return testimony::given;
    }
    if (seen.error() != base::errc::rejected)
        return testimony::not_now;
    if (of.no_kernel_witness.empty())
        st_.io.log.info("direct connections cannot be counted",
            {{"instance", of.name.text()}, {"why", seen.error().context()}});
    of.direct.reset();
    of.no_kernel_witness = seen.error().context();
    return testimony::impossible;
}

void drain_watch::judge(planner::instance& of, bool is_idle)
{
    if (!is_idle) {
        first_idle_.erase(of.name);
        of.idle_for = 0ms;
        return;
    }
    const auto now = st_.io.clk.now();
    const auto [first, is_new] = first_idle_.try_emplace(of.name, now);
    of.idle_for = std::chrono::duration_cast<std::chrono::milliseconds>(now - first->second);
}

void drain_watch::look(bool proxy_seen)
{
    std::set<model::container_id> present;
    for (auto& [name, instance] : st_.world.instances) {
        if (!is_draining(instance)) {
            judge(instance, false);
            asked_kernel_at_.erase(name);
            continue;
        }
        present.insert(instance.container);
        const bool asks = is_due(instance);
        const auto word = asks ? ask_kernel(instance) : testimony::given;
        if (!proxy_seen && has_frontends(st_, instance))
            continue;  // a witness is missing: neither idle nor busy
        judge(instance, word != testimony::not_now && planner::is_routed_out(st_.world, instance) &&
                            planner::connections_of(st_.world, instance) == 0);
    }
    st_.io.sockets.keep_only(present);
    const auto is_gone = [&](const auto& entry) { return !st_.world.instances.contains(entry.first); };
    std::erase_if(first_idle_, is_gone);
    std::erase_if(asked_kernel_at_, is_gone);
}

}  // namespace gantryd::daemon
