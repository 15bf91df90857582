#include "executor.hpp"

#include <gantryd/base/overloaded.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <algorithm>
#include <chrono>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;
using base::overloaded;

constexpr base::duration first_penalty = 250ms;
constexpr base::duration longest_penalty = 30s;

std::string instance_key(const model::instance_name& name) { return "instance " + name.text(); }

}  // namespace

std::optional<base::time_point> executor::begin(const std::vector<planner::action>& actions)
{
    std::optional<base::time_point> next;
    const auto now = st_.io.clk.now();
    for (const auto& action : actions) {
        auto task = task_for(action);
        if (!task || busy_.contains(task->key))
            continue;
        const auto held = penalties_.find(task->key);
        if (held != penalties_.end() && now < held->second.until) {
            next = next ? std::min(*next, held->second.until) : held->second.until;
            continue;
        }
        busy_.insert(task->key);
        auto name = task->key;
        tasks_.spawn(std::move(name), carry_out(std::move(task->key), std::move(task->work)));
    }
    return next;
}

std::optional<executor::task> executor::task_for(const planner::action& what)
{
    return std::visit(overloaded{
                          [&](const planner::create_instance& a) -> std::optional<task> {
                              return task{instance_key(a.name), create(a)};
                          },
                          [&](const planner::start_instance& a) -> std::optional<task> {
                              return task{instance_key(a.name), start(a.name)};
                          },
                          [&](const planner::mark_ready& a) -> std::optional<task> {
                              mark_ready(a);
                              return std::nullopt;
                          },
                          [&](const planner::condemn_instance& a) -> std::optional<task> {
                              return task{instance_key(a.name), condemn(a)};
                          },
                          [&](const planner::begin_drain& a) -> std::optional<task> {
                              begin_drain(a);
                              return std::nullopt;
                          },
                          [&](const planner::send_signals& a) -> std::optional<task> {
                              return task{instance_key(a.name), send_signals(a.name)};
                          },
                          [&](const planner::stop_instance& a) -> std::optional<task> {
                              return task{instance_key(a.name), stop_container(a.name)};
                          },
                          // Not behind a stop that waits for its grace.
                          [&](const planner::kill_instance& a) -> std::optional<task> {
                              return task{"kill " + a.name.text(), kill_container(a.name)};
                          },
                          [&](const planner::remove_instance& a) -> std::optional<task> {
                              return task{instance_key(a.name), remove(a.name)};
                          },
                          [&](const planner::update_proxy& a) -> std::optional<task> {
                              update_proxy(a);
                              return std::nullopt;
                          },
                          [&](const planner::settle_release& a) -> std::optional<task> {
                              return task{"settle " + a.component.text(), settle(a)};
                          },
                          [&](const planner::allot_link& a) -> std::optional<task> {
                              return task{"link " + a.link, allot(a)};
                          },
                          [&](const planner::fail_release& a) -> std::optional<task> {
                              fail_release(a);
                              return std::nullopt;
                          },
                      },
        what);
}

boost::asio::awaitable<void> executor::carry_out(std::string key, boost::asio::awaitable<outcome> work)
{
    auto done = co_await std::move(work);
    busy_.erase(key);
    if (done) {
        penalties_.erase(key);
    } else {
        auto& penalty = penalties_[key];
        penalty.next = std::clamp(penalty.next * 2, first_penalty, longest_penalty);
        penalty.until = st_.io.clk.now() + penalty.next;
        st_.io.log.warning("action failed",
            {{"action", key}, {"why", done.error().context()}, {"again_in_ms", penalty.next / 1ms}});
        st_.docker_dirty.set();
    }
    st_.dirty.set();
}

void executor::mark_ready(const planner::mark_ready& what)
{
    auto* instance = st_.find(what.name);
    if (instance == nullptr || instance->ready_at)
        return;
    instance->ready_at = st_.io.clk.now();
    st_.memory.save(*instance);
    st_.io.log.info(
        "instance ready", {{"component", instance->component.text()}, {"instance", what.name.text()},
                              {"after_ms", (*instance->ready_at - instance->started_at) / 1ms}});
    st_.watcher.instance_ready(*instance);
    st_.dirty.set();
}

void executor::begin_drain(const planner::begin_drain& what)
{
    auto* instance = st_.find(what.name);
    if (instance == nullptr || instance->drain_since)
        return;
    if (what.is_failure) {
        st_.record_failure(*instance, {.reason = what.why,
                                          .instance = what.name.text(),
                                          .check = instance->check,
                                          .last_answer = instance->answer});
        instance->failure.reset();  // it may still serve somebody: it is drained, not stopped
    }
    instance->drain_since = st_.io.clk.now();
    instance->drain_reason = what.why;
    st_.memory.save(*instance);
    st_.io.log.info(
        "drain begins", {{"component", instance->component.text()}, {"instance", what.name.text()},
                            {"release", model::value_of(instance->release)}, {"why", what.why}});
    st_.watcher.drain_begun(*instance);
    st_.dirty.set();
}

void executor::update_proxy(const planner::update_proxy& what)
{
    st_.routes_asked = what.routes;
    st_.proxy_dirty.set();
}

void executor::fail_release(const planner::fail_release& what)
{
    const auto component = st_.world.components.find(what.component);
    if (component == st_.world.components.end() || component->second.crashes.contains(what.release))
        return;
    const model::evidence why{.reason = what.why};
    st_.record_failure(what.component, what.release, base::duration(), why);
    st_.watcher.release_failed(what.component, why);
    st_.dirty.set();
}

boost::asio::awaitable<executor::outcome> executor::settle(planner::settle_release what)
{
    const auto component = st_.world.components.find(what.component);
    if (component == st_.world.components.end() || !component->second.releases.contains(what.release))
        co_return outcome();
    const auto key = records::release_key(st_.what.project, what.component, what.release);
    auto stored = co_await st_.io.desired.get(key, st_.io.clk.now() + 5s);
    if (!stored)
        co_return base::fail("read the release", stored.error());

    auto& known = st_.world.components[what.component];
    auto release = *known.releases[what.release];
    release.outcome = what.outcome;
    release.outcome_at = st_.io.clk.wall_now();
    if (const auto crashes = known.crashes.find(what.release);
        what.outcome == model::release_outcome::failed && crashes != known.crashes.end())
        release.why_failed = crashes->second.last;
    if (*stored) {
        const auto present = records::decode_release((*stored)->value);
        if (present && present->outcome != model::release_outcome::pending)
            co_return outcome();  // somebody settled it; the watch brings it
        store::transaction write;
        write.conditions.push_back({key, store::compare::target::modified, (*stored)->modified});
        write.operations.push_back({store::operation::kind::put, key, records::encode(release), {}});
        auto done = co_await st_.io.desired.commit(std::move(write), st_.io.clk.now() + 5s);
        if (!done)
            co_return base::fail("write the release's outcome", done.error());
    }
    st_.world.components[what.component].releases[what.release] =
        std::make_shared<const model::release>(release);
    st_.io.log.info(
        "release settled", {{"component", what.component.text()}, {"release", model::value_of(what.release)},
                               {"outcome", text_of(what.outcome)}});
    co_return outcome();
}

}  // namespace gantryd::daemon
