#include "state.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/daemon/labels.hpp>
#include <gantryd/runtime/backoff.hpp>

#include <algorithm>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

/// Events may get lost: look at everything this often all the same.
constexpr auto full_look = 30s;

/// A container that is new to us: made by an earlier gantryd, or by an action whose answer was lost.
planner::instance adopt(state& st, const docker::container_summary& row, const container_identity& identity)
{
    planner::instance out;
    out.name = model::instance_name(row.name);
    out.container = row.id;
    out.component = identity.component;
    out.release = st.release_known_as(identity);
    out.image = row.image_id;
    out.started_at = out.known_since = st.io.clk.now();
    out.made_ahead = phase_of(row.status) == planner::phase::created;
    const bool remembered = st.memory.recall(out);
    // What the ledger knows began in this boot of the machine. The rest was ended by the machine's own end,
    // as far as anybody can tell. Later on that would be one whose start was our own, and went wrong at once.
    const bool has_ended = phase_of(row.status) == planner::phase::exited;
    out.ended_unseen = has_ended && !remembered && !st.world.docker.known;
    return out;
}

/// An action of ours learned of the container meanwhile; but it may have asked before what an event told of.
void look_again_at(state& st, const model::container_id& container)
{
    st.suspects.insert(container);
    st.docker_dirty.set();
}

boost::asio::awaitable<base::result<void>> look_closer(state& st, model::instance_name name)
{
    const auto* before = st.find(name);
    if (before == nullptr)
        co_return base::result<void>();
    auto details = co_await st.io.docker.inspect(before->container, st.io.clk.now() + 5s);
    auto* instance = st.find(name);
    if (instance == nullptr)
        co_return base::result<void>();
    if (st.is_newer_than_list(name)) {
        look_again_at(st, instance->container);
        co_return base::result<void>();
    }
    if (!details && details.error() != base::errc::not_found)
        co_return std::unexpected(details.error());
    if (!details) {
        st.world.instances.erase(name);
        co_return base::result<void>();
    }
    const auto now = st.phase_of(*details);
    // Docker tells the time of its start by the wall clock, by which nothing is decided. What the ledger does
    // not know begins with our first look.
    if (now == planner::phase::running && instance->now == planner::phase::created) {
        instance->made_ahead = false;
        instance->started_at = st.io.clk.now();
        st.memory.save(*instance);
    }
    instance->now = now;
    st.take_address(*instance, *details);
    instance->pid = now == planner::phase::running ? details->pid : 0;
    if (instance->now == planner::phase::exited)
        instance->exit_code = details->exit_code;
    co_return base::result<void>();
}

const std::optional<container_identity>& identity_from(state& st, const docker::container_summary& row)
{
    const auto [at, is_new] = st.identities.try_emplace(row.id);
    if (is_new)
        at->second = identity_of(row.labels);
    return at->second;
}

/// What a list told.
struct told {
    std::vector<model::instance_name> unclear;  ///< they need an inspect
    bool is_news = false;                       ///< the world is another one now
};

/// Takes a list into the world.
told take_list(state& st, const std::vector<docker::container_summary>& rows,
    const std::set<model::container_id>& suspects)
{
    told out;
    std::set<model::instance_name> seen;
    for (const auto& row : rows) {
        const auto& identity = identity_from(st, row);
        if (!identity || identity->project != st.what.project || !st.is_ours(identity->component))
            continue;
        const model::instance_name name(row.name);
        seen.insert(name);
        if (st.is_newer_than_list(name)) {
            if (suspects.contains(row.id))
                look_again_at(st, row.id);
            continue;
        }
        out.is_news = st.learn_from(*identity) || out.is_news;
        auto* known = st.find(name);
        const bool is_new = known == nullptr || known->container != row.id;
        if (is_new)
            known = &(st.world.instances[name] = adopt(st, row, *identity));
        else  // one that we made ourselves was listed the first time
            known->release = st.release_known_as(*identity);
        const auto now = phase_of(row.status);
        if (is_new || suspects.contains(row.id) || known->now != now ||
            (now == planner::phase::running && known->address != row.address))
            out.unclear.push_back(name);
    }
    std::erase_if(st.identities, [&](const auto& entry) {
        return std::ranges::find(rows, entry.first, &docker::container_summary::id) == rows.end();
    });
    const auto gone = std::erase_if(st.world.instances, [&](const auto& entry) {
        const auto& [name, instance] = entry;
        return !seen.contains(name) && !st.is_newer_than_list(name) &&
               instance.now != planner::phase::creating;
    });
    out.is_news = out.is_news || gone > 0;
    return out;
}

/// False for events that tell what we know or did ourselves: a look costs Docker time just when it starts a
/// container.
bool is_news(const state& st, const docker::container_event& event)
{
    // What a signal does, and who asked for an end, is told by the end itself.
    if (event.action.starts_with("exec_") || event.action == "create" || event.action == "kill" ||
        event.action == "stop")
        return false;
    // What has ended we remove ourselves.
    if (event.action == "die" || event.action == "destroy")
        return !st.ended.contains(event.id);
    const bool our_start = std::ranges::any_of(st.world.instances, [&](const auto& entry) {
        return entry.second.container == event.id && entry.second.now == planner::phase::created;
    });
    return event.action != "start" || !our_start;
}

boost::asio::awaitable<base::result<void>> look_at_containers(state& st)
{
    st.begin_docker_list();
    const auto suspects = std::exchange(st.suspects, {});
    auto labels = project_labels(st.what.project);
    auto rows = co_await st.io.docker.list(std::move(labels), st.io.clk.now() + 10s);
    if (!rows) {
        st.suspects.insert(suspects.begin(), suspects.end());
        co_return std::unexpected(rows.error());
    }
    // A container that Docker does not tell of is not known, and neither is what it serves: the look has
    // failed.
    base::result<void> done;
    const auto now = take_list(st, *rows, suspects);
    if (now.is_news)
        st.dirty.set();
    for (const auto& name : now.unclear) {
        const auto* known = st.find(name);
        const auto before = known == nullptr ? std::nullopt : std::optional(*known);
        auto looked = co_await look_closer(st, name);
        if (!looked)
            done = std::move(looked);
        auto* instance = st.find(name);
        st.dirty.set();
        if (instance == nullptr || *instance == before)
            continue;
        // Only what an earlier gantryd left: later the address of a dead container may come again.
        if (!st.world.docker.known)
            st.trust_if_served(*instance);
        st.io.log.info("container seen",
            {{"instance", name.text()}, {"container", base::short_id(instance->container.text())},
                {"running", instance->now == planner::phase::running}, {"address", instance->address}});
    }
    co_return done;
}

}  // namespace

boost::asio::awaitable<void> follow_containers(state& st)
{
    runtime::backoff retry(100ms, 5s, st.io.random);
    for (;;) {
        auto done = co_await look_at_containers(st);
        const bool ok = done.has_value();
        st.note_source(st.world.docker, "docker", done);
        if (!ok)
            st.dirty.set();
        const auto pause = ok ? runtime::duration(full_look) : retry.next();
        if (ok)
            retry.reset();
        // An event or the period: look either way.
        (void)co_await st.docker_dirty.wait_until(st.io.clk, st.io.clk.now() + pause);
    }
}

boost::asio::awaitable<void> follow_docker_events(state& st)
{
    runtime::backoff retry(50ms, 5s, st.io.random);
    std::optional<std::int64_t> since;
    for (;;) {
        auto labels = project_labels(st.what.project);
        auto connected = [&] {
            retry.reset();
            st.docker_dirty.set();
        };
        auto on_event = [&](docker::container_event event) {
            since = event.time_nanoseconds;
            if (!is_news(st, event))
                return;
            st.suspects.insert(std::move(event.id));
            st.docker_dirty.set();
        };
        const auto why = co_await st.io.docker.follow_events(std::move(labels), since, connected, on_event);
        st.io.log.debug("docker event stream ended", {{"why", why.context()}});
        st.docker_dirty.set();
        co_await st.io.clk.sleep_until(st.io.clk.now() + retry.next());
    }
}

}  // namespace gantryd::daemon
