#include "invariants.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::planner {
namespace {

using haproxy_config::server_view;
using haproxy_config::slot;
using haproxy_config::slot_mode;

const model::component_spec* spec_in(const world& in, const instance& i)
{
    const auto& releases = in.components.at(i.component).releases;
    const auto found = releases.find(i.release);
    return found == releases.end() ? nullptr : &found->second->spec;
}

bool in_use(const instance& i)
{
    return i.now == phase::running && i.ready_at && !i.drain_since && !i.failure;
}

/// A way to an instance: a route and the container's port behind it.
struct way {
    model::route_id route;
    std::uint16_t container = 0;
    std::string text;
};

/// Ports, and the links that have an address.
std::vector<way> ways_to(const world& in, const model::component_spec& spec)
{
    std::vector<way> out;
    out.reserve(spec.ports.size());
    for (const auto& port : spec.ports)
        out.push_back({route_of(spec, port), port.container, fmt::format("port {}", port.external)});
    const auto has_host = [&](const std::string& link) {
        return !in.links.at(link).host.empty() || std::ranges::any_of(in.instances, [&](const auto& entry) {
            const auto* own = spec_in(in, entry.second);
            return !entry.second.gateway.empty() && own != nullptr &&
                   std::ranges::find(own->define_component_links, link, &model::link_export::name) !=
                       own->define_component_links.end();
        });
    };
    for (const auto& link : spec.define_component_links)
        if (const auto at = in.links.find(link.name);
            at != in.links.end() && at->second.port != 0 && has_host(link.name))
            out.push_back({model::route_id(link.name + "_link"), link.port, "link " + link.name});
    return out;
}

bool points_at(const auto& there, const instance& i, const way& to)
{
    return there.mode != slot_mode::empty && there.address == i.address && there.port == to.container;
}

bool is_reached_by(const world& in, const instance& i, const way& to)
{
    const auto route = in.proxy.routes.find(to.route);
    return route != in.proxy.routes.end() && std::ranges::any_of(route->second, [&](const server_view& s) {
        return s.mode == slot_mode::serving && s.up && points_at(s, i, to);
    });
}

bool is_reached(const world& in, const instance& i)
{
    const auto* spec = spec_in(in, i);
    if (spec == nullptr || !in_use(i))
        return false;
    const auto ways = ways_to(in, *spec);
    return ways.size() == spec->ports.size() + spec->define_component_links.size() &&
           std::ranges::all_of(ways, [&](const way& to) { return is_reached_by(in, i, to); });
}

/// The slots that lead to the instance. One of another component may show the same address: that of a
/// container that has died.
std::vector<const server_view*> slots_of(const world& in, const instance& i)
{
    std::vector<const server_view*> out;
    const auto* spec = spec_in(in, i);
    for (const auto& to : spec == nullptr ? std::vector<way>() : ways_to(in, *spec))
        if (const auto route = in.proxy.routes.find(to.route); route != in.proxy.routes.end())
            for (const auto& s : route->second)
                if (!i.address.empty() && points_at(s, i, to))
                    out.push_back(&s);
    return out;
}

std::int64_t connections(const world& in, const instance& i)
{
    std::int64_t out = i.direct.value_or(0);
    for (const auto* s : slots_of(in, i))
        out += s->sessions + s->old_sessions;
    return out;
}

bool still_gets_traffic(const world& in, const instance& i)
{
    return std::ranges::any_of(
        slots_of(in, i), [](const server_view* s) { return s->mode == slot_mode::serving; });
}

template <class Action>
std::vector<const Action*> all(const plan& made)
{
    std::vector<const Action*> out;
    for (const auto& a : made.actions)
        if (const auto* one = std::get_if<Action>(&a))
            out.push_back(one);
    return out;
}

bool is_waiting_room(const slot& s) { return s.address == "127.0.0.1" && s.port == 1; }

}  // namespace

bool is_served(const world& in, const std::string& link)
{
    return std::ranges::any_of(in.instances, [&](const auto& entry) {
        const auto* spec = spec_in(in, entry.second);
        return spec != nullptr && in_use(entry.second) &&
               std::ranges::any_of(ways_to(in, *spec), [&](const way& to) {
                   return to.route.text() == link + "_link" && is_reached_by(in, entry.second, to);
               });
    });
}

std::vector<const instance*> reached(const world& in, const model::component_name& component)
{
    std::vector<const instance*> out;
    for (const auto& [name, i] : in.instances)
        if (i.component == component && is_reached(in, i))
            out.push_back(&i);
    return out;
}

int wanted_of(const component& wish)
{
    const auto* release = effective_release(wish);
    return wish.intent != model::intent::ready || release == nullptr ? 0 : release->spec.instances;
}

void invariants::forget() { tried_and_failed_.clear(); }

void invariants::check_conditions(const plan& made)
{
    for (const auto& c : made.conditions)
        if (c.text.empty() || c.then.empty() || c.command.empty())
            fail(fmt::format("{} does not say {}", text_of(c.code),
                c.text.empty()   ? "what it waits for"
                : c.then.empty() ? "what happens then"
                                 : "which command would change it"));
}

void invariants::fail(std::string why)
{
    if (broken_.empty())
        broken_ = std::move(why);
}

std::string invariants::broken_by(const world& from, const plan& made)
{
    broken_.clear();
    if (made.wake_at && *made.wake_at <= from.now)
        fail("it wants to be woken at once, and again at once");
    check_conditions(made);
    if (!from.docker.known || !from.haproxy.known) {
        if (!made.actions.empty())
            fail("it acts before all sources are known");
        return broken_;
    }
    for (const auto& [name, wish] : from.components)
        check_component(from, wish, made);
    check_departures(from, made);
    check_routes(from, made);
    return broken_;
}

void invariants::check_component(const world& from, const component& wish, const plan& made)
{
    for (const auto& [number, release] : wish.releases) {
        const auto crashes = wish.crashes.find(number);
        if (release->outcome == model::release_outcome::failed ||
            (release->outcome == model::release_outcome::pending && crashes != wish.crashes.end() &&
                crashes->second.count > 0))
            tried_and_failed_.emplace(wish.name, number);
        if (release->outcome == model::release_outcome::live)  // the store heard of its success first
            tried_and_failed_.erase({wish.name, number});
    }
    check_drains(from, wish, made);
    check_births(from, wish, made);
    check_number(from, wish, made);
}

void invariants::check_drains(const world& from, const component& wish, const plan& made)
{
    if (wish.intent != model::intent::ready)
        return;
    const auto serving = reached(from, wish.name);
    auto left = static_cast<int>(serving.size());
    std::string hit;
    for (const auto* drain : all<begin_drain>(made))
        if (std::ranges::any_of(serving, [&](const instance* i) { return i->name == drain->name; })) {
            --left;
            hit += " " + drain->name.text();
        }
    if (!hit.empty() && left < wanted_of(wish))
        fail(fmt::format("it drains{}, which leaves {} of {} serving", hit, left, wanted_of(wish)));
    if (!hit.empty() && effective_release(wish) == nullptr)
        fail(fmt::format("it drains{}, and nothing takes its place", hit));
}

void invariants::check_births(const world& from, const component& wish, const plan& made)
{
    std::set<model::instance_name> names;
    int trials = 0;
    for (const auto* create : all<create_instance>(made)) {
        if (create->component != wish.name)
            continue;
        if (from.instances.contains(create->name) || !names.insert(create->name).second)
            fail(fmt::format("it creates {} twice", create->name.text()));
        if (wish.intent != model::intent::ready || wish.hold)
            fail(fmt::format("it creates {} against the operator's word", create->name.text()));
        if (tried_and_failed_.contains({wish.name, create->release}))
            fail(fmt::format("it tries release {} again, which failed", model::value_of(create->release)));
        check_links(from, wish, *create);
        trials += wish.releases.at(create->release)->outcome == model::release_outcome::pending ? 1 : 0;
    }
    if (trials == 0)
        return;
    const auto serving = reached(from, wish.name);
    const auto is_of_trial = [&](const instance* i) { return i->release == effective_release(wish)->number; };
    const bool proven = std::ranges::any_of(serving, is_of_trial);
    for (const auto& [name, i] : from.instances)
        if (i.component == wish.name && !i.drain_since && is_of_trial(&i))
            ++trials;
    if (trials > 1 && !proven)
        fail("it starts a second instance of a release before the first one serves");
}

void invariants::check_links(const world& from, const component& wish, const create_instance& made)
{
    const auto& spec = wish.releases.at(made.release)->spec;
    const bool first = std::ranges::none_of(from.instances, [&](const auto& entry) {
        const auto& i = entry.second;
        return i.component == wish.name && i.release == made.release && i.now != phase::exited;
    });
    for (const auto& link : spec.require_component_links) {
        const auto at = from.links.find(link.name);
        if (at == from.links.end() || at->second.port == 0)
            fail(fmt::format(
                "it creates {}, which cannot know where link {} is", made.name.text(), link.name));
        if (first && !is_served(from, link.name))
            fail(fmt::format("it creates {} before link {} is served", made.name.text(), link.name));
    }
    for (const auto& link : spec.define_component_links)
        if (const auto at = from.links.find(link.name); at == from.links.end() || at->second.port == 0)
            fail(fmt::format("it creates {} before link {} has a port", made.name.text(), link.name));
}

void invariants::check_number(const world& from, const component& wish, const plan& made)
{
    const auto* release = effective_release(wish);
    const auto creates = all<create_instance>(made);
    const auto more = std::ranges::count(creates, wish.name, &create_instance::component);
    if (more == 0 || release == nullptr)
        return;
    const auto in_use_of = [&](bool current) {
        return std::ranges::count_if(from.instances, [&](const auto& entry) {
            const auto& i = entry.second;
            return i.component == wish.name && i.now != phase::exited && !i.drain_since && !i.failure &&
                   (i.release == release->number) == current;
        });
    };
    const auto current = in_use_of(true) + more;
    const std::ptrdiff_t wanted = release->spec.instances;
    if (current > wanted && current + in_use_of(false) > 2 * wanted)
        fail(fmt::format("it makes {} containers where {} are wanted", current + in_use_of(false), wanted));
}

void invariants::check_departures(const world& from, const plan& made)
{
    for (const auto* stop : all<stop_instance>(made)) {
        const auto& i = from.instances.at(stop->name);
        if (i.failure)
            continue;
        if (!i.drain_since) {
            fail(fmt::format("it stops {}, which does not drain", stop->name.text()));
            continue;
        }
        const auto& drain = spec_in(from, i)->drain;
        const bool late = drain.on_timeout == model::drain_timeout_action::kill &&
                          from.now >= *i.drain_since + drain.timeout;
        if (connections(from, i) > 0 && !late)
            fail(fmt::format(
                "it stops {}, which has {} connections", stop->name.text(), connections(from, i)));
        if (still_gets_traffic(from, i) && !late)
            fail(fmt::format("it stops {}, which still gets traffic", stop->name.text()));
    }
    for (const auto* kill : all<kill_instance>(made)) {
        const auto& i = from.instances.at(kill->name);
        const bool killed = from.components.at(i.component).intent == model::intent::killed;
        const bool late = i.stop_since && from.now >= *i.stop_since + spec_in(from, i)->stop_timeout;
        if (!killed && !late)
            fail(fmt::format("it kills {}", kill->name.text()));
    }
    for (const auto* remove : all<remove_instance>(made)) {
        const auto& i = from.instances.at(remove->name);
        if (i.now != phase::exited && i.now != phase::created)
            fail(fmt::format("it removes {}, which runs", remove->name.text()));
    }
}

void invariants::check_routes(const world& from, const plan& made)
{
    for (const auto* table : all<update_proxy>(made)) {
        for (const auto& route : table->routes)
            check_slots(from, route);
        check_nobody_is_left_out(from, *table);
    }
}

void invariants::check_slots(const world& from, const haproxy_config::route& route)
{
    int real = 0;
    int waiting = 0;
    for (const auto& s : route.slots) {
        if (s.mode != slot_mode::serving)
            continue;
        if (is_waiting_room(s)) {
            ++waiting;
            continue;
        }
        ++real;
        const auto is_behind = [&](const auto& entry) {
            const auto& i = entry.second;
            const auto* spec = spec_in(from, i);
            return in_use(i) && spec != nullptr &&
                   std::ranges::any_of(ways_to(from, *spec),
                       [&](const way& to) { return to.route == route.id && points_at(s, i, to); });
        };
        if (std::ranges::none_of(from.instances, is_behind))
            fail(fmt::format("{} sends traffic to {}:{}, where none of its own is ready", route.id.text(),
                s.address, s.port));
    }
    if (waiting > 1 || (waiting == 1 && real > 0))
        fail(fmt::format("{} sends traffic to the waiting room without need", route.id.text()));
}

void invariants::check_nobody_is_left_out(const world& from, const update_proxy& table)
{
    for (const auto& [name, i] : from.instances) {
        const auto* spec = spec_in(from, i);
        if (!in_use(i) || spec == nullptr || i.healthy == verdict::failing || i.address.empty() ||
            from.components.at(i.component).intent == model::intent::killed)
            continue;
        for (const auto& to : ways_to(from, *spec)) {
            const auto route = std::ranges::find(table.routes, to.route, &haproxy_config::route::id);
            const auto times =
                route == table.routes.end() ? 0 : std::ranges::count_if(route->slots, [&](const slot& s) {
                    return s.mode == slot_mode::serving && points_at(s, i, to);
                });
            if (times != 1)
                fail(fmt::format("{} is in {} slots for {}", name.text(), times, to.text));
        }
    }
}

}  // namespace gantryd::planner
