#include "scene.hpp"

#include "plan_text.hpp"

#include <gantryd/base/overloaded.hpp>
#include <gantryd/planner/links.hpp>
#include <gantryd/planner/rollout.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace gantryd::planner {

using namespace std::chrono_literals;
using haproxy_config::server_view;
using haproxy_config::slot_mode;

scene::scene()
{
    w.now = time_point(1h);
    w.project = model::project_name("shop");
    w.docker = {true, true, w.now, {}};
    w.haproxy = {true, true, w.now, {}};
    of("web");
}

model::component_spec scene::web()
{
    model::component_spec spec;
    spec.name = model::component_name("web");
    spec.ports = {{.external = 8888, .container = 80}};
    spec.ready_checks = {{.id = "up", .port = 80}};
    spec.health_checks = {{.id = "ok", .port = 80}};
    return spec;
}

component& scene::of(const std::string& name)
{
    auto& out = w.components[model::component_name(name)];
    out.name = model::component_name(name);
    return out;
}

void scene::release(int number, model::release_outcome outcome, const model::component_spec& spec)
{
    auto& component = of(spec.name.text());
    auto made = std::make_shared<model::release>();
    made->number = model::release_number(number);
    made->spec = spec;
    made->outcome = outcome;
    component.wanted = made->number;
    component.wished_at = w.now;
    for (const auto& [id, machine] :
        w.fleet ? w.fleet->machines : std::map<model::machine_id, machine_view>())
        component.rollout.preflights[id] = {made->number, model::preparation::ready, {}};
    component.releases[made->number] = std::move(made);
}

void scene::says(const std::string& machine, model::preparation standing, const std::string& text)
{
    of().rollout.preflights[model::machine_id(machine)] = {*of().wanted, standing, text};
}

void scene::says_nothing(const std::string& machine)
{
    of().rollout.preflights.erase(model::machine_id(machine));
}

instance& scene::created(int release, int n, const std::string& component)
{
    const model::instance_name name(fmt::format("shop-{}-{}-{}", component, release, n));
    auto& i = w.instances[name];
    i.name = name;
    i.container = model::container_id("id of " + name.text());
    i.component = model::component_name(component);
    i.release = model::release_number(release);
    i.now = phase::created;
    i.started_at = w.now - 1min;
    return i;
}

instance& scene::running(int release, int n, const std::string& component)
{
    auto& i = created(release, n, component);
    i.now = phase::running;
    i.address = fmt::format("10.0.{}.{}", release, n);
    i.gateway = "10.0.0.254";
    return i;
}

instance& scene::ready(int release, int n, const std::string& component)
{
    auto& i = running(release, n, component);
    i.ready = verdict::passing;
    i.ready_at = i.started_at + 1s;
    return i;
}

instance& scene::serving(int release, int n, const std::string& component)
{
    auto& i = ready(release, n, component);
    w.proxy.running = true;
    for (const auto& f : frontends_of(w, *spec_of(w, i))) {
        auto& servers = w.proxy.routes[f.id];
        servers.resize(std::max<std::size_t>(servers.size(), 8), {.address = "127.0.0.1", .port = 1});
        const auto free = std::ranges::find(servers, slot_mode::empty, &server_view::mode);
        *free = {.mode = slot_mode::serving, .up = true, .address = i.address, .port = f.container};
    }
    return i;
}

instance& scene::draining(int release, int n, int connections)
{
    auto& i = serving(release, n);
    i.drain_since = w.now;
    i.drain_reason = "it is to go";
    for (auto& [id, servers] : w.proxy.routes)
        for (auto& s : servers)
            if (s.address == i.address)
                s = {.mode = slot_mode::draining,
                    .address = s.address,
                    .port = s.port,
                    .sessions = connections};
    return i;
}

instance& scene::at(const std::string& name) { return w.instances.at(model::instance_name(name)); }

void scene::starts(const std::string& name)
{
    auto& i = at(name);
    i.container = model::container_id("id of " + name);
    i.now = phase::running;
    i.made_ahead = false;
    i.started_at = w.now;
    i.address = fmt::format("10.0.{}.{}", model::value_of(i.release), name.back());
    i.gateway = "10.0.0.254";
}

void scene::passes(const std::string& name) { at(name).ready = verdict::passing; }

void scene::falls_sick(const std::string& name)
{
    auto& i = at(name);
    i.healthy = verdict::failing;
    i.sick_since = w.now;
    i.check = "ok";
    i.answer = "status 500";
}

void scene::exits(const std::string& name, int code)
{
    auto& i = at(name);
    i.now = phase::exited;
    i.exit_code = code;
    i.address.clear();
}

void scene::later(std::chrono::milliseconds time) { w.now += time; }

void scene::settle_proxy()
{
    for (const auto& a : planned().actions)
        if (const auto* table = std::get_if<update_proxy>(&a))
            update(*table);
}

server_view& scene::slot(const std::string& route, std::size_t number)
{
    return w.proxy.routes.at(model::route_id(route)).at(number - 1);
}

std::optional<model::release_number> scene::release_to_run() const
{
    auto world = w;
    assign_releases(world);
    return world.components.at(model::component_name("web")).task->run;
}

plan scene::planned() const
{
    auto now = w;
    assign_releases(now);
    return make_plan(now);
}

summary scene::summary_of_web() const { return planned().components.at(model::component_name("web")); }

lines scene::does()
{
    assign_releases(w);  // it remembers since when what others report has been so
    const auto made = planned();
    for (const auto& a : made.actions)
        carry_out(a);
    return texts(made);
}

bool scene::is_told(reason code) const
{
    const auto made = planned();
    return std::ranges::find(made.conditions, code, &condition::code) != made.conditions.end();
}

condition scene::because(reason code) const
{
    for (const auto& c : planned().conditions)
        if (c.code == code)
            return c;
    ADD_FAILURE() << "nothing is told about " << text_of(code);
    return {};
}

void scene::carry_out(const action& what)
{
    std::visit(base::overloaded{
                   [&](const create_instance& a) {
                       auto& i = w.instances[a.name];
                       i.name = a.name;
                       i.component = a.component;
                       i.release = a.release;
                       i.started_at = w.now;
                       i.made_ahead = a.ahead;
                   },
                   [&](const start_instance& a) { starts(a.name.text()); },
                   [&](const mark_ready& a) { w.instances.at(a.name).ready_at = w.now; },
                   [&](const condemn_instance& a) {
                       auto& i = w.instances.at(a.name);
                       i.failure = model::evidence{.reason = a.why, .instance = a.name.text()};
                       count_failure(i, a.why);
                   },
                   [&](const begin_drain& a) {
                       auto& i = w.instances.at(a.name);
                       i.drain_since = w.now;
                       i.drain_reason = a.why;
                       if (a.is_failure)
                           count_failure(i, a.why);
                   },
                   [&](const send_signals& a) { w.instances.at(a.name).signals_done = true; },
                   [&](const stop_instance& a) { w.instances.at(a.name).stop_since = w.now; },
                   [&](const kill_instance& a) { exits(a.name.text(), 137); },
                   [&](const remove_instance& a) { w.instances.erase(a.name); },
                   [&](const update_proxy& a) { update(a); },
                   [&](const settle_release& a) { settle(a.component, a.release, a.outcome); },
                   [&](const move_rollout& a) { carry_out(a); },
                   [&](const end_return&) { w.fleet->machines.at(w.fleet->me).returns = false; },
                   [&](const pass_over& a) {
                       auto& failed = w.fleet->machines.at(w.fleet->me).failed[a.component][a.carrier];
                       failed = {failed.times + 1, a.why};
                   },
                   [&](const allot_link& a) {
                       auto& link = w.links[a.link];
                       link.host = a.host.empty() ? link.host : a.host;
                       link.port = link.port == a.instead_of ? next_link_port_++ : link.port;
                   },
                   [](const release_order&) {},
                   [&](const prepare_release& a) {
                       w.components.at(a.component).rollout.preflights[w.fleet->me] = {
                           a.release, model::preparation::ready, {}};
                   },
                   [&](const fail_release& a) {
                       w.components.at(a.component).crashes[a.release] = {1, w.now, {.reason = a.why}};
                   },
               },
        what);
}

void scene::settle(const model::component_name& name, model::release_number number, model::release_outcome as)
{
    auto& there = of(name.text()).releases.at(number);
    auto settled = std::make_shared<model::release>(*there);
    settled->outcome = as;
    there = std::move(settled);
}

void scene::carry_out(const move_rollout& move)
{
    auto& all = of(move.component.text()).rollout;
    auto& record = all.record;
    const auto begin = [&] {
        if (!record || record->release != move.release) {
            record = model::rollout{.release = move.release, .slots = move.slots};
            all.moved_at = w.now;
        }
    };
    switch (move.what) {
    case rollout_move::claim:
        begin();
        all.slots[move.slot] = {.what = {w.fleet->me, move.release, {}}, .seen_at = w.now};
        of(move.component.text()).crashes.erase(move.release);
        break;
    case rollout_move::pass_on:
        begin();
        all.slots.at(move.slot).what.release = move.release;
        break;
    case rollout_move::leave:
        all.slots.erase(move.slot);
        all.moved_at = w.now;
        if (move.release != model::release_number{})
            all.steps[w.fleet->me] = {move.release, {}};
        if (!move.ends)
            break;
        [[fallthrough]];
    case rollout_move::finish:
        record->verdict = model::rollout_verdict::done;
        settle(move.component, move.release, model::release_outcome::live);
        break;
    case rollout_move::fail:
        begin();
        record->verdict = model::rollout_verdict::failed;
        settle(move.component, move.release, model::release_outcome::failed);
        break;
    case rollout_move::halt:
        record->verdict = model::rollout_verdict::paused;
        record->why = move.why;
        all.slots.erase(move.slot);
        break;
    case rollout_move::declare_lost:
        all.slots.erase(move.slot);
        all.moved_at = w.now;
        break;
    }
}

void scene::join_fleet(const std::vector<std::string>& others)
{
    w.fleet.emplace();
    w.fleet->me = model::machine_id("m1");
    w.fleet->known = true;
    w.fleet->knows_preflights = true;
    w.fleet->machines[w.fleet->me] = {.present = true, .host = "alpha"};
    for (const auto& name : others)
        w.fleet->machines[model::machine_id(name)] = {.present = true, .host = "host-" + name};
    w.fleet->confirmed_at = w.now;
}

void scene::takes_slot(const std::string& machine, int slot, int release)
{
    auto& all = of().rollout;
    const auto number = static_cast<model::release_number>(release);
    if (!all.record || all.record->release != number) {
        all.record = model::rollout{.release = number, .slots = 1};
        all.moved_at = w.now;
    }
    all.slots[slot] = {.what = {model::machine_id(machine), number, {}}, .seen_at = w.now};
}

void scene::is_done(const std::string& machine, int release)
{
    auto& all = of().rollout;
    all.steps[model::machine_id(machine)] = {static_cast<model::release_number>(release), {}};
    std::erase_if(
        all.slots, [&](const auto& slot) { return slot.second.what.machine == model::machine_id(machine); });
    all.moved_at = w.now;
}

void scene::update(const update_proxy& table)
{
    std::map<model::route_id, std::vector<server_view>> routes;
    for (const auto& r : table.routes) {
        if (w.proxy.refused.contains(r.id))
            continue;
        auto& servers = routes[r.id];
        servers = w.proxy.routes[r.id];
        servers.resize(r.slots.size());
        for (std::size_t i = 0; i < servers.size(); ++i) {
            servers[i].mode = r.slots[i].mode;
            servers[i].up = r.slots[i].mode == slot_mode::serving;
            servers[i].address = r.slots[i].address;
            servers[i].port = r.slots[i].port;
            servers[i].other_weight = false;
        }
    }
    w.proxy.running = !table.routes.empty();
    w.proxy.routes = std::move(routes);
    w.routes_applied = table.routes;
    w.proxy_asked_at = w.now;
}

void scene::count_failure(const instance& i, const std::string& why)
{
    auto& record = w.components.at(i.component).crashes[i.release];
    const model::evidence end{.reason = why, .instance = i.name.text(), .exit_code = i.exit_code};
    const bool ran_well = i.ready_at && is_good_run(w.now - *i.ready_at, record.count, end);
    record = {ran_well ? 1 : record.count + 1, w.now, end};
}

bool has(const lines& in, const std::string& beginning)
{
    return std::ranges::any_of(in, [&](const std::string& line) { return line.starts_with(beginning); });
}

scene running_well()
{
    scene s;
    s.release(1, model::release_outcome::live);
    s.serving(1, 1);
    s.settle_proxy();
    EXPECT_EQ(s.does(), lines{});
    return s;
}

scene running_in_fleet(const std::vector<std::string>& others)
{
    auto s = running_well();
    s.join_fleet(others);
    return s;
}

}  // namespace gantryd::planner
