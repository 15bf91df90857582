#include "state.hpp"

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

/// Keeps count of how long each draining instance has been seen without a connection.
class idle_watch {
public:
    void look(state& st)
    {
        const auto now = st.world.proxy_seen_at;
        for (auto& [name, instance] : st.world.instances) {
            const bool idle = instance.drain_since && planner::is_routed_out(st.world, instance) &&
                              planner::connections_of(st.world, instance) == 0;
            if (!idle) {
                first_idle_.erase(name);
                instance.idle_for = 0ms;
                continue;
            }
            const auto [first, is_new] = first_idle_.try_emplace(name, now);
            instance.idle_for = std::chrono::duration_cast<std::chrono::milliseconds>(now - first->second);
        }
        std::erase_if(
            first_idle_, [&](const auto& entry) { return !st.world.instances.contains(entry.first); });
    }

private:
    std::map<model::instance_name, base::time_point> first_idle_;
};

bool anything_drains(const state& st)
{
    return std::ranges::any_of(st.world.instances, [](const auto& entry) {
        return entry.second.drain_since && !entry.second.stop_since &&
               entry.second.now == planner::phase::running;
    });
}

/// What one round of the loop did.
struct round {
    base::result<haproxy_config::proxy_view> seen;
    std::optional<std::vector<haproxy_config::route>> applied;
};

boost::asio::awaitable<round> update_or_look(state& st)
{
    if (!st.routes_asked) {
        auto seen = co_await st.io.proxy.look(st.io.clk.now() + 5s);
        co_return round{std::move(seen), std::nullopt};
    }
    auto routes = std::move(*st.routes_asked);
    st.routes_asked.reset();
    st.watcher.proxy_updating(routes.empty());
    auto asked = routes;
    auto seen = co_await st.io.proxy.update(std::move(asked), st.io.clk.now() + update_limit);
    co_return round{std::move(seen), std::move(routes)};
}

/// True when the view changed.
bool take(state& st, round& done)
{
    auto& world = st.world;
    world.proxy_seen_at = st.io.clk.now();
    if (done.applied) {
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
    idle_watch idle;
    runtime::duration drain_look = first_drain_look;
    bool first = true;
    for (;;) {
        auto done = co_await update_or_look(st);
        if (!done.seen) {
            const base::result<void> failed = std::unexpected(done.seen.error());
            st.note_source(st.world.haproxy, "haproxy", failed);
            // One that does not answer is known well enough: it is to be replaced, and the plan says so.
            st.world.haproxy.known = true;
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
        const bool drains = anything_drains(st);
        idle.look(st);
        if (changed || drains)
            st.dirty.set();
        if (changed || !drains)
            drain_look = first_drain_look;
        else
            drain_look = std::min<runtime::duration>(drain_look * 3 / 2, slowest_drain_look);
        co_await pause(st, drains ? drain_look : runtime::duration(quiet_look));
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
