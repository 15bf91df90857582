#include "executor.hpp"

#include <gantryd/base/overloaded.hpp>
#include <gantryd/base/planted.hpp>
#include <gantryd/control/project.hpp>
#include <gantryd/planner/rollout.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;
using base::overloaded;

constexpr base::duration first_penalty = 250ms;
constexpr base::duration longest_penalty = 30s;
constexpr base::duration between_looks_at_ports = 2s;

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
        if (held != penalties_.end() && now < held->second.told.until) {
            const auto until = held->second.told.until;
            next = next ? std::min(*next, until) : until;
            continue;
        }
        busy_.insert(task->key);
        auto name = task->key;
        tasks_.spawn(
            std::move(name), carry_out(std::move(task->key), std::move(task->about), std::move(task->work)));
    }
    show_penalties();
    return next;
}

executor::task executor::about_instance(
    const model::instance_name& name, std::string_view verb, boost::asio::awaitable<outcome> work) const
{
    planner::setback about;
    if (const auto* instance = st_.find(name))
        about.component = instance->component;
    about.instance = name.text();
    about.action = std::string(verb) + " " + name.text();
    return {instance_key(name), std::move(about), std::move(work)};
}

std::optional<executor::task> executor::task_for(const planner::action& what)
{
    return std::visit(
        overloaded{
            [&](const planner::create_instance& a) -> std::optional<task> {
                auto out = about_instance(a.name, "create", create(a));
                out.about.component = a.component;
                return out;
            },
            [&](const planner::start_instance& a) -> std::optional<task> {
                return about_instance(a.name, "start", start(a.name));
            },
            [&](const planner::mark_ready& a) -> std::optional<task> {
                mark_ready(a);
                return std::nullopt;
            },
            [&](const planner::condemn_instance& a) -> std::optional<task> {
                return about_instance(a.name, "gather evidence of", condemn(a));
            },
            [&](const planner::begin_drain& a) -> std::optional<task> {
                begin_drain(a);
                return std::nullopt;
            },
            [&](const planner::send_signals& a) -> std::optional<task> {
                return about_instance(a.name, "signal", send_signals(a.name));
            },
            [&](const planner::stop_instance& a) -> std::optional<task> {
                return about_instance(a.name, "stop", stop_container(a.name));
            },
            [&](const planner::kill_instance& a) -> std::optional<task> {
                auto out = about_instance(a.name, "kill", kill_container(a.name));
                out.key = kill_key(a.name);  // not behind a stop that waits for its grace
                return out;
            },
            [&](const planner::remove_instance& a) -> std::optional<task> {
                return about_instance(a.name, "remove", remove(a.name));
            },
            [&](const planner::update_proxy& a) -> std::optional<task> {
                update_proxy(a);
                return std::nullopt;
            },
            [&](const planner::settle_release& a) -> std::optional<task> {
                planner::setback about;
                about.component = a.component;
                about.action =
                    fmt::format("record release {} as {}", model::value_of(a.release), text_of(a.outcome));
                return task{"settle " + a.component.text(), std::move(about), settle(a)};
            },
            [&](const planner::release_order& a) -> std::optional<task> {
                planner::setback about;
                about.component = a.component;
                about.action = "make a release of an order that names none";
                return task{"order " + a.component.text(), std::move(about), take_order(a)};
            },
            [&](const planner::move_rollout& a) -> std::optional<task> {
                planner::setback about;
                about.component = a.component;
                about.action = rollout_moves::name_of(a);
                return task{"rollout " + a.component.text(), std::move(about), rollouts_.make(a)};
            },
            [&](const planner::end_return& a) -> std::optional<task> {
                planner::setback about;
                about.action = "record that the machine has its work back";
                return task{"drain mark", std::move(about), end_return(a)};
            },
            [&](const planner::pass_over& a) -> std::optional<task> {
                planner::setback about;
                about.component = a.component;
                about.action = "ask another machine than " + a.carrier.text() + " to take its work";
                return task{"drain mark", std::move(about), pass_over(a)};
            },
            [&](const planner::prepare_release& a) -> std::optional<task> {
                planner::setback about;
                about.component = a.component;
                about.action = fmt::format("prepare for release {}", model::value_of(a.release));
                return task{preparation_key(a), std::move(about), prepare(a)};
            },
            [&](const planner::allot_link& a) -> std::optional<task> {
                planner::setback about;
                about.action = "give link " + a.link + " a port";
                return task{"link " + a.link, std::move(about), allot(a)};
            },
            [&](const planner::fail_release& a) -> std::optional<task> {
                fail_release(a);
                return std::nullopt;
            },
        },
        what);
}

std::string executor::preparation_key(const planner::prepare_release& what)
{
    return fmt::format("prepare {} {}", what.component.text(), model::value_of(what.release));
}

boost::asio::awaitable<executor::outcome> executor::prepare(planner::prepare_release what)
{
    const auto key = preparation_key(what);
    auto done = co_await preflights_.run(std::move(what));
    if (done)
        co_return outcome();
    faults_.insert_or_assign(key, done.error().code);
    co_return std::unexpected(done.error().why);
}

boost::asio::awaitable<void> executor::carry_out(
    std::string key, planner::setback about, boost::asio::awaitable<outcome> work)
{
    auto done = co_await std::move(work);
    busy_.erase(key);
    const auto fault = faults_.extract(key);
    about.code = fault ? fault.mapped() : planner::reason::retrying;
    if (done)
        penalties_.erase(key);
    else
        note_failure(key, std::move(about), done.error());
    show_penalties();
    st_.dirty.set();
}

void executor::note_failure(const std::string& key, planner::setback about, const base::error& why)
{
    const auto now = st_.io.clk.now();
    auto& penalty = penalties_[key];
    // A row ends when the action was not wanted for a while.
    const bool in_a_row = penalty.told.failures > 0 && now < penalty.told.until + longest_penalty;
    if (!in_a_row)
        penalty = {};
    const auto longest = about.code == planner::reason::port_taken ? between_looks_at_ports : longest_penalty;
    penalty.next = std::clamp(penalty.next * 2, first_penalty, longest);
    about.since = in_a_row ? penalty.told.since : now;
    about.failures = penalty.told.failures + 1;
    about.error = why.context();
    st_.conceal(about.component, about.error);
    about.until = now + penalty.next;
    if (base::is_planted("never_tries_again"))
        about.until = base::time_point::max() - 2 * longest_penalty;
    penalty.told = std::move(about);
    const auto& told = penalty.told;
    if (told.failures > 1)
        st_.io.log.debug("action failed again",
            {{"action", told.action}, {"failures", told.failures}, {"why", told.error}});
    else if (const auto* instance = st_.find(model::instance_name(told.instance)))
        st_.tell(happening::action_failed, *instance, told.action + ": " + told.error);
    else
        st_.tell({.what = happening::action_failed,
            .component = told.component,
            .instance_name = told.instance,
            .text = told.action + ": " + told.error});
    st_.docker_dirty.set();
}

void executor::show_penalties()
{
    const auto now = st_.io.clk.now();
    std::erase_if(penalties_, [&](const auto& entry) {
        return !busy_.contains(entry.first) && now >= entry.second.told.until + 2 * longest_penalty;
    });
    st_.world.setbacks.clear();
    for (const auto& [key, penalty] : penalties_) {
        st_.world.setbacks.push_back(penalty.told);
        st_.world.setbacks.back().trying = busy_.contains(key);
    }
}

void executor::mark_ready(const planner::mark_ready& what)
{
    auto* instance = st_.find(what.name);
    if (instance == nullptr || instance->ready_at)
        return;
    instance->ready_at = st_.io.clk.now();
    st_.memory.save(*instance);
    st_.tell(happening::instance_ready, *instance,
        "ready " + base::human(*instance->ready_at - instance->started_at) + " after its start");
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
    st_.tell(happening::drain_begun, *instance, what.why);
    st_.dirty.set();
}

void executor::update_proxy(const planner::update_proxy& what)
{
    // Plans go on while the proxy is given a table; asked for again, it would be given it twice.
    if (st_.routes_under_way == what.routes) {
        st_.routes_asked.reset();
        return;
    }
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
    st_.tell({.what = happening::release_given_up,
        .component = what.component,
        .release = what.release,
        .text = what.why,
        .why = &why});
    st_.dirty.set();
}

boost::asio::awaitable<executor::outcome> executor::end_return(planner::end_return what)
{
    const auto key = records::drain_key(st_.what.project, st_.what.machine);
    store::transaction write;
    write.conditions.push_back(
        {key, store::compare::target::modified, static_cast<store::revision>(what.mark_revision)});
    write.operations.push_back({store::operation::kind::erase, key, {}, {}});
    auto done = co_await st_.io.desired.commit(std::move(write), st_.io.clk.now() + 5s);
    if (!done && done.error() != base::errc::conflict)  // an operator was first; the watch brings it
        co_return base::fail("erase the drain mark", done.error());
    auto& me = st_.world.fleet->machines[st_.what.machine];
    if (done && me.mark_revision == what.mark_revision) {
        me.returns = false;
        me.mark_revision = 0;
    }
    if (!done)
        co_await wait_for_news();
    co_return outcome();
}

boost::asio::awaitable<void> executor::wait_for_news()
{
    return st_.io.clk.sleep_until(st_.io.clk.now() + 50ms);
}

boost::asio::awaitable<executor::outcome> executor::pass_over(planner::pass_over what)
{
    const auto key = records::drain_key(st_.what.project, st_.what.machine);
    auto stored = co_await st_.io.desired.get(key, st_.io.clk.now() + 5s);
    if (!stored)
        co_return base::fail("read the drain mark", stored.error());
    const auto planned_on = static_cast<store::revision>(what.mark_revision);
    if (!*stored || (*stored)->modified != planned_on) {
        co_await wait_for_news();
        co_return outcome();
    }
    auto mark = records::decode_drain_mark((*stored)->value).value_or(model::drain_mark());
    auto& failure = mark.failed[what.component][what.carrier];
    failure = {failure.times + 1, what.why};
    store::transaction write;
    write.conditions.push_back({key, store::compare::target::modified, planned_on});
    write.operations.push_back({store::operation::kind::put, key, records::encode(mark), {}});
    auto done = co_await st_.io.desired.commit(std::move(write), st_.io.clk.now() + 5s);
    if (!done && done.error() != base::errc::conflict)
        co_return base::fail("write the drain mark", done.error());
    if (!done) {
        co_await wait_for_news();
        co_return outcome();
    }
    auto& me = st_.world.fleet->machines[st_.what.machine];
    if (me.mark_revision == what.mark_revision) {
        me.failed = std::move(mark.failed);
        me.mark_revision = static_cast<std::int64_t>(*done);
    }
    st_.tell({.what = happening::carrier_failed,
        .component = what.component,
        .text = planner::name_of(*st_.world.fleet, what.carrier) + ": " + what.why});
    co_return outcome();
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
    release.outcome_by = st_.what.machine;
    if (const auto crashes = known.crashes.find(what.release);
        what.outcome == model::release_outcome::failed && crashes != known.crashes.end())
        release.why_failed = crashes->second.last;
    if (*stored) {
        const auto present = records::decode_release((*stored)->value);
        if (present && present->outcome != model::release_outcome::pending)
            co_return outcome();  // somebody settled it; the watch brings it
        store::transaction write;
        write.conditions.push_back({key, store::compare::target::modified, (*stored)->modified});
        // Nor by a release that was ordered meanwhile: then this one is superseded.
        write.conditions.push_back({records::state_key(st_.what.project, what.component),
            store::compare::target::modified, static_cast<store::revision>(known.rollout.state_revision)});
        write.operations.push_back({store::operation::kind::put, key, records::encode(release), {}});
        auto done = co_await st_.io.desired.commit(std::move(write), st_.io.clk.now() + 5s);
        if (!done)
            co_return base::fail("write the release's outcome", done.error());
    }
    st_.world.components[what.component].releases[what.release] =
        std::make_shared<const model::release>(release);
    st_.tell({.what = happening::release_settled,
        .component = what.component,
        .release = what.release,
        .text = "release " + std::to_string(model::value_of(what.release)) + " is " +
                std::string(text_of(what.outcome)) +
                (release.why_failed ? ": " + release.why_failed->reason : "")});
    co_return outcome();
}

boost::asio::awaitable<executor::outcome> executor::take_order(planner::release_order what)
{
    auto who = "gantryd@" + st_.what.host;
    auto done = co_await control::release_order(st_.io.desired, st_.what.project, what.component,
        std::move(what.image), std::move(who), st_.io.clk, st_.io.clk.now() + 5s);
    if (!done && done.error() != base::errc::conflict)  // then another machine did it, or an operator
        co_return std::unexpected(done.error());
    co_return outcome();
}

}  // namespace gantryd::daemon
