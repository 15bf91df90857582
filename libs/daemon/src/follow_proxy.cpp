#include "drain_watch.hpp"

#include <gantryd/runtime/backoff.hpp>

#include <algorithm>
#include <utility>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto quiet_look = 5s;
/// So long HAProxy may take to answer for the first time: what it serves may be all that tells who is ready.
constexpr auto patience_at_start = 2s;
constexpr auto first_drain_look = 12ms;
constexpr auto slowest_drain_look = 250ms;
// A reload waits for HAProxy to read its file, which takes tens of milliseconds, under load more.
constexpr auto update_limit = 20s;

/// What one round of the loop did.
struct round {
    base::result<haproxy_config::proxy_view> seen;
    std::optional<std::vector<haproxy_config::route>> applied;
    bool closely = false;
};

/// What is remembered from round to round, to tell whose doing a change is.
struct past {
    bool first = true;          ///< no round was successful yet
    bool unsure = false;        ///< an update of ours failed: what it did is not known
    bool meddled_with = false;  ///< by somebody else, and that is not repaired yet
};

/// Tells what is new in the process and its ports.
void tell_changes(state& st, past& known, const haproxy_config::proxy_view& before,
    const haproxy_config::proxy_view& now, bool is_update)
{
    const auto pid = [](const haproxy_config::proxy_view& of) { return "pid " + std::to_string(of.master); };
    const bool found = known.first && !is_update;
    if (before.running && !now.running && !st.world.routes_applied.empty())
        st.tell(happening::haproxy_ended, pid(before));
    else if (now.running && now.master != before.master && !found)
        st.tell(
            happening::haproxy_started, pid(now) + (now.version.empty() ? "" : ", version " + now.version));
    if (now.reloads > before.reloads)
        st.tell(happening::haproxy_reloaded, now.reload_reason);
    if (is_update && std::exchange(known.meddled_with, false) && before.master == now.master)
        st.tell(happening::haproxy_repaired, "it is as it should be");
    for (const auto& [route, why] : now.refused)
        if (!before.refused.contains(route))
            st.tell(happening::port_refused, route.text() + ": " + why);
    for (const auto& [route, why] : before.refused)
        if (!now.refused.contains(route))
            st.tell(happening::port_freed, route.text());
}

/// What only a close look tells, from the last one, for the servers that are still the same.
void keep_tunnels(const haproxy_config::proxy_view& from, haproxy_config::proxy_view& in)
{
    for (auto& [route, servers] : in.routes) {
        const auto before = from.routes.find(route);
        if (before == from.routes.end())
            continue;
        for (std::size_t i = 0; i < std::min(servers.size(), before->second.size()); ++i) {
            const auto& old = before->second[i];
            auto& now = servers[i];
            if (now.address == old.address && now.port == old.port)
                now.tunnels = std::min(old.tunnels, now.sessions + now.old_sessions);
        }
    }
}

boost::asio::awaitable<round> update_or_look(state& st, drain_watch& drains)
{
    const auto began = st.io.clk.now();
    if (!st.routes_asked && drains.wants_close_look()) {
        auto seen = co_await st.io.proxy.look_closely(began + 5s);
        drains.took_close_look(st.io.clk.now() - began);
        co_return round{.seen = std::move(seen), .applied = std::nullopt, .closely = true};
    }
    if (!st.routes_asked) {
        auto seen = co_await st.io.proxy.look(began + 5s);
        co_return round{.seen = std::move(seen), .applied = std::nullopt};
    }
    auto routes = std::move(*st.routes_asked);
    st.routes_asked.reset();
    st.watcher.proxy_updating(routes.empty());
    auto asked = routes;
    st.routes_under_way = routes;
    auto seen = co_await st.io.proxy.update(std::move(asked), st.io.clk.now() + update_limit);
    st.routes_under_way.reset();
    co_return round{.seen = std::move(seen), .applied = std::move(routes)};
}

/// True when the view changed.
bool take(state& st, round& done, past& known)
{
    auto& world = st.world;
    if (!done.closely)
        keep_tunnels(world.proxy, *done.seen);
    const bool is_update = done.applied.has_value();
    if (done.applied) {
        world.proxy_asked_at = st.io.clk.now();
        world.routes_applied = std::move(*done.applied);
    }
    const bool unsure = std::exchange(known.unsure, known.unsure && !is_update);
    if (world.proxy == *done.seen)
        return is_update;
    tell_changes(st, known, world.proxy, *done.seen, is_update);
    const bool was_as_told = planner::foreign_changes(world).empty();
    world.proxy = std::move(*done.seen);
    const bool others_did = was_as_told && !is_update && !unsure;
    for (const auto& what : others_did ? planner::foreign_changes(world) : std::vector<std::string>()) {
        known.meddled_with = true;
        st.tell(happening::haproxy_changed, what);
    }
    return true;
}

}  // namespace

boost::asio::awaitable<void> follow_proxy(state& st)
{
    runtime::backoff retry(100ms, 5s, st.io.random);
    drain_watch drains(st);
    runtime::duration drain_look = first_drain_look;
    past known;
    const auto patient_until = st.io.clk.now() + patience_at_start;
    for (;;) {
        auto done = co_await update_or_look(st, drains);
        if (!done.seen) {
            known.unsure = known.unsure || done.applied;
            const base::result<void> failed = std::unexpected(done.seen.error());
            st.note_source(st.world.haproxy, "haproxy", failed);
            // One that does not answer is known well enough: it is to be replaced, and the plan says so.
            st.world.haproxy.known = st.world.haproxy.known || st.io.clk.now() >= patient_until;
            drains.look(false);
            st.dirty.set();
            co_await st.io.clk.sleep_until(st.io.clk.now() + retry.next());
            continue;
        }
        retry.reset();
        st.note_source(st.world.haproxy, "haproxy", {});
        const bool changed = take(st, done, known);
        // The containers may have been listed before anybody knew what the proxy serves.
        if (std::exchange(known.first, false))
            for (auto& [name, instance] : st.world.instances)
                st.trust_if_served(instance);
        drains.look(true);
        const bool quiet = !drains.anything_drains();
        if (changed || !quiet)
            st.dirty.set();
        if (changed || quiet)
            drain_look = first_drain_look;
        else
            drain_look = std::min<runtime::duration>(drain_look * 3 / 2, slowest_drain_look);
        const auto pause = quiet ? runtime::duration(quiet_look) : drain_look;
        (void)co_await st.proxy_dirty.wait_until(st.io.clk, st.io.clk.now() + pause);
    }
}

boost::asio::awaitable<void> follow_proxy_exit(state& st)
{
    for (;;) {
        co_await st.io.proxy.wait_for_exit();
        st.proxy_dirty.set();  // look: it may have ended, or only now begun
        // Whatever makes it end at once must not turn this into a busy loop.
        co_await st.io.clk.sleep_until(st.io.clk.now() + 50ms);
    }
}

}  // namespace gantryd::daemon
