#include "slots.hpp"

#include <gantryd/base/number.hpp>

#include <algorithm>
#include <cassert>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>

namespace gantryd::haproxy {
namespace {

using haproxy_config::route;
using haproxy_config::slot;
using haproxy_config::slot_mode;

constexpr std::string_view backend_prefix = "be_";
constexpr std::size_t most_slots = 4'096;  // of one route: a wrong number must not cost memory

using servers_by_name = std::map<std::pair<std::string_view, std::string_view>, const live_server*>;

servers_by_name index_of(const worker_report& worker)
{
    servers_by_name out;
    for (const auto& server : worker.servers)
        out.emplace(std::pair(std::string_view(server.backend), std::string_view(server.name)), &server);
    return out;
}

std::string backend_of(const route& r) { return std::string(backend_prefix) + r.id.text(); }
std::string name_of(std::size_t position) { return "s" + std::to_string(position + 1); }

const live_server* find(const servers_by_name& in, const std::string& backend, const std::string& name)
{
    const auto found = in.find({backend, name});
    return found == in.end() ? nullptr : found->second;
}

/// An empty slot keeps no address, whatever the caller left in it.
slot normal(const slot& wanted)
{
    slot out = wanted.mode == slot_mode::empty ? slot{} : wanted;
    out.address = haproxy_config::canonical_address(out.address);
    return out;
}

slot_mode mode_of(const live_server& server)
{
    if (server.in_maintenance)
        return server.address == slot{}.address && server.port == slot{}.port ? slot_mode::empty
                                                                              : slot_mode::draining;
    return server.in_drain ? slot_mode::draining : slot_mode::serving;
}

void append_commands(
    std::vector<std::string>& to, const std::string& server, const live_server& live, const slot& want)
{
    const auto set = "set server " + server;
    const auto move = [&] {
        if (live.address != want.address || live.port != want.port)
            to.push_back(set + " addr " + want.address + " port " + std::to_string(want.port));
    };
    switch (want.mode) {
    case slot_mode::serving:
        move();
        if (live.in_maintenance || live.in_drain)
            to.push_back(set + " state ready");
        if (live.other_weight)
            to.push_back(set + " weight 100%");
        return;
    case slot_mode::draining:
        if (!live.in_maintenance && !live.in_drain)
            to.push_back(set + " state drain");
        move();
        return;
    case slot_mode::empty:
        if (!live.in_maintenance)
            to.push_back(set + " state maint");
        move();
        return;
    }
}

std::optional<std::size_t> position_in(std::string_view name)
{
    if (!name.starts_with('s'))
        return std::nullopt;
    const auto number = base::number_in<std::size_t>(name.substr(1));
    if (!number || *number == 0 || *number > most_slots)
        return std::nullopt;
    return *number - 1;
}

server_view view_of(const live_server& server)
{
    const auto mode = mode_of(server);
    return {.mode = mode,
        .up = server.running && mode == slot_mode::serving,
        .address = server.address,
        .port = server.port,
        .sessions = server.sessions,
        .tunnels = server.tunnels,
        .other_weight = server.other_weight && mode == slot_mode::serving};
}

/// `present`: the routes of the current worker.
void add_old_sessions(std::map<model::route_id, std::vector<server_view>>& routes,
    const std::set<model::route_id>& present, const live_server& old)
{
    if (old.sessions == 0 || !old.backend.starts_with(backend_prefix))
        return;
    const model::route_id id(old.backend.substr(backend_prefix.size()));
    auto& servers = routes[id];
    const auto same = [&](const server_view& s) { return s.address == old.address && s.port == old.port; };
    auto server = std::ranges::find_if(servers, same);
    if (server == servers.end() && present.contains(id))
        return;
    if (server == servers.end())
        server =
            servers.insert(server, {.mode = slot_mode::draining, .address = old.address, .port = old.port});
    server->old_sessions += old.sessions;
    server->tunnels += old.tunnels;
}

std::string ports_of(const std::vector<const route*>& routes, std::string_view one, std::string_view many)
{
    std::string out(routes.size() == 1 ? one : many);
    for (const auto* r : routes)
        out += (r == routes.front() ? " " : ", ") + std::to_string(r->port);
    return out;
}

const route* find(const std::vector<route>& in, const model::route_id& id)
{
    const auto found = std::ranges::find(in, id, &route::id);
    return found == in.end() ? nullptr : &*found;
}

/// The routes of `these` that `those` does not have.
std::vector<const route*> missing_in(const std::vector<route>& those, const std::vector<route>& these)
{
    std::vector<const route*> out;
    for (const auto& r : these) {
        if (find(those, r.id) == nullptr)
            out.push_back(&r);
    }
    return out;
}

/// What differs between two tables for the same route, beside its slots' contents.
std::string change_of(const route& before, const route& after)
{
    if (before.port != after.port)
        return "external port " + std::to_string(before.port) + " becomes " + std::to_string(after.port);
    if (before.bind != haproxy_config::canonical_address(after.bind))
        return "another bind address for port " + std::to_string(after.port);
    if (before.kind != after.kind)
        return "another protocol on port " + std::to_string(after.port);
    if (before.slots.size() < after.slots.size())
        return "more server slots for port " + std::to_string(after.port);
    if (before.slots.size() > after.slots.size())
        return "fewer server slots for port " + std::to_string(after.port);
    return {};
}

}  // namespace

bool has_every_slot(const worker_report& worker, const std::vector<route>& wanted)
{
    const auto servers = index_of(worker);
    for (const auto& r : wanted) {
        for (std::size_t i = 0; i < r.slots.size(); ++i) {
            if (find(servers, backend_of(r), name_of(i)) == nullptr)
                return false;
        }
    }
    return true;
}

std::vector<std::string> commands_for(const worker_report& worker, const std::vector<route>& wanted)
{
    const auto servers = index_of(worker);
    std::vector<std::string> first;
    std::vector<std::string> then;
    for (const auto& r : wanted) {
        for (std::size_t i = 0; i < r.slots.size(); ++i) {
            const auto* live = find(servers, backend_of(r), name_of(i));
            assert(live != nullptr);
            const auto want = normal(r.slots[i]);
            auto& to = want.mode == slot_mode::serving ? first : then;
            append_commands(to, backend_of(r) + "/" + name_of(i), *live, want);
        }
    }
    first.insert(first.end(), then.begin(), then.end());
    return first;
}

proxy_view make_view(
    pid_t master, const worker_report& current, const std::vector<worker_report>& old_workers)
{
    proxy_view out{.running = true, .master = master, .version = current.version};
    out.old_workers = static_cast<std::int64_t>(old_workers.size());
    out.closed_frontends = current.closed_frontends;
    out.workers.push_back(current.pid);
    for (const auto& worker : old_workers)
        out.workers.push_back(worker.pid);
    for (const auto& server : current.servers) {
        const auto position = position_in(server.name);
        if (!position || !server.backend.starts_with(backend_prefix))
            continue;
        auto& servers = out.routes[model::route_id(server.backend.substr(backend_prefix.size()))];
        if (servers.size() <= *position)
            servers.resize(*position + 1);
        servers[*position] = view_of(server);
    }
    std::set<model::route_id> present;
    for (const auto& [id, servers] : out.routes)
        present.insert(id);
    for (const auto& worker : old_workers) {
        for (const auto& server : worker.servers)
            add_old_sessions(out.routes, present, server);
    }
    return out;
}

std::vector<std::size_t> order_of_claims(const std::vector<route>& wanted, const std::vector<route>& served)
{
    const auto rank = [&](std::size_t at) {
        const auto& r = wanted[at];
        const auto* before = find(served, r.id);
        const bool only_drains = std::ranges::find(r.slots, slot_mode::serving, &slot::mode) == r.slots.end();
        const bool is_new = before == nullptr || before->port != r.port;
        return std::tuple(only_drains, is_new, at);
    };
    std::vector<std::size_t> out(wanted.size());
    std::iota(out.begin(), out.end(), std::size_t{0});
    std::ranges::sort(out, {}, rank);
    return out;
}

std::string reload_reason(const std::vector<route>& before, const std::vector<route>& after)
{
    std::vector<std::string> reasons;
    if (const auto added = missing_in(before, after); !added.empty())
        reasons.push_back(ports_of(added, "new external port", "new external ports"));
    if (const auto removed = missing_in(after, before); !removed.empty())
        reasons.push_back(ports_of(removed, "external port removed:", "external ports removed:"));
    for (const auto& r : after) {
        const auto* old = find(before, r.id);
        auto change = old == nullptr ? std::string() : change_of(*old, r);
        if (!change.empty())
            reasons.push_back(std::move(change));
    }
    if (reasons.empty())
        return "settings changed";
    std::string out = reasons.front();
    for (std::size_t i = 1; i < reasons.size(); ++i)
        out += "; " + reasons[i];
    return out;
}

}  // namespace gantryd::haproxy
