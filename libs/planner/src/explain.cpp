#include "component_plan.hpp"

#include <gantryd/planner/links.hpp>
#include <gantryd/planner/rollout.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::planner::detail {
namespace {

std::int64_t number(const model::release& r) { return model::value_of(r.number); }

/// Collects the conditions of one component.
class explainer {
public:
    explainer(const world& from, const roster& who, plan& out)
        : from_(from),
          who_(who),
          out_(out),
          project_(from.project.text()),
          name_(who.wish.name.text())
    {
    }

    void explain()
    {
        explain_sources();
        explain_release();
        for (const auto* i : who_.all)
            explain_instance(*i);
        if (who_.wish.fetching)
            explain_pull(*who_.wish.fetching);
        explain_setbacks(from_, who_, out_);
        explain_ports();
        explain_old_workers();
        explain_suspicion();
        explain_trial();
        explain_restarts();
        explain_shortage();
    }

private:
    condition& add(reason code, std::string text)
    {
        out_.conditions.push_back({.code = code, .component = who_.wish.name, .text = std::move(text)});
        return out_.conditions.back();
    }

    std::string command(std::string_view verb) const
    {
        return fmt::format("gantryd {} {} -c {}", verb, project_, name_);
    }

    /// What ends the effective release: an older one that was live takes its place again. Where there is
    /// none, `without_one` is what is left. `update` alone would change nothing: it is the same release.
    std::string way_back(std::string_view without_one) const
    {
        const auto& now = *who_.effective;
        const bool is_there_one = std::ranges::any_of(who_.wish.releases, [&](const auto& entry) {
            const auto& r = *entry.second;
            return r.number < now.number && r.outcome == model::release_outcome::live &&
                   (r.image != now.image || r.spec != now.spec);
        });
        return command(is_there_one ? "rollback" : without_one);
    }

    /// What ends one instance and no other: `kill` is the whole component's.
    std::string end_of(const instance& i) const
    {
        return who_.wish.intent == model::intent::ready ? "docker kill " + i.name.text() : command("kill");
    }

    bool is_on_trial(const instance& i) const { return who_.unproven && i.release == who_.effective->number; }

    condition& add(reason code, const instance& of, std::string text)
    {
        auto& out = add(code, std::move(text));
        out.instance = of.name.text();
        return out;
    }

    /// A source that is away, or has not spoken yet; null while it is there.
    condition* add(reason code, const source& which)
    {
        if (which.reachable)
            return nullptr;
        auto& out = add(code, which.error.empty() ? "it has not answered yet" : which.error);
        if (!which.error.empty())
            out.since = which.since;
        return &out;
    }

    void explain_sources()
    {
        if (auto* c = add(reason::docker_unreachable, from_.docker)) {
            c->then = "what runs is left as it is; work goes on when the engine answers";
            c->command = "systemctl status docker";
        }
        if (auto* c = add(reason::proxy_failed, from_.haproxy)) {
            c->then = "it is tried again with growing pauses";
            c->command = command("events");
        }
        // Nobody who has not failed is missed here: not everything that has a planner writes, or has a store.
        if (!from_.store.error.empty())
            if (auto* c = add(reason::store_unreachable, from_.store)) {
                if (!from_.desired_as_of.empty())
                    c->text += "; gantryd goes by the copy that it kept, of " + from_.desired_as_of;
                c->then = "what was read last goes on; it is read again with growing pauses";
                c->command = "gantryd list " + project_;
            }
        const auto& unwritable = from_.store_writes.error.empty() ? from_.ledger : from_.store_writes;
        if (!unwritable.error.empty())
            if (auto* c = add(reason::state_unwritable, unwritable)) {
                c->then =
                    "what runs goes on, and it is tried again every 5 seconds; a restart of gantryd would "
                    "forget what happened meanwhile";
                c->command = "df -h";
            }
    }

    void explain_release()
    {
        if (who_.wish.hold) {
            auto& c = add(reason::held, "the store has no readable state for it");
            c.then = "its containers and its traffic are left as they are";
            c.command = command("update");
            return;
        }
        if (who_.wish.intent != model::intent::ready)
            return;
        const auto* wanted = wanted_release(who_.wish);
        if (wanted == nullptr) {
            auto& c = add(reason::no_release,
                !who_.wish.asked_image.empty()
                    ? "the order names an image and no release; one is made of the stored config"
                : who_.wish.wanted
                    ? fmt::format("the store does not know release {}", model::value_of(*who_.wish.wanted))
                    : "the component was never released");
            c.then = "nothing is started or stopped; containers that run go on serving";
            c.command = command("update");
            return;
        }
        if (!has_failed(who_.wish, *wanted))
            return;
        const auto& evidence = evidence_of(*wanted);
        auto& c = add(
            reason::release_failed, fmt::format("release {} failed: {}", number(*wanted), evidence.reason));
        c.then = what_follows(*wanted);
        c.command = command("update");
    }

    std::string what_follows(const model::release& failed) const
    {
        if (who_.effective == nullptr)
            return "nothing runs: there is no earlier release that was live";
        const auto* goal = goal_of(who_.wish);
        if (who_.effective == &failed && goal != nullptr)
            return fmt::format("it serves here until the machine has gone back to release {}", number(*goal));
        return fmt::format("release {} goes on serving", number(*who_.effective));
    }

    const model::evidence& evidence_of(const model::release& release) const
    {
        static const model::evidence none;
        if (release.why_failed)
            return *release.why_failed;
        const auto crashes = who_.wish.crashes.find(release.number);
        return crashes == who_.wish.crashes.end() ? none : crashes->second.last;
    }

    void explain_instance(const instance& i)
    {
        if (i.now == phase::exited)
            explain_end(i);
        else if (who_.wish.intent == model::intent::killed && !who_.wish.hold)
            explain_kill(i);
        else if (i.drain_since || i.failure)
            explain_departure(i);
        else if (std::ranges::find(who_.ahead, &i) != who_.ahead.end())
            return;  // explain_rollout() tells what the machine waits for
        else if (i.now == phase::creating || i.now == phase::created)
            explain_creation(i);
        else if (!i.ready_at)
            explain_readiness(i);
        else if (!sickness_of(i).empty())
            explain_sickness(i);
        else if (!is_serving(from_, i) && !is_refused(i)) {
            auto& c = add(reason::waiting_proxy, i, "HAProxy does not confirm yet that it sends it traffic");
            c.since = i.ready_at;
            c.then = "it serves";
            c.command = command("events");
        }
    }

    void explain_end(const instance& i)
    {
        if (who_.wish.hold)
            return;
        const bool is_news = !i.failure && !i.drain_since && !i.stop_since;
        auto& c = add(reason::removing, i,
            is_news ? "it has ended; its exit code and last log lines are gathered" : "it has ended");
        c.then = "it is removed, after its replacement has started";
        c.command = "docker logs " + i.name.text();
    }

    void explain_kill(const instance& i)
    {
        auto& c = add(reason::stopping, i, "the component is to be killed");
        c.since = i.stop_since;
        c.then = "SIGKILL, and it is removed";
        c.command = command("update");
    }

    condition& explain_pull(const pull& under_way)
    {
        auto& c = add(reason::pulling, "image " + under_way.image + " is not on this machine and is fetched" +
                                           (under_way.progress.empty() ? "" : ": " + under_way.progress));
        c.since = under_way.since;
        c.until = under_way.until;
        c.then = "it is tried again";
        c.command = "docker pull " + under_way.image;
        return c;
    }

    void explain_creation(const instance& i)
    {
        if (i.pulling) {
            explain_pull(*i.pulling).instance = i.name.text();
            return;
        }
        auto& c = add(reason::creating, i, "Docker creates and starts the container");
        c.then = "its ready checks begin";
        c.command = "systemctl status docker";
    }

    bool is_refused(const instance& i) const
    {
        const auto* spec = spec_of(from_, i);
        return spec != nullptr && std::ranges::any_of(frontends_of(from_, *spec),
                                      [&](const frontend& f) { return from_.proxy.refused.contains(f.id); });
    }

    std::string unreadiness(const instance& i, const model::component_spec* spec) const
    {
        if (i.address.empty())
            return "it has no network address";
        if (!i.check.empty())
            return fmt::format("its ready check \"{}\" does not pass: {}", i.check, i.answer);
        if (spec != nullptr && spec->ready_checks.empty())
            return fmt::format("it has no ready checks, and has to run for {}", base::human(proof_of_life));
        return "its ready checks have not passed yet";
    }

    void explain_readiness(const instance& i)
    {
        const auto* spec = spec_of(from_, i);
        auto& c = add(reason::waiting_ready, i, unreadiness(i, spec));
        c.since = i.started_at;
        if (spec != nullptr)
            c.until = give_up_at(i, *spec);
        c.then = "it is stopped, and the release counts as failed unless it was live before";
        c.command = is_on_trial(i) ? way_back("stop") : "docker logs " + i.name.text();
    }

    void explain_sickness(const instance& i)
    {
        auto& c = add(reason::unhealthy, i, sickness_of(i));
        c.since = i.sick_since;
        if (const auto at = replaceable_at(who_, i); at > from_.now)
            c.until = at;
        c.command = is_on_trial(i) ? way_back("stop") : "docker logs " + i.name.text();
        c.then = is_on_trial(i) ? "the release is not live before its checks pass"
                 : suspected_dependency(who_)
                     ? "it is left as it is while a dependency is suspected"
                     : "a replacement is started; this one is drained when the replacement serves";
    }

    /// "draining 14: 9 http, 5 tunnels, 2 via old worker, 0 direct"
    std::string numbers_of(const instance& i) const
    {
        const auto seen = connections_by_kind(from_, i);
        const auto direct = i.direct ? std::to_string(seen.direct) + " direct"
                            : i.no_kernel_witness.empty()
                                ? "direct ones not counted yet"
                                : "direct ones not counted (" + i.no_kernel_witness + ")";
        return fmt::format("draining {}: {} http, {} tunnels, {} via old worker, {}", seen.total(), seen.http,
            seen.tunnels, seen.via_old_workers, direct);
    }

    void explain_departure(const instance& i)
    {
        const auto [facts, policy] = drain_of(from_, i);
        const auto decision = drain::decide(facts, policy, from_.now);
        if (facts.stop_since || decision.next == drain::step::stop || !i.drain_since) {
            auto& c = add(reason::stopping, i, i.failure ? i.failure->reason : i.drain_reason);
            c.since = facts.stop_since;
            if (facts.stop_since)
                c.until = *facts.stop_since + policy.stop_grace;
            c.then = "SIGKILL";
            c.command = end_of(i);
            return;
        }
        const bool kept = decision.next == drain::step::keep;
        auto& c = add(kept ? reason::drain_kept : reason::draining, i,
            fmt::format("{}: {}", i.drain_reason, drain_step(i, facts, decision.next)));
        c.since = i.drain_since;
        if (!kept)
            c.until = drain::deadline(facts, policy);
        c.then = policy.on_timeout == model::drain_timeout_action::kill
                     ? "it is stopped, and connections that are left are cut"
                     : "it is kept until they end";
        c.command = end_of(i);
    }

    /// What the drain waits for now.
    std::string drain_step(const instance& i, const drain::facts& facts, drain::step next) const
    {
        const auto* spec = spec_of(from_, i);
        if (next == drain::step::leave_routes)
            return "HAProxy does not confirm yet that it sends it no new traffic";
        if (next == drain::step::send_signals)
            return fmt::format("its termination signals are sent, {} of {}", i.signals_begun,
                spec == nullptr ? 0 : spec->termination_signals.size());
        if (facts.connections > 0)
            return numbers_of(i);
        if (!from_.haproxy.reachable || i.address.empty())
            return "its connections are not known now";
        const auto nobody =
            "no connections" + (i.no_kernel_witness.empty()
                                       ? std::string()
                                       : " (direct ones not counted: " + i.no_kernel_witness + ")");
        if (facts.checks_passed)
            return nobody + "; a second look confirms it";
        if (i.check.empty())
            return nobody + "; its termination checks have not passed yet";
        return fmt::format("{}; its termination check \"{}\" does not pass: {}", nobody, i.check, i.answer);
    }

    void explain_ports()
    {
        for (const auto& [route, why] : from_.proxy.refused) {
            const auto port = port_of(route);
            if (!port)
                continue;
            auto& c = add(reason::port_taken, why);
            c.then = "the port is asked for again every 2 seconds; everything else goes on";
            c.command = fmt::format("ss -ltnp 'sport = :{}'", *port);
        }
    }

    /// The machine's port of one of the component's routes; nothing when the route is another's.
    std::optional<std::uint16_t> port_of(const model::route_id& route) const
    {
        for (const auto* spec : specs())
            for (const auto& f : frontends_of(from_, *spec))
                if (f.id == route)
                    return f.port;
        return std::nullopt;
    }

    /// Of what is to run. A port of one that drains may have gone to another component already.
    std::vector<const model::component_spec*> specs() const
    {
        std::vector<const model::component_spec*> out;
        if (who_.effective != nullptr)
            out.push_back(&who_.effective->spec);
        for (const auto* i : who_.all)
            if (const auto* spec = spec_of(from_, *i); spec != nullptr && !i->drain_since)
                out.push_back(spec);
        return out;
    }

    void explain_restarts()
    {
        const auto until = held_back_until(from_, who_);
        if (!until || who_.usable(from_.now) >= who_.wanted || who_.unproven)
            return;
        const auto& crashes = who_.wish.crashes.at(who_.effective->number);
        auto& c = add(reason::crash_loop,
            fmt::format("{} failures in a row, the last: {}", crashes.count, crashes.last.reason));
        c.since = crashes.last_at;
        c.until = until;
        c.then = "it is started again";
        c.command = way_back("update");
    }

    /// Those of instances that drain are told there.
    void explain_old_workers()
    {
        std::int64_t left = 0;
        for (const auto* list : {&who_.current, &who_.outdated})
            for (const auto* i : *list)
                left += connections_by_kind(from_, *i).via_old_workers;
        if (left == 0)
            return;
        auto& c = add(reason::old_workers,
            fmt::format("{} connections are in older workers of HAProxy, which reloads left behind", left));
        c.then = "they end by themselves, or with their worker: see --haproxy-hard-stop-after";
        c.command = command("status");
    }

    void explain_suspicion()
    {
        const auto suspected = suspected_dependency(who_);
        if (!suspected)
            return;
        auto& c =
            add(reason::dependency_suspected, fmt::format("all {} instances fail the check \"{}\": {}",
                                                  suspected->instances, suspected->check, suspected->answer));
        c.since = suspected->since;
        c.until = std::max(suspected->until, from_.now);
        c.then = "one replacement is tried; until then all are left as they are, and asked again";
        c.command = command("status");
    }

    /// The first instance of a new release stands for all.
    void explain_trial()
    {
        if (!who_.unproven || who_.wanted <= 1 || who_.current.empty() || who_.good(from_) > 0)
            return;
        auto& c = add(reason::trial, fmt::format("release {} is tried with the first of {} instances",
                                         number(*who_.effective), who_.wanted));
        c.then = "the others follow when it serves";
        c.command = way_back("stop");
    }

    void explain_shortage()
    {
        const auto good = who_.good(from_);
        if (who_.wanted == 0 || good >= who_.wanted - who_.carried || who_.unproven)
            return;
        auto& c = add(reason::too_few_serving, fmt::format("{} of {} instances serve", good, who_.wanted));
        c.then = suspected_dependency(who_) ? "see dependency_suspected" : "missing instances are started";
        c.command = command("events");
    }

    const world& from_;
    const roster& who_;
    plan& out_;
    std::string project_;
    std::string name_;
};

std::optional<model::release_number> newest_serving(const world& from, const roster& who)
{
    std::optional<model::release_number> out;
    for (const auto* i : who.all)
        if (is_serving(from, *i))
            out = out ? std::max(*out, i->release) : i->release;
    return out;
}

std::string state_of(const world& from, const roster& who)
{
    if (who.wish.hold)
        return "held";
    if (who.wish.intent != model::intent::ready)
        return who.all.empty() ? "stopped" : "stopping";
    if (who.effective == nullptr)
        return who.wish.wanted && who.wish.releases.contains(*who.wish.wanted) ? "failed" : "unreleased";
    if (who.away)
        return who.all.empty() ? "drained" : "draining";
    if (who.unproven)
        return newest_serving(from, who) ? "updating" : "starting";
    if (who.good(from) < who.wanted - who.carried)
        return "degraded";
    return who.outdated.empty() && who.draining.empty() ? "running" : "updating";
}

}  // namespace

void explain_component(const world& from, const roster& who, plan& out)
{
    explainer(from, who, out).explain();
    explain_links(from, who, out);
    explain_rollout(from, who, out);
    explain_moves(from, who, out);
    out.components[who.wish.name] = {state_of(from, who), newest_serving(from, who)};
}

}  // namespace gantryd::planner::detail
