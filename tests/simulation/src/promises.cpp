#include "promises.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <algorithm>
#include <charconv>

namespace gantryd::simulation {
namespace {

using namespace std::chrono_literals;
using haproxy_config::slot_mode;

/// That long after a death a machine may not know of it: its event was lost, and the next list, which would
/// come within 30 s, was so too, or Docker was away. Without misfortunes it is told at once.
runtime::duration longest_unnoticed(const town& in) { return in.is_calm ? 5s : 180s; }
/// A connection that is older has been there at every look before a stop; some calls take 10 s to arrive.
runtime::duration longest_look(const town& in) { return in.is_calm ? 2s : 15s; }

}  // namespace

std::optional<std::pair<model::component_name, int>> read_name(const std::string& container)
{
    const auto first = container.find('-');
    const auto second = container.find('-', first + 1);
    if (!container.starts_with("shop-") || second == std::string::npos)
        return std::nullopt;
    int release = 0;
    std::from_chars(container.data() + second + 1, container.data() + container.size(), release);
    return std::pair(model::component_name(container.substr(first + 1, second - first - 1)), release);
}

model::component_name component_of(const model::route_id& route)
{
    const auto& text = route.text();
    return model::component_name(text.ends_with("_link") ? "" : text.substr(0, text.find('_')));
}

void promises::attach()
{
    for (std::size_t i = 0; i < seen_.size(); ++i) {
        seen_[i].listens = std::make_unique<watcher>(*this, i);
        town_.nodes[i]->there.watcher = seen_[i].listens.get();
        town_.nodes[i]->there.docker.on_call = [this, i](const std::string& call) {
            called(i, call);
            return std::optional<base::error>();
        };
    }
}

void promises::fail(std::size_t node, std::string why)
{
    if (broken_.empty())
        broken_ = town_.nodes[node]->name() + ": " + std::move(why);
    town_.told.tell(town_.nodes[node]->name(), "BROKEN: {}", broken_);
}

// ---- what a machine says --------------------------------------------------------------------------------

void promises::happened(std::size_t node, const daemon::fact& what)
{
    using daemon::happening;
    const auto who = what.instance != nullptr ? what.instance->name.text() : what.instance_name;
    town_.told.tell(town_.nodes[node]->name(), "{} {}{}: {}", daemon::text_of(what.what),
        what.instance == nullptr ? what.component.text() : "", who, what.text);
    auto* about = who.empty() ? nullptr : find(node, who);
    if (about == nullptr)
        return;
    if (what.what == happening::drain_begun && !about->drains_since)
        about->drains_since = what.instance != nullptr && what.instance->drain_since
                                  ? *what.instance->drain_since
                                  : town_.now();
    if (what.what == happening::instance_ready)
        about->ready_since = town_.now();
    if (what.what == happening::instance_failed)
        about->condemned = true;
}

void promises::planned(std::size_t node, const planner::plan& made)
{
    ++town_.counts.plans;
    ++town_.counts.checks;
    for (const auto& c : made.conditions)
        if (c.text.empty() || c.then.empty() || c.command.empty())
            fail(node, fmt::format("{} does not say what it waits for, what then, or which command helps",
                           text_of(c.code)));
}

// ---- calls of Docker ------------------------------------------------------------------------------------

body* promises::find(std::size_t node, const std::string& name)
{
    body* out = nullptr;
    for (auto& [id, one] : seen_[node].bodies)
        if (one.name == name)
            out = &one;  // the last one of that name
    return out;
}

void promises::called(std::size_t node, const std::string& call)
{
    const auto space = call.find(' ');
    if (space == std::string::npos)
        return;
    const auto verb = call.substr(0, space);
    if (verb != "create" && verb != "start" && verb != "stop" && verb != "kill" && verb != "remove")
        return;
    learn(node);
    town_.told.tell(town_.nodes[node]->name(), "  docker {}", call);
    ++town_.counts.checks;
    const auto name = call.substr(space + 1, call.find(' ', space + 1) - space - 1);
    if (name == foreign_container)
        fail(node, "it does " + call + ", and that container is not ours");
    if (!read_name(name))  // it is named by its id when it is gone
        return;
    if (verb == "create")
        return check_create(node, name);
    auto* of = find(node, name);
    if (of == nullptr)
        return;
    if (verb == "start") {
        turns_.push_back({node, of->component, of->release, call});
    } else if (verb == "remove") {
        if (of->is_running)
            fail(node, "it removes " + name + ", which runs");
    } else if (of->is_running && verb == "stop") {
        check_stop(node, *of);
        if (!of->stopped_at)
            of->stopped_at = town_.now();
    } else if (of->is_running && verb == "kill" && call.ends_with("SIGKILL")) {
        check_kill(node, *of);
    }
}

/// A drain is given up at its deadline. Asked in calm lives: else a daemon may be away.
void promises::check_patience(std::size_t node, const body& of)
{
    if (!town_.is_calm || !of.is_running || !of.drains_since || of.stopped_at)
        return;
    const auto& rules = town_.releases.at({of.component, of.release}).spec.drain;
    if (rules.on_timeout == model::drain_timeout_action::kill &&
        town_.now() > *of.drains_since + rules.timeout + 10s)
        fail(node, of.name + " drains beyond its deadline");
}

void promises::check_stop(std::size_t node, const body& of)
{
    const auto& wish = town_.components.at(of.component);
    if (of.condemned || wish.was_killed)
        return;
    if (!of.drains_since)
        return fail(node, "it stops " + of.name + ", which does not drain");
    const auto& rules = town_.releases.at({of.component, of.release}).spec;
    const bool late = rules.drain.on_timeout == model::drain_timeout_action::kill &&
                      town_.now() >= *of.drains_since + rules.drain.timeout;
    if (late)
        return;
    for (const auto& route : town_.nodes[node]->there.proxy.routes)
        for (const auto& slot : route.slots)
            if (slot.mode == slot_mode::serving && slot.address == of.address &&
                component_of(route.id) == of.component)
                return fail(node, "it stops " + of.name + ", which gets traffic");
    // Who has lost its ledger does not know that a slot which drains was its instance's.
    const bool forgot = town_.nodes[node]->had_amnesia;
    for (const auto& one : seen_[node].clients)
        if (one.to == of.id && (one.direct || !forgot) && one.since + longest_look(town_) < town_.now())
            return fail(node, fmt::format("it stops {}, which has a {} before its deadline", of.name,
                                  one.direct ? "direct connection" : "connection"));
}

void promises::check_kill(std::size_t node, const body& of)
{
    if (town_.components.at(of.component).was_killed || town_.nodes[node]->lost_a_stop)
        return;
    const auto& rules = town_.releases.at({of.component, of.release}).spec;
    if (!of.stopped_at || town_.now() < *of.stopped_at + rules.stop_timeout)
        fail(node, "it kills " + of.name + " without its grace");
}

void promises::check_create(std::size_t node, const std::string& name)
{
    const auto [component, release] = *read_name(name);
    const auto& wish = town_.components.at(component);
    const auto& on = *town_.nodes[node];
    if (wish.intent != model::intent::ready && town_.now() > wish.since + 10s && town_.is_calm)
        fail(node, "it creates " + name + " though the component is not to run");
    int present = 1;
    for (const auto& [id, one] : seen_[node].bodies)
        present += one.component == component && one.release == release && !one.died_at &&
                           !one.drains_since && !one.condemned
                       ? 1
                       : 0;
    const auto machines = town_.had_marks ? static_cast<int>(town_.nodes.size()) : 1;
    const int most = 2 * wish.most_instances * machines;
    if (present > most && !on.had_amnesia)
        fail(node, fmt::format("it makes {}, the {}th container of at most {}", name, present, most));
}

// ---- turns ----------------------------------------------------------------------------------------------

bool promises::has_slot(
    const control::project_overview& all, const node& on, const model::component_name& component, int release)
{
    const model::machine_id me(on.name());
    const auto* of = all.find(component);
    if (of == nullptr)
        return true;
    const auto known = of->releases.find(static_cast<model::release_number>(release));
    if (known == of->releases.end() || known->second.outcome != model::release_outcome::pending)
        return true;
    for (const auto& [number, slot] : of->slots)
        if (slot.machine == me)
            return true;
    const auto key = records::step_key(town_.project, component, me);
    const auto step = town_.ask(town_.books->get(key, town_.now() + 5s));
    if (!step || !*step)
        return false;
    const auto taken = records::decode_rollout_step((**step).value);
    return taken && model::value_of(taken->release) == release;
}

void promises::check_turns()
{
    for (const auto& [node, component, release, call] : std::exchange(turns_, {})) {
        ++town_.counts.checks;
        const auto& all = town_.look();
        if (!has_slot(all, *town_.nodes[node], component, release))
            fail(node, "it has no slot and does " + call);
        if (const auto* of = all.find(component))
            if (static_cast<int>(of->slots.size()) > town_.components.at(component).most_parallel)
                fail(node, fmt::format("{} machines change {} at once", of->slots.size(), component.text()));
    }
}

// ---- what is there --------------------------------------------------------------------------------------

void promises::learn(std::size_t node)
{
    auto& known = seen_[node].bodies;
    auto& docker = town_.nodes[node]->there.docker;
    const auto& there = docker.containers();
    if (std::exchange(seen_[node].docker_changes, docker.changes()) == docker.changes()) {
        if (town_.is_calm)
            for (const auto& [id, one] : known)
                check_patience(node, one);
        return;
    }
    for (auto& [id, one] : known) {
        const auto found = there.find(id);
        const bool runs = found != there.end() && found->second.is_running();
        if (one.is_running && !runs && !one.died_at)
            one.died_at = town_.now();
        one.is_running = runs;
        check_patience(node, one);
    }
    for (const auto& [id, container] : there) {
        auto& one = known[id];
        if (one.id.empty()) {
            const auto named = read_name(container.details.name);
            one.id = id;
            one.name = container.details.name;
            if (named)
                std::tie(one.component, one.release) = *named;
        }
        if (container.is_running()) {
            one.is_running = true;
            one.died_at.reset();
            one.address = container.details.address;
        }
    }
    std::erase_if(known, [&](const auto& entry) {
        return entry.second.died_at && *entry.second.died_at + 10min < town_.now() &&
               !there.contains(entry.first);
    });
}

void promises::drop_clients(std::size_t node)
{
    auto& on = seen_[node];
    if (on.clients.empty())
        return;
    std::erase_if(on.clients,
        [&](const client& one) { return one.until <= town_.now() || !on.bodies[one.to].is_running; });
    auto& there = town_.nodes[node]->there;
    there.proxy.sessions.clear();
    there.sockets.connections.clear();
    for (const auto& one : on.clients)
        if (one.direct)
            there.sockets.connections[one.to].push_back({80, "192.0.2.1", 40000, false});
        else
            ++there.proxy.sessions[one.endpoint];
}

void promises::after_step()
{
    for (std::size_t i = 0; i < seen_.size(); ++i) {
        auto& on = *town_.nodes[i];
        learn(i);
        if (std::exchange(on.proxy_disturbed, false)) {
            seen_[i].table = on.there.proxy.routes;
            std::erase_if(seen_[i].clients, [](const client& one) { return !one.direct; });
        }
        drop_clients(i);
        if (on.there.proxy.updates != seen_[i].updates ||
            on.there.proxy.routes.size() != seen_[i].table.size())
            check_table(i);
    }
    if (!turns_.empty())
        check_turns();
}

// ---- HAProxy's table ------------------------------------------------------------------------------------

const body* promises::behind(
    std::size_t node, const model::component_name& component, const std::string& address) const
{
    const body* out = nullptr;
    for (const auto& [id, one] : seen_[node].bodies) {
        if (one.component != component || one.address != address)
            continue;
        if (one.is_running)
            return &one;
        if (one.died_at && *one.died_at + longest_unnoticed(town_) > town_.now())
            out = &one;
    }
    return out;
}

promises::serving promises::serving_in(
    std::size_t node, const std::vector<haproxy_config::route>& table) const
{
    serving out;
    for (const auto& route : table) {
        const auto component = component_of(route.id);
        if (component.empty())
            continue;
        auto& those = out[component];
        for (const auto& slot : route.slots)
            if (slot.mode == slot_mode::serving)
                if (const auto* one = behind(node, component, slot.address))
                    those.insert(one->id);
    }
    return out;
}

void promises::check_table(std::size_t node)
{
    auto& on = seen_[node];
    const auto& now = town_.nodes[node]->there.proxy.routes;
    on.updates = town_.nodes[node]->there.proxy.updates;
    if (on.table == now)
        return;
    ++town_.counts.checks;
    if (town_.told.is_kept()) {
        std::string text;
        for (const auto& route : now) {
            text += " " + route.id.text() + "[";
            for (const auto& slot : route.slots)
                if (slot.mode != slot_mode::empty) {
                    const auto* one = behind(node, component_of(route.id), slot.address);
                    text += (slot.mode == slot_mode::serving ? " " : " drain:") +
                            (one == nullptr ? slot.address : one->name);
                }
            text += " ]";
        }
        town_.told.tell(town_.nodes[node]->name(), "  haproxy has{}", text);
    }
    const auto before = serving_in(node, on.table);
    auto after = serving_in(node, now);
    for (const auto& [component, those] : before)
        check_left(node, component, those, after[component]);
    for (const auto& route : now)
        check_new(node, route);
    on.table = now;
}

/// What has just ended there by itself, and nothing has taken its place yet: other machines do not know.
std::size_t promises::unnoticed_deaths(std::size_t node, const model::component_name& component) const
{
    const auto& bodies = seen_[node].bodies;
    const auto is_replaced = [&](runtime::time_point died_at) {
        return std::ranges::any_of(bodies, [&](const auto& entry) {
            const auto& one = entry.second;
            return one.component == component && one.is_running && one.ready_since &&
                   *one.ready_since > died_at;
        });
    };
    return static_cast<std::size_t>(std::ranges::count_if(bodies, [&](const auto& entry) {
        const auto& one = entry.second;
        return one.component == component && one.died_at && !one.stopped_at && one.ready_since &&
               *one.died_at + longest_unnoticed(town_) > town_.now() && !is_replaced(*one.died_at);
    }));
}

std::size_t promises::serving_elsewhere(std::size_t node, const model::component_name& component) const
{
    std::size_t out = 0;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
        if (i == node)
            continue;
        const auto all = serving_in(i, town_.nodes[i]->there.proxy.routes);
        const auto found = all.find(component);
        out += found == all.end() ? 0 : found->second.size();
        out += unnoticed_deaths(i, component);
    }
    return out;
}

void promises::check_left(std::size_t node, const model::component_name& component,
    const std::set<model::container_id>& before, const std::set<model::container_id>& after)
{
    const auto& on = *town_.nodes[node];
    const auto& wish = town_.components.at(component);
    if (wish.was_stopped || wish.intent != model::intent::ready)
        return;
    std::string hit;
    for (const auto& id : before) {
        const auto& one = seen_[node].bodies.at(id);
        const auto run = on.truth.find(id);
        // A table may have been on its way already when the machine found it ready.
        const bool was_known = one.ready_since && *one.ready_since + longest_look(town_) < town_.now();
        const bool well = run != on.truth.end() && run->second.is_well(town_.now());
        if (!after.contains(id) && one.is_running && well && !one.condemned &&
            (was_known || one.drains_since))
            hit += " " + one.name;
    }
    const auto needed = static_cast<std::size_t>(wish.fewest_instances);
    const auto elsewhere = on.had_mark ? serving_elsewhere(node, component) : 0;
    if (!hit.empty() && after.size() + elsewhere < std::min(before.size() + elsewhere, needed))
        fail(node, fmt::format("it takes{} out of HAProxy, which leaves {} of {} serving", hit, after.size(),
                       before.size()));
}

/// Docker may give the address to another container while the table is on its way, and what is on its way
/// cannot be called back.
bool promises::was_ready_when_sent(
    std::size_t node, const model::component_name& component, const std::string& address) const
{
    const auto& on = *town_.nodes[node];
    const auto sent_at = on.table_sent_at();
    return std::ranges::any_of(seen_[node].bodies, [&](const auto& entry) {
        const auto& [id, one] = entry;
        return one.component == component && one.address == address && one.died_at &&
               *one.died_at >= sent_at && on.truth.at(id).ready_from <= sent_at;
    });
}

void promises::check_new(std::size_t node, const haproxy_config::route& route)
{
    const auto component = component_of(route.id);
    const auto old = std::ranges::find(seen_[node].table, route.id, &haproxy_config::route::id);
    for (const auto& slot : route.slots) {
        if (slot.mode != slot_mode::serving || component.empty() || slot.port == 1)
            continue;
        const bool was_there = old != seen_[node].table.end() &&
                               std::ranges::any_of(old->slots, [&](const haproxy_config::slot& s) {
                                   return s.address == slot.address && s.mode == slot.mode;
                               });
        if (was_there)
            continue;
        const auto* one = behind(node, component, slot.address);
        const auto& truth = town_.nodes[node]->truth;
        const bool has_checks =
            one != nullptr && !town_.releases.at({component, one->release}).spec.ready_checks.empty();
        const bool too_early =
            one != nullptr && one->is_running && has_checks && truth.at(one->id).ready_from > town_.now();
        if (one == nullptr || (too_early && !was_ready_when_sent(node, component, slot.address)))
            fail(node, fmt::format("{} sends traffic to {}, where nobody is ready", route.id.text(),
                           one == nullptr ? slot.address : one->name));
    }
}

}  // namespace gantryd::simulation
