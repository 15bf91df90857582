#include "toy_machine.hpp"

#include <gantryd/base/overloaded.hpp>
#include <gantryd/planner/links.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::planner::toy {
namespace {

using namespace std::chrono_literals;

/// The daemon does one thing at a time for each of these.
std::string key_of(const action& what)
{
    return std::visit(base::overloaded{
                          [](const update_proxy&) { return std::string("the proxy"); },
                          [](const settle_release& a) { return "settle " + a.component.text(); },
                          [](const create_instance& a) { return a.name.text(); },
                          [](const start_instance& a) { return a.name.text(); },
                          [](const mark_ready& a) { return "memory " + a.name.text(); },
                          [](const condemn_instance& a) { return "memory " + a.name.text(); },
                          [](const begin_drain& a) { return "memory " + a.name.text(); },
                          [](const send_signals& a) { return a.name.text(); },
                          [](const stop_instance& a) { return a.name.text(); },
                          [](const kill_instance& a) { return "kill " + a.name.text(); },
                          [](const remove_instance& a) { return a.name.text(); },
                          [](const allot_link& a) { return "link " + a.link; },
                          [](const fail_release& a) { return "fail " + a.component.text(); },
                          [](const release_order& a) { return "order " + a.component.text(); },
                          [](const end_return&) { return std::string("end_return"); },
                          [](const pass_over& a) { return "pass_over " + a.carrier.text(); },
                          [](const move_rollout& a) { return "rollout " + a.component.text(); },
                          [](const prepare_release& a) { return "prepare " + a.component.text(); },
                      },
        what);
}

model::instance_name name_in(const action& what)
{
    return std::visit(
        [](const auto& a) {
            if constexpr (requires { a.name; })
                return a.name;
            else
                return model::instance_name();
        },
        what);
}

bool is_in_memory(const action& what)
{
    return std::holds_alternative<mark_ready>(what) || std::holds_alternative<begin_drain>(what) ||
           std::holds_alternative<allot_link>(what) || std::holds_alternative<fail_release>(what);
}

bool may_come_twice(const action& what)
{
    return !std::holds_alternative<create_instance>(what) && !std::holds_alternative<update_proxy>(what) &&
           !is_in_memory(what);
}

}  // namespace

machine::machine(unsigned seed, model::project_name project) : luck_(seed)
{
    world_.now = time_point(1h);
    world_.project = std::move(project);
    world_.docker = {true, true, world_.now, {}};
    world_.haproxy = {true, true, world_.now, {}};
}

behaviour machine::behaviour_of(const model::component_name& component, model::release_number release) const
{
    const auto found = behaviours_.find({component, release});
    return found == behaviours_.end() ? behaviour::good : found->second;
}

void machine::release(const model::component_spec& spec, behaviour how)
{
    auto& c = world_.components[spec.name];
    c.name = spec.name;
    auto made = std::make_shared<model::release>();
    made->number = c.releases.empty() ? model::release_number(1) : model::next(c.releases.rbegin()->first);
    made->spec = spec;
    behaviours_[{spec.name, made->number}] = how;
    c.wanted = made->number;
    c.wished_at = world_.now;
    c.releases.emplace(made->number, std::move(made));
}

std::optional<time_point> machine::next_event() const
{
    auto out = docker_.next_event(world_.now);
    const auto note = [&](time_point at) {
        if (at > world_.now)
            out = out ? std::min(*out, at) : at;
    };
    for (const auto& [key, what] : in_flight_)
        note(what.lands_at);
    if (dirty_)
        note(world_.now + 1ms);
    for (const auto& [name, from] : probed_from_)
        note(from);
    for (const auto& [name, i] : world_.instances)
        if (i.drain_since || i.failure)
            note(world_.now + 100ms);
    return out;
}

void machine::pass(std::chrono::steady_clock::duration time, const trouble& with)
{
    world_.now += time;
    dirty_ = false;
    docker_.pass(world_.now, luck_, with.action_lost > 0);
    land_due(with);
    break_things(with);
    proxy_.pass(docker_, luck_, with.action_lost > 0);
    look();
}

void machine::carry_out(const plan& what, const trouble& with)
{
    for (const auto& a : what.actions)
        if (!in_flight_.contains(key_of(a)) && !luck_.chance(with.action_lost))
            begin(a, with);
}

void machine::begin(const action& what, const trouble& with)
{
    doing todo{.what = what, .lands_at = world_.now};
    const auto name = name_in(what);
    auto i = world_.instances.find(name);
    if (i != world_.instances.end())
        todo.container = i->second.container;
    if (is_in_memory(what)) {
        dirty_ = true;
        land(todo, with);
        return;
    }
    if (const auto* create = std::get_if<create_instance>(&what)) {
        auto& made = world_.instances[name];
        made.name = name;
        made.component = create->component;
        made.release = create->release;
        made.started_at = made.known_since = world_.now;
        todo.links = world_.links;
    }
    if (std::holds_alternative<stop_instance>(what) && i != world_.instances.end() && !i->second.stop_since)
        i->second.stop_since = world_.now;
    todo.fails = luck_.chance(with.action_fails);
    todo.half = luck_.chance(with.half_created);
    todo.lands_at += luck_.chance(with.action_late) ? luck_.pause(100, 3000) : luck_.pause(0, 300);
    in_flight_.emplace(key_of(what), todo);
    if (may_come_twice(what) && luck_.chance(with.action_twice)) {
        todo.lands_at += luck_.pause(0, 1000);
        in_flight_.emplace("again " + key_of(what), todo);
    }
}

void machine::land_due(const trouble& with)
{
    for (auto at = in_flight_.begin(); at != in_flight_.end();) {
        if (at->second.lands_at > world_.now) {
            ++at;
            continue;
        }
        const auto todo = std::move(at->second);
        at = in_flight_.erase(at);
        land(todo, with);
    }
}

instance* machine::known(const model::instance_name& name, const model::container_id& container)
{
    const auto found = world_.instances.find(name);
    return found == world_.instances.end() || found->second.container != container ? nullptr : &found->second;
}

void machine::land(const doing& todo, const trouble& with)
{
    const auto on = [&](const auto& a, auto what) {
        if (auto* i = known(a.name, todo.container); i != nullptr && !todo.fails)
            what(*i);
    };
    const bool there = docker_back_at_ == std::nullopt && !todo.fails;
    std::visit(base::overloaded{
                   [&](const create_instance& a) { create_container(a, todo); },
                   [&](const start_instance& a) {
                       if (there)
                           start_container(a.name);
                   },
                   [&](const mark_ready& a) {
                       on(a, [&](instance& i) { i.ready_at = i.ready_at.value_or(world_.now); });
                   },
                   [&](const condemn_instance& a) { on(a, [&](instance& i) { condemn(i, a.why); }); },
                   [&](const begin_drain& a) {
                       on(a, [&](instance& i) {
                           if (a.is_failure && !i.drain_since)
                               count_failure(i, a.why);
                           i.drain_since = i.drain_since.value_or(world_.now);
                           i.drain_reason = a.why;
                       });
                   },
                   [&](const send_signals& a) { on(a, [&](instance& i) { i.signals_done = true; }); },
                   [&](const stop_instance& a) {
                       const auto* i = known(a.name, todo.container);
                       const auto* spec = i == nullptr ? nullptr : spec_of(world_, *i);
                       if (there)
                           docker_.stop(
                               todo.container, world_.now, spec == nullptr ? 10s : spec->stop_timeout, luck_);
                   },
                   [&](const kill_instance&) {
                       if (there)
                           docker_.kill(todo.container);
                   },
                   [&](const remove_instance&) {
                       if (there)
                           docker_.remove(todo.container);
                   },
                   [&](const update_proxy& a) {
                       if (todo.fails)
                           return;
                       proxy_.update(a.routes, luck_, with.slot_lost);
                       world_.routes_applied = a.routes;
                       world_.proxy_asked_at = world_.now;
                   },
                   [&](const settle_release& a) {
                       if (!todo.fails)
                           settle(a);
                   },
                   [&](const allot_link& a) {
                       auto& link = world_.links[a.link];
                       link.host = a.host.empty() ? link.host : a.host;
                       if (link.port == a.instead_of)
                           link.port = static_cast<std::uint16_t>(20000 + luck_.number(10000));
                   },
                   [](const move_rollout&) {},   // this machine is on its own
                   [](const release_order&) {},  // all orders have releases here
                   [](const end_return&) {},
                   [](const pass_over&) {},
                   [](const prepare_release&) {},
                   [&](const fail_release& a) {
                       world_.components.at(a.component).crashes[a.release] = {
                           1, world_.now, {.reason = a.why}};
                   },
               },
        todo.what);
}

void machine::create_container(const create_instance& what, const doing& how)
{
    const auto creating = known(what.name, {});
    const bool made =
        !how.fails && !docker_back_at_ &&
        docker_.create(what.name, what.component, what.release, behaviour_of(what.component, what.release));
    if (!made) {
        if (creating != nullptr)
            world_.instances.erase(what.name);
        return;
    }
    if (creating != nullptr)
        creating->container = docker_.containers.at(what.name).id;
    if (const auto* spec = spec_of(world_, {.component = what.component, .release = what.release}))
        label(docker_.containers.at(what.name), *spec, how);
    if (!how.half)
        start_container(what.name);
}

void machine::label(container& made, const model::component_spec& spec, const doing& how)
{
    for (const auto& link : spec.define_component_links)
        made.exports[link.name] = how.links.at(link.name);
    for (const auto& link : spec.require_component_links)
        made.imports[link.name] = how.links.at(link.name);
}

std::string machine::misled() const
{
    for (const auto& [name, real] : docker_.containers)
        for (const auto& [link, address] : real.imports)
            if (const auto now = world_.links.find(link); now != world_.links.end() && now->second != address)
                return fmt::format("{} was told port {} of link {}, which is at {} now", name.text(),
                    address.port, link, now->second.port);
    return {};
}

void machine::start_container(const model::instance_name& name)
{
    if (docker_.start(name, world_.now, luck_))
        return;
    const auto i = world_.instances.find(name);
    if (i != world_.instances.end())
        condemn(i->second, "cannot be started: no such command");
}

void machine::condemn(instance& i, const std::string& why)
{
    if (i.failure)
        return;
    count_failure(i, why);
    i.failure = model::evidence{.reason = why, .instance = i.name.text(), .exit_code = i.exit_code};
}

void machine::count_failure(const instance& i, const std::string& why)
{
    auto& record = world_.components.at(i.component).crashes[i.release];
    const model::evidence end{.reason = why, .instance = i.name.text(), .exit_code = i.exit_code};
    const bool ran_well = i.ready_at && is_good_run(world_.now - *i.ready_at, record.count, end);
    record.count = ran_well ? 1 : record.count + 1;
    record.last_at = world_.now;
    record.last = end;
}

void machine::settle(const settle_release& what)
{
    auto& release = world_.components.at(what.component).releases.at(what.release);
    if (release->outcome != model::release_outcome::pending)
        return;
    auto settled = std::make_shared<model::release>(*release);
    settled->outcome = what.outcome;
    release = std::move(settled);
}

void machine::break_things(const trouble& with)
{
    for (auto& [name, c] : docker_.containers) {
        if (c.now != phase::running)
            continue;
        if (luck_.chance(with.crash))
            docker_.crash(c, 1 + luck_.number(3));
        if (luck_.chance(with.sick))
            c.sick_until = world_.now + luck_.pause(200, 8000);
    }
    if (luck_.chance(with.proxy_dies))
        proxy_.die();
    for (const auto& [name, wish] : world_.components)
        if (luck_.chance(with.port_taken) && wish.wanted)
            for (const auto& port : wish.releases.at(*wish.wanted)->spec.ports) {
                proxy_.taken.insert(route_of(wish.releases.at(*wish.wanted)->spec, port));
                ports_free_at_ = world_.now + luck_.pause(1000, 8000);
            }
    for (const auto& [link, where] : world_.links)
        if (luck_.chance(with.port_taken)) {
            proxy_.taken.insert(route_of(model::link_export{.name = link}));
            ports_free_at_ = world_.now + luck_.pause(1000, 8000);
        }
    if (ports_free_at_ && *ports_free_at_ <= world_.now) {
        proxy_.taken.clear();
        ports_free_at_.reset();
    }
    if (luck_.chance(with.docker_goes))
        docker_back_at_ = world_.now + luck_.pause(500, 6000);
    if (docker_back_at_ && *docker_back_at_ <= world_.now)
        docker_back_at_.reset();
    if (luck_.chance(with.restart))
        restart(!luck_.chance(with.ledger_lost));
}

void machine::repair()
{
    for (auto& [name, c] : docker_.containers)
        c.sick_until = world_.now;
    proxy_.taken.clear();
    docker_back_at_.reset();
    ports_free_at_.reset();
}

}  // namespace gantryd::planner::toy
