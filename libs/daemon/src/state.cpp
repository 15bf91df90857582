#include "state.hpp"

#include <gantryd/daemon/labels.hpp>
#include <gantryd/planner/links.hpp>
#include <gantryd/planner/rollout.hpp>

#include <algorithm>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

/// Machines that a store does not notice when all of them write at once.
constexpr int small_fleet = 16;

/// A write costs three members of etcd some 4 ms of processor time together, and each machine has several.
constexpr auto time_per_machine = 24ms;

/// How long events wait while machines change: nobody waits for them.
constexpr auto events_in_rollout = 1s;

observer& nobody()
{
    static observer silent;
    return silent;
}

}  // namespace

planner::phase phase_of(docker::container_status status)
{
    switch (status) {
    case docker::container_status::created: return planner::phase::created;
    case docker::container_status::running:
    case docker::container_status::paused:
    case docker::container_status::restarting: return planner::phase::running;
    case docker::container_status::removing:
    case docker::container_status::exited:
    case docker::container_status::dead: return planner::phase::exited;
    }
    return planner::phase::exited;
}

state::state(collaborators with, options opts, observer* shown_to, boost::asio::any_io_executor ex)
    : io(with),
      what(std::move(opts)),
      watcher(shown_to == nullptr ? nobody() : *shown_to),
      memory(io.ledger, io.clk, io.log, ex),
      copy(io.ledger, io.clk, io.log, {what.project, what.store_members}, ex),
      history(
          io.desired, io.clk, io.log, {what.project, what.machine, [this] { return pause_of_events(); }}, ex),
      dirty(ex),
      docker_dirty(ex),
      proxy_dirty(ex),
      reports_wanted(ex),
      preflights_wanted(ex),
      others_changed(ex)
{
    world.project = what.project;
}

base::duration state::time_for_all() const
{
    const auto machines = world.fleet ? static_cast<int>(world.fleet->machines.size()) : 0;
    return machines <= small_fleet ? base::duration() : base::duration(machines * time_per_machine);
}

base::duration state::own_moment()
{
    const auto all = time_for_all();
    if (all == base::duration())
        return all;
    // First all are to hear of it: what is written earlier takes the store's time from that. No longer than
    // they need, or the store has so much the more to do at a time.
    std::uniform_int_distribution<base::duration::rep> moment(all.count() / 4, all.count());
    return base::duration(moment(io.random));
}

bool state::is_in_rollout() const
{
    return world.fleet && world.fleet->machines.size() > 1 &&
           std::ranges::any_of(
               world.components, [](const auto& entry) { return planner::is_under_way(entry.second); });
}

base::duration state::pause_of_events()
{
    const auto pause = own_moment();
    return is_in_rollout() ? std::max<base::duration>(pause, events_in_rollout) : pause;
}

planner::phase state::phase_of(const docker::container_details& details) const
{
    const auto gone = ended.find(details.id);
    const bool same_process = gone != ended.end() && gone->second == details.pid;
    const auto told = daemon::phase_of(details.status);
    return told == planner::phase::running && same_process ? planner::phase::exited : told;
}

void state::take_address(planner::instance& of, const docker::container_details& told)
{
    of.address = told.address;
    of.gateway = told.gateway;
    for (auto& [name, other] : world.instances) {
        const bool same = other.address == of.address && !of.address.empty() && name != of.name;
        if (!same || other.now != planner::phase::running || other.started_at >= of.started_at)
            continue;
        other.address.clear();
        suspects.insert(other.container);
        docker_dirty.set();
    }
}

planner::instance* state::find(const model::instance_name& name)
{
    const auto found = world.instances.find(name);
    return found == world.instances.end() ? nullptr : &found->second;
}

std::shared_ptr<const model::release> state::release_of(const planner::instance& of) const
{
    const auto component = world.components.find(of.component);
    if (component == world.components.end())
        return nullptr;
    const auto release = component->second.releases.find(of.release);
    return release == component->second.releases.end() ? nullptr : release->second;
}

/// True when another release took its place and it has clients through the proxy yet. Sessions at its address
/// alone prove nothing: of the wanted release it may have got that of one which is gone.
bool state::is_left_with_clients(const planner::instance& of) const
{
    const auto component = world.components.find(of.component);
    if (component == world.components.end() || !component->second.wanted)
        return false;
    return *component->second.wanted != of.release && planner::connections_of(world, of) > 0;
}

void state::trust_if_served(planner::instance& of)
{
    const auto* spec = planner::spec_of(world, of);
    if (of.ready_at || of.drain_since || of.now != planner::phase::running || spec == nullptr ||
        planner::frontends_of(world, *spec).empty())
        return;
    auto probe = of;
    probe.ready_at = io.clk.now();
    if (!planner::is_serving(world, probe) && !is_left_with_clients(of))
        return;
    of.ready_at = probe.ready_at;
    memory.save(of);
}

void state::record_failure(planner::instance& of, model::evidence why)
{
    if (!world.components.contains(of.component))
        return;
    conceal(of.component, why);
    const auto served_for = of.ready_at ? io.clk.now() - *of.ready_at : base::duration();
    record_failure(of.component, of.release, served_for, why);
    const auto count = world.components[of.component].crashes[of.release].count;
    tell({.what = happening::instance_failed,
        .instance = &of,
        .text = count == 1 ? why.reason : why.reason + ", failure " + std::to_string(count) + " in a row",
        .why = &why});
    of.failure = std::move(why);
}

void state::record_failure(const model::component_name& component, model::release_number release,
    base::duration served_for, model::evidence why)
{
    const auto found = world.components.find(component);
    if (found == world.components.end())
        return;
    auto& crashes = found->second.crashes[release];
    crashes.count = planner::is_good_run(served_for, crashes.count, why) ? 1 : crashes.count + 1;
    crashes.last_at = io.clk.now();
    crashes.last = why;
    memory.save(component, release, crashes);
    last_failure[component] = std::move(why);
}

bool state::is_ours(const model::component_name& component) const
{
    return !what.only || what.only->contains(component) || what.hold.contains(component);
}

bool state::learn_from(const container_identity& labels)
{
    if (!is_ours(labels.component))
        return false;
    auto [at, is_new] = world.components.try_emplace(labels.component);
    auto& component = at->second;
    if (is_new) {
        // The store knows nothing of it: leave it alone, but keep its traffic flowing.
        component.name = labels.component;
        component.hold = true;
        component.crashes = memory.crashes_of(component.name);
    }
    bool news = learn_links(labels) || is_new;
    const auto number = release_known_as(labels);
    if (labels.record && !component.releases.contains(number)) {
        auto record = *labels.record;
        record.number = number;
        record.outcome = model::release_outcome::live;
        component.releases[number] = std::make_shared<const model::release>(std::move(record));
        news = true;
    }
    return news;
}

bool state::learn_links(const container_identity& from)
{
    bool news = false;
    for (const auto& [name, address] : from.links) {
        const bool imported =
            from.record && std::ranges::find(from.record->spec.require_component_links, name,
                               &model::link_import::name) != from.record->spec.require_component_links.end();
        const auto there = world.links.find(name);
        const bool known = there != world.links.end() && there->second.port != 0;
        if (known && !(imported && links_of_exporters_.contains(name)))
            continue;
        if (imported)
            links_of_exporters_.erase(name);
        else
            links_of_exporters_.insert(name);
        world.links[name] = address;
        memory.save(name, address);
        news = true;
    }
    return news;
}

model::release_number state::release_known_as(const container_identity& identity) const
{
    const auto component = world.components.find(identity.component);
    if (!identity.record || component == world.components.end())
        return identity.release;
    const auto known = component->second.releases.find(identity.release);
    const bool other = known != component->second.releases.end() &&
                       (known->second->spec_hash != identity.record->spec_hash ||
                           known->second->image != identity.record->image);
    return other ? model::release_number{0} : identity.release;
}

void state::name_releases_anew(const model::component_name& component)
{
    for (auto& [name, instance] : world.instances) {
        const auto labels = identities.find(instance.container);
        if (instance.component != component || labels == identities.end() || !labels->second)
            continue;
        learn_from(*labels->second);
        instance.release = release_known_as(*labels->second);
    }
}

void state::note_write(base::result<void>& kind, base::result<void> done)
{
    kind = std::move(done);
    note_source(world.store_writes, "writing the store", reported ? present : reported);
}

void state::note_local_write(base::result<void>& kind, base::result<void> done)
{
    kind = std::move(done);
    note_source(world.ledger, "writing the ledger", ledger_written ? copy_written : ledger_written);
}

void state::note_source(planner::source& which, std::string_view name, const base::result<void>& answer)
{
    const bool ok = answer.has_value();
    const bool first = which.since == base::time_point();
    if (first || which.reachable != ok) {
        if (!ok)
            tell(happening::source_away, std::string(name) + ": " + answer.error().context());
        else if (!first)
            tell(happening::source_back,
                std::string(name) + " answers again, after " + base::human(io.clk.now() - which.since));
        which.reachable = ok;
        which.since = io.clk.now();
        dirty.set();
    }
    which.known = which.known || ok;
    which.error = ok ? std::string() : answer.error().context();
}

}  // namespace gantryd::daemon
