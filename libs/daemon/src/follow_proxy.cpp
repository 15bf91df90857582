#include "drain_watch.hpp"

#include <gantryd/runtime/backoff.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <algorithm>
#include <utility>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto quiet_look = 5s;
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
    auto seen = co_await st.io.proxy.update(std::move(asked), st.io.clk.now() + update_limit);
    co_return round{.seen = std::move(seen), .applied = std::move(routes)};
}

/// True when the view changed.
bool take(state& st, round& done)
{
    auto& world = st.world;
    if (!done.closely)
        keep_tunnels(world.proxy, *done.seen);
    if (done.applied) {
        world.proxy_asked_at = st.io.clk.now();
        world.routes_applied = std::move(*done.applied);
        st.watcher.proxy_updated();
    }
    if (world.proxy == *done.seen)
        return done.applied.has_value();
    if (world.proxy.running && !done.seen->running && !world.routes_applied.empty())
        st.io.log.warning("haproxy ended", {{"pid", world.proxy.master}});
    for (const auto& [route, why] : done.seen->refused)
        if (!world.proxy.refused.contains(route))
            st.io.log.warning("external port refused", {{"route", route.text()}, {"why", why}});
    for (const auto& [route, why] : world.proxy.refused)
        if (!done.seen->refused.contains(route))
            st.io.log.info("external port free again", {{"route", route.text()}});
    const bool was_as_told = planner::foreign_changes(world).empty();
    world.proxy = std::move(*done.seen);
    if (was_as_told && !done.applied)
        for (const auto& what : planner::foreign_changes(world))
            st.io.log.warning("haproxy was changed by somebody else", {{"what", what}});
    return true;
}

boost::asio::awaitable<void> pause(state& st, runtime::duration longest)
{
    auto wake = [](state& of) -> boost::asio::awaitable<base::result<bool>> {
        co_await of.proxy_dirty.wait();
        co_return true;
    };
    auto waited = co_await runtime::with_deadline(st.io.clk, st.io.clk.now() + longest, "wait", wake(st));
    (void)waited;
}

}  // namespace

boost::asio::awaitable<void> follow_proxy(state& st)
{
    runtime::backoff retry(100ms, 5s, st.io.random);
    drain_watch drains(st);
    runtime::duration drain_look = first_drain_look;
    bool first = true;
    for (;;) {
        auto done = co_await update_or_look(st, drains);
        if (!done.seen) {
            const base::result<void> failed = std::unexpected(done.seen.error());
            st.note_source(st.world.haproxy, "haproxy", failed);
            // One that does not answer is known well enough: it is to be replaced, and the plan says so.
            st.world.haproxy.known = true;
            drains.look(false);
            st.dirty.set();
            co_await st.io.clk.sleep_until(st.io.clk.now() + retry.next());
            continue;
        }
        retry.reset();
        st.note_source(st.world.haproxy, "haproxy", {});
        const bool changed = take(st, done);
        // The containers may have been listed before anybody knew what the proxy serves.
        if (std::exchange(first, false))
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
        co_await pause(st, quiet ? runtime::duration(quiet_look) : drain_look);
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
