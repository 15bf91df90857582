#include "toy_proxy.hpp"

#include <algorithm>

namespace gantryd::planner::toy {
namespace {

using haproxy_config::route;
using haproxy_config::server_view;
using haproxy_config::slot;
using haproxy_config::slot_mode;

/// What only a reload can change.
std::vector<route> structure_of(std::vector<route> routes)
{
    for (auto& r : routes)
        std::ranges::fill(r.slots, slot{});
    return routes;
}

void change(server_view& there, const slot& wanted)
{
    if (wanted.mode == slot_mode::empty || there.address != wanted.address || there.port != wanted.port) {
        there.sessions = 0;
        there.old_sessions = 0;
    }
    there.mode = wanted.mode;
    there.address = wanted.address;
    there.port = wanted.port;
    there.up = wanted.mode == slot_mode::serving;
}

}  // namespace

void proxy::update(const std::vector<route>& routes, dice& luck, int keep_per_mille)
{
    if (routes.empty()) {
        die();
        view.refused.clear();
        return;
    }
    auto structure = structure_of(routes);
    const bool reloads = view.running && structure != structure_;
    structure_ = std::move(structure);
    auto before = std::move(view.routes);
    view.routes.clear();
    view.refused.clear();
    view.running = true;
    for (const auto& r : routes) {
        auto& there = before[r.id];
        if (there.empty() && taken.contains(r.id)) {
            view.refused.emplace(r.id, "port " + std::to_string(r.port) + " is taken by nginx (pid 4711)");
            continue;
        }
        const auto known = there.size();
        there.resize(r.slots.size());
        for (std::size_t i = 0; i < there.size(); ++i) {
            if (reloads)
                there[i].old_sessions += std::exchange(there[i].sessions, 0);
            if (i < known && luck.chance(keep_per_mille))
                continue;
            change(there[i], r.slots[i]);
        }
        view.routes[r.id] = std::move(there);
    }
}

void proxy::die()
{
    view.running = false;
    view.routes.clear();
}

void proxy::pass(const docker& behind, dice& luck, bool busy)
{
    for (auto& [id, servers] : view.routes)
        for (auto& s : servers) {
            if (s.mode == slot_mode::empty)
                continue;
            if (behind.at(s.address) == nullptr) {
                s.sessions = 0;
                s.old_sessions = 0;
                continue;
            }
            if (busy && s.mode == slot_mode::serving && luck.chance(300))
                s.sessions = luck.number(5);
            if (s.mode == slot_mode::draining && s.sessions > 0 && luck.chance(300))
                --s.sessions;
            if (s.old_sessions > 0 && luck.chance(300))
                --s.old_sessions;
        }
}

}  // namespace gantryd::planner::toy
