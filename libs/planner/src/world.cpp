#include <gantryd/planner/links.hpp>
#include <gantryd/planner/rollout.hpp>

#include <algorithm>
#include <ranges>

namespace gantryd::planner {
namespace {

using haproxy_config::server_view;
using haproxy_config::slot_mode;

/// The slots of one of the instance's routes that point at it; none when the route is not there.
auto slots_of(const world& in, const instance& of, const frontend& through)
{
    std::vector<const server_view*> out;
    const auto route = in.proxy.routes.find(through.id);
    if (route == in.proxy.routes.end() || of.address.empty())
        return out;
    for (const auto& server : route->second)
        if (server.mode != slot_mode::empty && server.address == of.address &&
            server.port == through.container)
            out.push_back(&server);
    return out;
}

}  // namespace

bool is_unproven(const component& of, const model::release& release)
{
    if (of.task && of.task->run == release.number)
        return !of.task->proven;
    return release.outcome == model::release_outcome::pending;
}

bool has_failed(const component& of, const model::release& release)
{
    if (release.outcome == model::release_outcome::failed)
        return true;
    if (of.task)
        return of.task->failed == release.number || is_stopped(of, release.number);
    const auto crashes = of.crashes.find(release.number);
    return release.outcome == model::release_outcome::pending && crashes != of.crashes.end() &&
           crashes->second.count > 0;
}

const model::release* effective_release(const component& of)
{
    if (of.task) {
        const auto release = of.releases.find(of.task->run.value_or(model::release_number{}));
        return release == of.releases.end() ? nullptr : release->second.get();
    }
    if (!of.wanted)
        return nullptr;
    const auto wanted = of.releases.find(*of.wanted);
    if (wanted == of.releases.end())
        return nullptr;
    if (!has_failed(of, *wanted->second))
        return wanted->second.get();
    for (auto older = std::make_reverse_iterator(wanted); older != of.releases.rend(); ++older)
        if (older->second->outcome == model::release_outcome::live)
            return older->second.get();
    return nullptr;
}

const model::component_spec* spec_of(const world& in, const instance& of)
{
    const auto component = in.components.find(of.component);
    if (component == in.components.end())
        return nullptr;
    const auto release = component->second.releases.find(of.release);
    return release == component->second.releases.end() ? nullptr : &release->second->spec;
}

model::route_id route_of(const model::component_spec& spec, const model::port_mapping& port)
{
    auto text = spec.name.text() + "_" + std::to_string(port.external);
    const auto same_port = std::ranges::count(spec.ports, port.external, &model::port_mapping::external);
    if (same_port > 1) {
        text += "_" + port.bind;
        std::ranges::replace(text, ':', '-');
    }
    return model::route_id(text);
}

time_point give_up_at(const instance& of, const model::component_spec& spec)
{
    return std::max(of.started_at, of.known_since) + spec.ready_timeout;
}

bool is_serving_through(const world& in, const instance& of, const frontend& through)
{
    const bool known = through.port != 0 && !through.bind.empty();
    if (!known || of.now != phase::running || !of.ready_at || of.drain_since || of.failure)
        return false;
    const auto slots = slots_of(in, of, through);
    return std::ranges::any_of(
        slots, [](const server_view* s) { return s->mode == slot_mode::serving && s->up; });
}

bool is_serving(const world& in, const instance& of)
{
    const auto* spec = spec_of(in, of);
    if (spec == nullptr || of.now != phase::running || !of.ready_at || of.drain_since || of.failure)
        return false;
    return std::ranges::all_of(
        frontends_of(in, *spec), [&](const frontend& f) { return is_serving_through(in, of, f); });
}

bool is_routed_out(const world& in, const instance& of)
{
    const auto* spec = spec_of(in, of);
    if (spec == nullptr)
        return true;
    return std::ranges::all_of(frontends_of(in, *spec), [&](const frontend& f) {
        const auto slots = slots_of(in, of, f);
        return std::ranges::none_of(
            slots, [](const server_view* s) { return s->mode == slot_mode::serving; });
    });
}

connection_count connections_by_kind(const world& in, const instance& of)
{
    connection_count out;
    out.direct = of.direct.value_or(0);
    const auto* spec = spec_of(in, of);
    if (spec == nullptr)
        return out;
    for (const auto& f : frontends_of(in, *spec))
        for (const auto* slot : slots_of(in, of, f)) {
            const auto sessions = slot->sessions + slot->old_sessions;
            const auto tunnels =
                f.kind == model::port_kind::tcp ? sessions : std::min(sessions, slot->tunnels);
            out.tunnels += tunnels;
            out.http += sessions - tunnels;
            out.via_old_workers += slot->old_sessions;
        }
    return out;
}

std::int64_t connections_of(const world& in, const instance& of)
{
    return connections_by_kind(in, of).total();
}

bool may_have_tunnels(const world& in, const instance& of)
{
    const auto* spec = spec_of(in, of);
    return spec != nullptr && std::ranges::any_of(frontends_of(in, *spec), [&](const frontend& f) {
        return f.kind == model::port_kind::http &&
               std::ranges::any_of(slots_of(in, of, f),
                   [](const server_view* s) { return s->sessions + s->old_sessions > 0; });
    });
}

}  // namespace gantryd::planner
