// Component links in the plan: their addresses, and who waits for whom.
#include "component_plan.hpp"

#include <gantryd/planner/links.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace gantryd::planner::detail {
namespace {

std::uint16_t port_of(const world& in, const std::string& link)
{
    const auto known = in.links.find(link);
    return known == in.links.end() ? 0 : known->second.port;
}

/// A container that has the link's address, or may have.
bool anybody_imported(const world& in, const std::string& link)
{
    return std::ranges::any_of(in.instances, [&](const auto& entry) {
        const auto* spec = spec_of(in, entry.second);
        return spec != nullptr && std::ranges::find(spec->require_component_links, link,
                                      &model::link_import::name) != spec->require_component_links.end();
    });
}

/// True when the proxy could not listen on the port that the link has now.
bool is_taken(const world& in, const model::link_export& link)
{
    const auto id = route_of(link);
    const auto asked = std::ranges::find(in.routes_applied, id, &haproxy_config::route::id);
    return in.proxy.refused.contains(id) && asked != in.routes_applied.end() &&
           asked->port == port_of(in, link.name);
}

void plan_link(const world& from, const model::link_export& link, plan& out)
{
    const auto known = from.links.find(link.name);
    const auto now = known == from.links.end() ? link_address() : known->second;
    const auto host = host_of(from, link.name);
    const bool moves = !host.empty() && host != now.host;
    // The address of a link that nobody imported yet is nobody's loss.
    const bool needs_port = now.port == 0 || (is_taken(from, link) && !anybody_imported(from, link.name));
    if (moves || needs_port)
        out.actions.emplace_back(allot_link{link.name, host, needs_port ? now.port : std::uint16_t{0}});
}

/// How far an exporter is on its way to serving.
struct progress {
    time_point moved_at{};   ///< its last step, or by when the present one has to be done
    bool under_way = false;  ///< Docker is at work on it, for as long as that takes
};

/// Whether it is sure to serve, or to fail for good, before long. One that was live and has failed more than
/// once in a row may go on with that for ever, and gets no more time by it.
bool is_coming(const component& exporter)
{
    const auto* release = effective_release(exporter);
    if (exporter.intent != model::intent::ready || exporter.hold || release == nullptr)
        return false;
    const auto crashes = exporter.crashes.find(release->number);
    return crashes == exporter.crashes.end() || crashes->second.count <= 1;
}

progress progress_of(const world& from, const component& exporter, std::set<const component*>& seen)
{
    progress out{exporter.wished_at, false};
    if (!seen.insert(&exporter).second || !is_coming(exporter))
        return out;
    const auto& release = *effective_release(exporter);
    bool any = false;
    for (const auto& [name, i] : from.instances) {
        if (i.component != exporter.name || i.release != release.number || i.failure || i.drain_since ||
            i.now == phase::exited)
            continue;
        any = true;
        out.under_way = out.under_way || i.now != phase::running;
        out.moved_at = std::max(out.moved_at, i.ready_at.value_or(give_up_at(i, release.spec)));
    }
    if (any)
        return out;
    // The next plan makes one, unless it waits for links itself.
    bool waits = false;
    for (const auto& required : release.spec.require_component_links) {
        if (is_link_served(from, required.name))
            continue;
        const auto next = exporter_of(from, required.name);
        const auto there = next ? progress_of(from, *next->who, seen) : progress();
        waits = true;
        out.under_way = out.under_way || there.under_way;
        out.moved_at = std::max(out.moved_at, there.moved_at + release.spec.ready_timeout);
    }
    out.under_way = out.under_way || !waits;
    return out;
}

std::string state_of_exporter(const component& exporter, const progress& on_its_way)
{
    const auto& name = exporter.name.text();
    if (exporter.intent != model::intent::ready)
        return fmt::format("component {} is {}", name, text_of(exporter.intent));
    if (!exporter.wanted)
        return fmt::format("component {} was never released", name);
    if (effective_release(exporter) == nullptr)
        return fmt::format("component {} has no release that can run", name);
    if (on_its_way.under_way)
        return fmt::format("component {} is being started", name);
    return fmt::format("no instance of component {} serves it now", name);
}

/// Why a required link is not served, and what becomes of it.
struct obstacle {
    std::string text;
    progress exporter;
    std::string command;
};

obstacle obstacle_at(const world& from, const std::string& link)
{
    obstacle out;
    const auto exporter = exporter_of(from, link);
    if (!exporter) {
        out.text = fmt::format("link \"{}\" is not served: no release that is known here defines it", link);
        out.command = "gantryd list " + from.project.text();
        return out;
    }
    std::set<const component*> seen;
    const auto& who = *exporter->who;
    out.exporter = progress_of(from, who, seen);
    out.text = fmt::format("link \"{}\" is not served: {}", link, state_of_exporter(who, out.exporter));
    const bool is_to_run = who.intent == model::intent::ready && effective_release(who) != nullptr;
    out.command = is_to_run ? fmt::format("gantryd why {} {}", from.project.text(), who.name.text())
                            : fmt::format("gantryd update {} -c {}", from.project.text(), who.name.text());
    return out;
}

/// True when the exporter of the link, or one that it needs, waits for this component: releases of different
/// configs may stand in a circle that no single config has. Nobody could be the first then.
bool is_in_circle(const world& from, const component& start, const std::string& link)
{
    std::set<const component*> seen;
    std::vector<std::string> todo{link};
    while (!todo.empty()) {
        const auto exporter = exporter_of(from, todo.back());
        todo.pop_back();
        if (!exporter || !seen.insert(exporter->who).second)
            continue;
        if (exporter->who->name == start.name)
            return true;
        if (const auto* release = effective_release(*exporter->who))
            for (const auto& required : release->spec.require_component_links)
                todo.push_back(required.name);
    }
    return false;
}

/// What keeps the component's next container from being made.
std::vector<obstacle> obstacles(const world& from, const roster& who)
{
    std::vector<obstacle> out;
    const auto& spec = who.effective->spec;
    const bool first = who.current.empty();
    const bool addresses_known = link_variables(from, spec).has_value();
    for (const auto& required : spec.require_component_links) {
        if (is_link_served(from, required.name))
            continue;
        // Where others of the release run already, it has shown that it can do without for a while.
        if (addresses_known && (!first || is_in_circle(from, who.wish, required.name)))
            continue;
        out.push_back(obstacle_at(from, required.name));
    }
    return out;
}

/// Until when a release on trial waits. Nothing for one that was live, and while the wait is nobody's fault:
/// Docker is at work, or does not answer.
std::optional<time_point> deadline(const world& from, const roster& who, const std::vector<obstacle>& missing)
{
    if (!who.unproven || !from.docker.reachable || !from.haproxy.reachable)
        return std::nullopt;
    auto begin = std::max({who.wish.wished_at, from.docker.since, from.haproxy.since});
    for (const auto& each : missing) {
        if (each.exporter.under_way)
            return std::nullopt;
        begin = std::max(begin, each.exporter.moved_at);
    }
    return begin + who.effective->spec.ready_timeout;
}

std::string text_of(const std::vector<obstacle>& all)
{
    std::string out;
    for (const auto& each : all)
        out += (out.empty() ? "" : "; ") + each.text;
    return out;
}

/// The first link of its own that has no port yet; null when there is none.
const model::link_export* without_port(const world& in, const model::component_spec& spec)
{
    const auto found = std::ranges::find_if(
        spec.define_component_links, [&](const auto& link) { return port_of(in, link.name) == 0; });
    return found == spec.define_component_links.end() ? nullptr : &*found;
}

void explain_wait(const world& from, const roster& who, plan& out)
{
    condition c{.code = reason::waiting_link, .component = who.wish.name};
    if (const auto* own = without_port(from, who.effective->spec)) {
        c.text = fmt::format("link \"{}\" has no port of this machine yet", own->name);
        c.then = "it is started when a free port is found";
        c.command = "ss -ltn";
        out.conditions.push_back(std::move(c));
        return;
    }
    const auto missing = obstacles(from, who);
    if (missing.empty())
        return;
    c.text = text_of(missing);
    c.until = deadline(from, who, missing);
    if (who.unproven)
        c.since = who.wish.wished_at;
    c.then = c.until ? "the release counts as failed; what serves already goes on"
                     : "it is started as soon as the link is served";
    c.command = missing.front().command;
    out.conditions.push_back(std::move(c));
}

void explain_missing(const world& from, const roster& who, plan& out)
{
    std::set<std::string> told;
    for (const auto* i : who.all) {
        const auto* spec = spec_of(from, *i);
        if (spec == nullptr || i->now != phase::running || i->failure || i->drain_since)
            continue;
        for (const auto& required : spec->require_component_links) {
            if (is_link_served(from, required.name) || !told.insert(required.name).second)
                continue;
            auto why = obstacle_at(from, required.name);
            condition c{.code = reason::link_down, .component = who.wish.name, .text = std::move(why.text)};
            c.then = "it runs on; its connections to the link fail until somebody serves it again";
            c.command = std::move(why.command);
            out.conditions.push_back(std::move(c));
        }
    }
}

}  // namespace

void plan_links(const world& from, const std::vector<roster>& everyone, plan& out)
{
    std::set<std::string> seen;
    for (const auto& who : everyone) {
        const auto take = [&](const model::component_spec* spec) {
            if (spec == nullptr)
                return;
            for (const auto& link : spec->define_component_links)
                if (seen.insert(link.name).second)
                    plan_link(from, link, out);
        };
        if (who.wanted > 0)
            take(&who.effective->spec);
        for (const auto* i : who.all)
            if (i->now != phase::exited)
                take(spec_of(from, *i));
    }
}

bool links_let_start(const world& from, const roster& who, plan& out)
{
    if (without_port(from, who.effective->spec) != nullptr)
        return false;
    const auto missing = obstacles(from, who);
    if (missing.empty())
        return true;
    const auto until = deadline(from, who, missing);
    if (until && *until <= from.now)
        out.actions.emplace_back(fail_release{who.wish.name, who.effective->number, text_of(missing)});
    else
        wake(out, until);
    return false;
}

void explain_links(const world& from, const roster& who, plan& out)
{
    // Before all sources have spoken nobody serves, as far as is known.
    if (!from.docker.known || !from.haproxy.known)
        return;
    if (who.wanted > who.usable(from.now))
        explain_wait(from, who, out);
    explain_missing(from, who, out);
}

}  // namespace gantryd::planner::detail
