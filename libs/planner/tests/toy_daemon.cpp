// What the daemon of a toy machine sees and remembers.
#include "toy_machine.hpp"

#include <algorithm>

namespace gantryd::planner::toy {
namespace {

using namespace std::chrono_literals;
using haproxy_config::slot_mode;

}  // namespace

void machine::restart(bool with_ledger)
{
    // What Docker was asked for may happen all the same.
    for (auto& [key, todo] : std::exchange(in_flight_, {}))
        if (luck_.chance(500))
            land(todo, {});
    ledger_.clear();
    if (with_ledger)
        for (const auto& [name, i] : world_.instances)
            ledger_[i.container] = {i.ready_at, i.drain_since, i.drain_reason, i.failure};
    else
        for (auto& [name, wish] : world_.components)
            wish.crashes.clear();
    if (!with_ledger)
        world_.links.clear();
    ledger_missing_ = !with_ledger;
    ledgers_lost_ += with_ledger ? 0 : 1;
    world_.instances.clear();
    probed_from_.clear();
    idle_from_.clear();
    world_.proxy = {};
    world_.docker = {};
    world_.haproxy = {};
}

void machine::look()
{
    // The two sources speak for the first time one after the other.
    const bool proxy_was_known = world_.haproxy.known;
    if (!proxy_was_known)
        world_.haproxy = {true, true, world_.now, {}};
    const bool reachable = !docker_back_at_ && (world_.docker.known || proxy_was_known);
    if (reachable != world_.docker.reachable)
        world_.docker.since = world_.now;
    world_.docker.reachable = reachable;
    world_.docker.known = world_.docker.known || reachable;
    world_.docker.error = reachable ? "" : "connect /var/run/docker.sock: connection refused";
    world_.proxy = proxy_.view;
    if (reachable) {
        look_at_containers();
        restore_links();
    }
    for (auto& [name, i] : world_.instances) {
        const auto real = docker_.containers.find(name);
        if (real != docker_.containers.end() && i.now == phase::running)
            probe(i, real->second);
        if (i.drain_since && real != docker_.containers.end())
            i.direct = real->second.direct;
        watch_drain(i);
    }
}

void machine::look_at_containers()
{
    const auto is_gone = [&](const auto& entry) {
        return !entry.second.container.empty() && !docker_.containers.contains(entry.first);
    };
    std::erase_if(world_.instances, is_gone);
    for (const auto& [name, real] : docker_.containers) {
        auto& i = world_.instances[name];
        if (i.container != real.id) {
            i = {.name = name, .container = real.id, .component = real.component, .release = real.release};
            i.known_since = world_.now;
            const auto& kept = ledger_[real.id];
            i.ready_at = kept.ready_at;
            i.drain_since = kept.drain_since;
            i.drain_reason = kept.drain_reason;
            i.failure = kept.failure;
        }
        if (!probed_from_.contains(name) && real.now == phase::running)
            probed_from_[name] = world_.now + luck_.pause(0, 300);
        i.now = real.now;
        i.address = real.address;
        i.gateway = real.now == phase::running ? "10.0.0.254" : "";
        i.started_at = real.now == phase::created ? i.started_at : real.started_at;
        if (real.now == phase::exited)
            i.exit_code = real.exit_code;
    }
    const auto is_forgotten = [&](const auto& entry) {
        const auto there = world_.instances.find(entry.first);
        return there == world_.instances.end() || there->second.now != phase::running;
    };
    std::erase_if(probed_from_, is_forgotten);
    std::erase_if(idle_from_, is_forgotten);
    if (std::exchange(ledger_missing_, false))
        restore_ready();
}

void machine::restore_ready()
{
    for (const auto& [id, servers] : world_.proxy.routes)
        for (const auto& server : servers)
            for (auto& [name, i] : world_.instances)
                if (server.mode == slot_mode::serving && i.now == phase::running &&
                    i.address == server.address)
                    i.ready_at = world_.now;
}

void machine::restore_links()
{
    for (const auto& [name, real] : docker_.containers)
        world_.links.insert(real.imports.begin(), real.imports.end());
    for (const auto& [name, real] : docker_.containers)
        world_.links.insert(real.exports.begin(), real.exports.end());
}

void machine::probe(instance& i, const container& real)
{
    const auto* spec = spec_of(world_, i);
    if (spec == nullptr || world_.now < probed_from_[i.name])
        return;
    const bool answers = real.now == phase::running && world_.now >= real.started_at + real.ready_after;
    const bool sick = !answers || real.how == behaviour::always_sick || world_.now < real.sick_until;
    if (spec->ready_checks.empty() || (answers && real.gets_ready)) {
        i.ready = verdict::passing;
    } else if (i.ready != verdict::passing && world_.now > real.started_at + 500ms) {
        i.ready = verdict::failing;
        i.check = "tcp";
        i.answer = "connection refused";
    }
    if (!spec->health_checks.empty() && i.ready_at) {
        i.healthy = sick ? verdict::failing : verdict::passing;
        i.sick_since = sick ? i.sick_since.value_or(world_.now) : std::optional<time_point>();
        i.check = sick ? "http" : i.check;
        i.answer = sick ? "status 500" : i.answer;
    }
}

void machine::watch_drain(instance& i)
{
    if (!i.drain_since || i.now != phase::running)
        return;
    if (!is_routed_out(world_, i) || connections_of(world_, i) > 0) {
        idle_from_.erase(i.name);
        i.idle_for = 0ms;
        i.termination = verdict::undecided;
        return;
    }
    const auto from = idle_from_.try_emplace(i.name, world_.now).first->second;
    i.idle_for = std::chrono::duration_cast<std::chrono::milliseconds>(world_.now - from);
    if (i.idle_for > 200ms)
        i.termination = verdict::passing;
}

}  // namespace gantryd::planner::toy
