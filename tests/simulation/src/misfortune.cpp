#include "misfortune.hpp"

#include <gantryd/records/keys.hpp>

#include <utility>

namespace gantryd::simulation {
namespace {

using namespace std::chrono_literals;

}  // namespace

misfortune::misfortune(town& of, promises& kept, bool calm) : town_(of), promises_(kept)
{
    of.is_calm = calm;
    auto& chance = of.chance;
    constexpr std::array<std::uint64_t, 4> call_chances{0, 0, 5, 30};
    constexpr std::array<std::uint64_t, 3> event_chances{0, 100, 500};
    weather now;
    now.latency = chance.between(1ms, 25ms);
    if (!calm)
        now = {chance.any_of(call_chances), chance.any_of(event_chances), chance.one_in(3) ? 50U : 0U,
            now.latency};
    for (auto& node : of.nodes) {
        node->set_weather(now);
        node->there.docker.live_restore = chance.one_in(2);
    }
}

void misfortune::tell(std::size_t who, fault what)
{
    town_.counts.count(what);
    town_.told.tell(town_.nodes[who]->name(), "*** {}", fault_names[static_cast<std::size_t>(what)]);
}

void misfortune::later(runtime::duration longest, std::function<void()> mend)
{
    const auto most = std::chrono::floor<std::chrono::milliseconds>(longest);
    due_.emplace(town_.now() + town_.chance.between(0ms, most), std::move(mend));
}

void misfortune::mend_what_is_due()
{
    while (!due_.empty() && due_.begin()->first <= town_.now()) {
        const auto mend = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        mend();
    }
}

void misfortune::strike()
{
    const auto who = town_.chance.below(town_.nodes.size());
    if (town_.is_calm)
        return;
    switch (town_.chance.below(9)) {
    case 0:
    case 1: strike_docker(who); break;
    case 2:
    case 3: strike_store(who); break;
    case 4: strike_proxy(who); break;
    case 5:
    case 6: strike_daemon(who); break;
    case 7: end_a_container(who); break;
    default:
        tell(who, fault::clock_set);
        town_.sim.clock.set_wall_clock(town_.chance.between(-2h, 2h));
        break;
    }
}

void misfortune::strike_docker(std::size_t who)
{
    auto& docker = town_.nodes[who]->there.docker;
    switch (town_.chance.below(3)) {
    case 0:
        tell(who, fault::docker_away);
        docker.set_reachable(false);
        later(40s, [&docker] { docker.set_reachable(true); });
        break;
    case 1:
        tell(who, fault::docker_restarted);
        docker.restart();
        break;
    default:
        tell(who, fault::registry_away);
        docker.registry_error = base::error(base::errc::unavailable, "dial tcp: i/o timeout");
        later(60s, [&docker] { docker.registry_error.reset(); });
        break;
    }
}

void misfortune::strike_store(std::size_t who)
{
    auto& node = *town_.nodes[who];
    switch (town_.chance.below(4)) {
    case 0:
    case 1:
        tell(who, fault::store_cut);
        node.cut();
        later(town_.chance.one_in(2) ? 10s : 150s, [&node] { node.heal(); });
        break;
    case 2:
        tell(who, fault::watch_stalled);
        node.stall_watches(true);
        later(45s, [&node] { node.stall_watches(false); });
        break;
    default: lose_lease(who); break;
    }
}

void misfortune::lose_lease(std::size_t who)
{
    const auto key = records::presence_key(town_.project, model::machine_id(town_.nodes[who]->name()));
    const auto found = town_.ask(town_.books->get(key, town_.now() + 5s));
    if (!found || !*found || (**found).lease == store::lease_id())
        return;
    tell(who, fault::lease_lost);
    (void)town_.ask(town_.books->revoke((**found).lease, town_.now() + 5s));
}

void misfortune::strike_proxy(std::size_t who)
{
    auto& node = *town_.nodes[who];
    auto& proxy = node.there.proxy;
    switch (town_.chance.below(3)) {
    case 0:
        tell(who, fault::proxy_died);
        proxy.kill();
        node.proxy_disturbed = true;
        break;
    case 1:
        tell(who, fault::proxy_away);
        proxy.reachable = false;
        later(20s, [&proxy] { proxy.reachable = true; });
        break;
    default: {
        const auto port = static_cast<std::uint16_t>(8001 + town_.chance.below(3));
        if (!proxy.is_free("0.0.0.0", port))
            break;  // HAProxy has it
        tell(who, fault::port_taken);
        proxy.taken_ports[port] = "nc (pid 7)";
        later(60s, [&proxy, port] { proxy.taken_ports.erase(port); });
        break;
    }
    }
}

void misfortune::restart_later(std::size_t who)
{
    later(town_.chance.one_in(4) ? 100s : 3s, [this, who] {
        if (!town_.nodes[who]->up) {
            town_.told.tell(town_.nodes[who]->name(), "gantryd is started again");
            town_.nodes[who]->start();
        }
    });
}

void misfortune::strike_daemon(std::size_t who)
{
    auto& node = *town_.nodes[who];
    switch (town_.chance.below(6)) {
    case 0:
        tell(who, fault::machine_rebooted);
        node.reboot();
        restart_later(who);
        break;
    case 1:
        tell(who, fault::ledger_unwritable);
        node.had_amnesia = true;
        node.set_ledger_writable(false);
        later(60s, [&node] { node.set_ledger_writable(true); });
        break;
    case 2:
    case 3: node.dies_at = {node.calls + 1 + town_.chance.below(4), town_.chance.one_in(2)}; break;
    default:
        tell(who, fault::daemon_killed);
        node.kill();
        if (town_.chance.one_in(6)) {
            tell(who, fault::ledger_lost);
            node.had_amnesia = true;
            node.lose_ledger();
        }
        restart_later(who);
        break;
    }
}

void misfortune::bury_the_dying()
{
    for (std::size_t i = 0; i < town_.nodes.size(); ++i)
        if (town_.nodes[i]->is_dying) {
            town_.nodes[i]->kill();
            restart_later(i);
        }
}

void misfortune::end_a_container(std::size_t who)
{
    auto& docker = town_.nodes[who]->there.docker;
    std::vector<model::container_id> running;
    for (const auto& [id, container] : docker.containers())
        if (container.is_running())
            running.push_back(id);
    if (running.empty())
        return;
    const auto& id = town_.chance.any_of(running);
    town_.told.tell(town_.nodes[who]->name(), "*** {} dies", docker.find(id.text())->details.name);
    if (town_.chance.one_in(4)) {
        town_.counts.count(fault::container_out_of_memory);
        docker.oom(id);
    } else {
        town_.counts.count(fault::container_died);
        docker.die(id, town_.chance.one_in(2) ? 137 : 1);
    }
}

void misfortune::connect()
{
    const auto who = town_.chance.below(town_.nodes.size());
    auto& proxy = town_.nodes[who]->there.proxy;
    std::vector<client> possible;
    for (const auto& [id, one] : promises_.bodies_on(who)) {
        if (!one.is_running)
            continue;
        for (const auto& route : proxy.routes)
            for (const auto& slot : route.slots)
                if (slot.mode == haproxy_config::slot_mode::serving && slot.address == one.address)
                    possible.push_back(
                        {id, haproxy_config::with_port(slot.address, slot.port), false, {}, {}});
        if (one.drains_since || town_.chance.one_in(4))
            possible.push_back({id, {}, true, {}, {}});
    }
    if (possible.empty())
        return;
    auto one = town_.chance.any_of(possible);
    one.since = town_.now();
    one.until = town_.now() +
                (town_.chance.one_in(3) ? town_.chance.between(1s, 2min) : town_.chance.between(1ms, 3s));
    promises_.clients_of(who).push_back(std::move(one));
}

void misfortune::end()
{
    while (!due_.empty()) {
        const auto mend = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        mend();
    }
    for (std::size_t i = 0; i < town_.nodes.size(); ++i) {
        auto& node = *town_.nodes[i];
        node.set_weather({.latency = 2ms});
        node.dies_at = {};
        if (!node.up)
            node.start();
        for (auto& one : promises_.clients_of(i))
            one.until = town_.now();
    }
    town_.told.tell("town", "all is mended, and everybody has gone");
}

}  // namespace gantryd::simulation
