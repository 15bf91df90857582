#include "fleet.hpp"

#include <gantryd/control/machines.hpp>
#include <gantryd/daemon/store_copy.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace gantryd::daemon {
namespace {

const model::component_name web("web");

/// 2 of "shop-web-2-1".
int release_in(std::string_view container)
{
    constexpr std::string_view prefix = "shop-web-";
    if (!container.starts_with(prefix))
        return 0;
    container.remove_prefix(prefix.size());
    return std::stoi(std::string(container.substr(0, container.find('-'))));
}

}  // namespace

fleet::fleet(int machines, unsigned seed) : seed_(seed)
{
    for (int i = 1; i <= machines; ++i)
        (void)add("m" + std::to_string(i));
}

machine& fleet::add(const std::string& id)
{
    auto& made = members_.emplace_back();
    made.there = std::make_unique<machine>(sim, id, seed_ * 100 + static_cast<unsigned>(members_.size()));
    auto way = std::make_unique<link_store>(sim.clock, *books);
    made.link = way.get();
    made.there->desired = std::move(way);
    made.there->books = books.get();
    return *made.there;
}

void fleet::start_all()
{
    for (auto& each : members_)
        each.there->start();
}

fleet::~fleet()
{
    for (std::size_t i = 1; i <= size(); ++i)
        crash(i);
}

void fleet::crash(std::size_t number)
{
    link(number).drop();
    at(number).crash();
    link(number).heal();
}

void fleet::make_slow()
{
    for (auto& each : members_) {
        each.there->make_slow();
        each.link->latency = 1ms;
    }
}

void fleet::always(std::string what, std::function<bool()> holds)
{
    rules_.emplace_back(std::move(what), std::move(holds));
}

void fleet::step(runtime::duration time)
{
    sim.clock.advance(time);
    for (auto& each : members_)
        check(each);
    for (auto& [what, holds] : rules_)
        if (holds && !holds()) {
            ADD_FAILURE() << "not any more: " << what;
            holds = nullptr;
        }
}

bool fleet::may_start(machine& on, int release)
{
    if (outcome_of(release) != model::release_outcome::pending)
        return true;
    for (const auto& [number, pair] : slots())
        if (records::decode_slot(pair.value)->machine.text() == on.id)
            return true;
    const auto step = records::decode_rollout_step(
        value_of(records::step_key(on.project, web, model::machine_id(on.id))).value_or(""));
    return step && model::value_of(step->release) == release;
}

void fleet::check(member& of)
{
    of.there->check();
    const auto& calls = of.there->docker.calls;
    for (; of.calls_seen < calls.size(); ++of.calls_seen) {
        const std::string_view call = calls[of.calls_seen];
        constexpr std::string_view start = "start ";
        if (call.starts_with(start)) {
            const auto release = release_in(call.substr(start.size()));
            if (release == 0)
                continue;  // a container that is not there: named by its id
            EXPECT_TRUE(may_start(*of.there, release)) << of.there->id << " has no slot and does " << call;
        }
    }
    const bool serves = !of.there->serving().empty();
    EXPECT_TRUE(serves || !of.served || may_stop_serving) << of.there->id << " does not serve any more";
    of.served = serves;
}

void fleet::run_for(runtime::duration time, runtime::duration one)
{
    for (const auto end = sim.clock.now() + time; sim.clock.now() < end;)
        step(std::min(one, end - sim.clock.now()));
}

bool fleet::run_until(const std::function<bool()>& done, runtime::duration limit, runtime::duration one)
{
    for (const auto end = sim.clock.now() + limit; sim.clock.now() < end; step(one))
        if (done())
            return true;
    return done();
}

int fleet::release(model::component_spec spec, const std::string& tag)
{
    for (auto& each : members_)
        each.there->add_image(spec, tag);
    return static_cast<int>(model::value_of(at(1).release(std::move(spec), tag)));
}

void fleet::make_live(const std::string& tag)
{
    const auto number = release(tag);
    EXPECT_TRUE(run_until([&] {
        return outcome_of(number) == model::release_outcome::live && all_run(number);
    })) << "release "
        << number << " did not go live";
}

void fleet::set_intent(model::intent intent)
{
    may_stop_serving = may_stop_serving || intent != model::intent::ready;
    at(1).set_intent("web", intent);
}

void fleet::set_drain(std::size_t number, bool drains)
{
    may_stop_serving = true;
    const auto done =
        sim.outcome_after(0ms, control::set_drain(*books, at(1).project, model::machine_id(at(number).id),
                                   drains, {}, "ann@alpha", sim.clock, sim.clock.now() + 5s));
    EXPECT_TRUE(done && *done);
}

base::result<std::size_t> fleet::forget(std::size_t number)
{
    auto done = sim.outcome_after(0ms, control::forget_machine(*books, at(1).project,
                                           model::machine_id(at(number).id), sim.clock.now() + 5s));
    if (!done)
        throw std::logic_error("a store in memory answers at once");
    return std::move(*done);
}

std::size_t fleet::serving()
{
    std::size_t out = 0;
    for (std::size_t i = 1; i <= size(); ++i)
        out += serving_on(i);
    return out;
}

bool fleet::nobody_is_marked()
{
    return std::ranges::none_of(members_, [&](const member& each) {
        const auto key = records::drain_key(each.there->project, model::machine_id(each.there->id));
        return value_of(key).has_value();
    });
}

std::optional<std::string> fleet::value_of(const std::string& key) { return at(1).value_of(key); }

std::optional<model::rollout> fleet::record()
{
    auto found = records::decode_rollout(value_of(records::rollout_key(at(1).project, web)).value_or(""));
    return found ? std::optional(std::move(*found)) : std::nullopt;
}

std::map<int, store::key_value> fleet::slots()
{
    std::map<int, store::key_value> out;
    auto prefix = records::slot_key(at(1).project, web, 0);
    prefix.pop_back();
    const auto all = sim.outcome_after(0ms, books->list(prefix, sim.clock.now() + 5s));
    if (!all || !*all)
        throw std::logic_error("a store in memory answers at once");
    for (const auto& pair : (*all)->pairs)
        if (const auto part = records::parse_rollout_key(at(1).project, pair.key))
            out[part->slot] = pair;
    return out;
}

std::string fleet::holder(int slot)
{
    const auto all = slots();
    const auto found = all.find(slot);
    return found == all.end() ? std::string() : records::decode_slot(found->second.value)->machine.text();
}

std::set<int> fleet::running_on(std::size_t number)
{
    std::set<int> out;
    auto& on = at(number);
    const auto leaving = on.draining();
    for (const auto& name : on.containers())
        if (on.is_running(name) && !leaving.contains(name))
            out.insert(release_in(name));
    return out;
}

int fleet::in_change()
{
    int out = 0;
    for (std::size_t i = 1; i <= size(); ++i)
        out += running_on(i).size() > 1 ? 1 : 0;
    return out;
}

bool fleet::is_over(int release)
{
    return outcome_of(release) == model::release_outcome::live && all_run(release) && slots().empty();
}

bool fleet::all_run(int release)
{
    for (std::size_t i = 1; i <= size(); ++i) {
        const auto now = at(i).serving();
        if (now.empty() || now != at(i).containers() ||
            !std::ranges::all_of(now, [&](const auto& name) { return release_in(name) == release; }))
            return false;
    }
    return true;
}

bool fleet::all_serve()
{
    return std::ranges::none_of(members_, [](const member& each) { return each.there->serving().empty(); });
}

std::string fleet::describe()
{
    auto out = "rollout " + value_of(records::rollout_key(at(1).project, web)).value_or("none") + "\n";
    for (const auto& [number, pair] : slots())
        out += fmt::format("slot {} {}\n", number, pair.value);
    for (auto& each : members_) {
        auto& m = *each.there;
        const auto step = value_of(records::step_key(m.project, web, model::machine_id(m.id)));
        const auto here = value_of(records::machine_key(m.project, model::machine_id(m.id)));
        out += fmt::format("{}{} step {} containers", m.id, here ? "" : " (away)", step.value_or("none"));
        for (const auto& name : m.containers())
            out += " " + name + (m.is_running(name) ? "" : " (ended)");
        out += "\n";
        if (const auto report = m.report_on())
            for (const auto& c : report->conditions)
                out += fmt::format("    {} {}: {}\n", c.code, c.instance, c.text);
    }
    for (const auto& event : at(1).events())
        if (event.code.starts_with("slot_") || event.code == "release_settled" ||
            event.code == "instance_failed")
            out += fmt::format("  {} {} {}: {}\n", event.at.time_since_epoch() / 1s, event.machine.text(),
                event.code, event.text);
    return out;
}

std::size_t fleet::changes()
{
    std::size_t out = 0;
    for (auto& each : members_)
        out += each.there->changes_since(0).size();
    return out;
}

std::optional<kept_state> fleet::copy_of(std::size_t number)
{
    auto& on = at(number);
    const auto in_time = sim.clock.now() + 5s;
    auto kept = sim.outcome_after(0ms, read_copy(*on.ledger, {on.project, on.store_members}, in_time));
    if (!kept || !*kept)
        throw std::logic_error("a ledger in memory answers at once");
    return std::move(**kept);
}

bool fleet::has_copy(std::size_t number)
{
    const auto kept = copy_of(number);
    const auto& project = at(number).project;
    const auto all =
        sim.outcome_after(0ms, books->list(records::project_prefix(project), sim.clock.now() + 5s));
    if (!all || !*all)
        throw std::logic_error("a store in memory answers at once");
    std::vector<store::key_value> said;
    for (const auto& pair : (*all)->pairs)
        if (pair.key.starts_with(records::components_prefix(project)) || pair.key.ends_with("/drain"))
            said.push_back(pair);
    return kept && kept->said.pairs == said;
}

void fleet::expect_quiet(runtime::duration after, runtime::duration step)
{
    run_for(after, step);
    const auto before = changes();
    run_for(2min, 100ms);
    EXPECT_EQ(changes(), before) << describe();
}

running_fleet::running_fleet(int machines, unsigned seed) : fleet(machines, seed)
{
    make_slow();
    start_all();
    make_live("1");
}

}  // namespace gantryd::daemon
