#include "rollout_moves.hpp"

#include "rollout_records.hpp"

#include <gantryd/planner/rollout.hpp>
#include <gantryd/records/codec.hpp>

#include <fmt/format.h>

#include <set>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;
using model::rollout_verdict;
using planner::rollout_move;

/// How long a move that came too late lets the watch tell why, and the same once more at random.
constexpr auto after_conflict = 50ms;

store::operation put(std::string key, std::string value)
{
    return {store::operation::kind::put, std::move(key), std::move(value), {}};
}

store::operation erase(std::string key) { return {store::operation::kind::erase, std::move(key), {}, {}}; }

store::revision revision(std::int64_t number) { return static_cast<store::revision>(number); }

bool is_known(const planner::component& of, const planner::move_rollout& what)
{
    const bool has_slot = of.rollout.slots.contains(what.slot);
    const auto* record = planner::record_of(of);
    const bool of_wanted = of.wanted == what.release && of.releases.contains(what.release);
    switch (what.what) {
    case rollout_move::claim: return of_wanted && !has_slot;
    case rollout_move::pass_on: return of_wanted && has_slot;
    case rollout_move::leave: return has_slot && (!what.ends || (of_wanted && record != nullptr));
    case rollout_move::fail:
    case rollout_move::halt: return of_wanted;
    case rollout_move::finish: return of_wanted && record != nullptr;
    case rollout_move::declare_lost: return has_slot;
    }
    return false;
}

}  // namespace

std::string rollout_moves::name_of(const planner::move_rollout& what)
{
    const auto release = model::value_of(what.release);
    switch (what.what) {
    case rollout_move::claim: return fmt::format("take a slot for release {}", release);
    case rollout_move::pass_on: return fmt::format("pass the slot on to release {}", release);
    case rollout_move::leave: return "free the slot";
    case rollout_move::fail: return fmt::format("record release {} as failed", release);
    case rollout_move::halt: return fmt::format("halt the rollout of release {}", release);
    case rollout_move::finish: return fmt::format("record release {} as live", release);
    case rollout_move::declare_lost: return fmt::format("free slot {} of a lost machine", what.slot);
    }
    return "move";
}

void rollout_moves::compare_wish(const planner::component& of, store::transaction& write) const
{
    write.conditions.push_back({records::state_key(st_.what.project, of.name),
        store::compare::target::modified, revision(of.rollout.state_revision)});
}

void rollout_moves::compare_slot(const planner::component& of, int slot, store::transaction& write) const
{
    const auto known = of.rollout.slots.find(slot);
    const auto token = known == of.rollout.slots.end() ? 0 : known->second.token;
    write.conditions.push_back({records::slot_key(st_.what.project, of.name, slot),
        store::compare::target::created, revision(token)});
}

/// That nobody gets done is not true of somebody whose slot is another's by now, unseen from here.
void rollout_moves::compare_others(const planner::component& of, store::transaction& write) const
{
    constexpr std::size_t most_compared = 100;  // etcd takes 128 conditions
    const auto own = planner::own_slot(st_.world, of);
    std::set<int> numbers{0};  // the first to be taken by somebody of whom we know nothing
    for (const auto& [number, claim] : of.rollout.slots)
        numbers.insert(number);
    for (const auto number : numbers)
        if (number != own && write.conditions.size() < most_compared)
            compare_slot(of, number, write);
}

void rollout_moves::put_record(
    const planner::component& of, const model::rollout& record, store::transaction& write) const
{
    const auto key = records::rollout_key(st_.what.project, of.name);
    write.conditions.push_back({key, store::compare::target::modified, revision(of.rollout.record_revision)});
    write.operations.push_back(put(key, records::encode(record)));
}

model::rollout rollout_moves::record_for(
    const planner::component& of, const planner::move_rollout& what) const
{
    if (const auto* there = planner::record_of(of); there != nullptr && there->slots > 0)
        return *there;
    model::rollout out;
    if (const auto* there = planner::record_of(of))
        out = *there;
    const auto outcome = of.releases.at(what.release)->outcome;
    out.release = what.release;
    out.slots = what.slots;
    out.verdict = outcome == model::release_outcome::live     ? rollout_verdict::done
                  : outcome == model::release_outcome::failed ? rollout_verdict::failed
                                                              : rollout_verdict::running;
    out.began_at = st_.io.clk.wall_now();
    return out;
}

model::rollout rollout_moves::verdict(
    const planner::component& of, const planner::move_rollout& what, model::rollout_verdict verdict) const
{
    auto out = record_for(of, what);
    out.verdict = verdict;
    out.machine = st_.what.machine;
    out.why = what.why;
    st_.conceal(of.name, out.why);
    out.ended_at = st_.io.clk.wall_now();
    return out;
}

void rollout_moves::put_outcome(const planner::component& of, model::release_number number,
    model::release_outcome outcome, const std::optional<model::evidence>& why,
    store::transaction& write) const
{
    auto release = *of.releases.at(number);
    release.outcome = outcome;
    release.outcome_at = st_.io.clk.wall_now();
    release.outcome_by = st_.what.machine;
    release.why_failed = why;
    write.operations.push_back(
        put(records::release_key(st_.what.project, of.name, number), records::encode(release)));
}

store::transaction rollout_moves::claim(const planner::component& of, const planner::move_rollout& what) const
{
    store::transaction out;
    compare_wish(of, out);
    compare_slot(of, what.slot, out);
    const auto record = record_for(of, what);
    if (const auto* there = planner::record_of(of); there == nullptr || *there != record)
        put_record(of, record, out);
    else
        out.conditions.push_back({records::rollout_key(st_.what.project, of.name),
            store::compare::target::modified, revision(of.rollout.record_revision)});
    const model::slot slot{st_.what.machine, what.release, st_.io.clk.wall_now()};
    out.operations.push_back(
        put(records::slot_key(st_.what.project, of.name, what.slot), records::encode(slot)));
    // What this machine has shown before counts no longer.
    if (of.rollout.steps.contains(st_.what.machine))
        out.operations.push_back(erase(records::step_key(st_.what.project, of.name, st_.what.machine)));
    return out;
}

store::transaction rollout_moves::leave(const planner::component& of, const planner::move_rollout& what) const
{
    store::transaction out;
    compare_slot(of, what.slot, out);
    out.operations.push_back(erase(records::slot_key(st_.what.project, of.name, what.slot)));
    if (what.release == model::release_number{})
        return out;
    compare_wish(of, out);
    const model::rollout_step step{what.release, st_.io.clk.wall_now()};
    out.operations.push_back(
        put(records::step_key(st_.what.project, of.name, st_.what.machine), records::encode(step)));
    if (!what.ends)
        return out;
    put_record(of, verdict(of, what, rollout_verdict::done), out);
    put_outcome(of, what.release, model::release_outcome::live, {}, out);
    return out;
}

store::transaction rollout_moves::judge(const planner::component& of, const planner::move_rollout& what) const
{
    store::transaction out;
    compare_wish(of, out);
    const auto slot = planner::own_slot(st_.world, of);
    if (slot)
        compare_slot(of, *slot, out);
    if (!of.task || of.task->failed != what.release)
        compare_others(of, out);
    if (what.what == rollout_move::halt) {
        put_record(of, verdict(of, what, rollout_verdict::paused), out);
        if (slot)
            out.operations.push_back(erase(records::slot_key(st_.what.project, of.name, *slot)));
        return out;
    }
    put_record(of, verdict(of, what, rollout_verdict::failed), out);
    model::evidence why{.reason = what.why};
    if (const auto crashes = of.crashes.find(what.release);
        of.task && of.task->failed == what.release && crashes != of.crashes.end())
        why = crashes->second.last;
    put_outcome(of, what.release, model::release_outcome::failed, why, out);
    return out;
}

store::transaction rollout_moves::finish(
    const planner::component& of, const planner::move_rollout& what) const
{
    store::transaction out;
    compare_wish(of, out);
    put_record(of, verdict(of, what, rollout_verdict::done), out);
    put_outcome(of, what.release, model::release_outcome::live, {}, out);
    return out;
}

store::transaction rollout_moves::declare_lost(
    const planner::component& of, const planner::move_rollout& what) const
{
    store::transaction out;
    compare_slot(of, what.slot, out);
    const auto& machine = of.rollout.slots.at(what.slot).what.machine;
    if (!machine.empty())
        out.conditions.push_back({records::machine_key(st_.what.project, machine),
            store::compare::target::created, store::revision{}});
    out.operations.push_back(erase(records::slot_key(st_.what.project, of.name, what.slot)));
    return out;
}

store::transaction rollout_moves::transaction_for(
    const planner::component& of, const planner::move_rollout& what) const
{
    switch (what.what) {
    case rollout_move::claim:
    case rollout_move::pass_on: return claim(of, what);
    case rollout_move::leave: return leave(of, what);
    case rollout_move::fail:
    case rollout_move::halt: return judge(of, what);
    case rollout_move::finish: return finish(of, what);
    case rollout_move::declare_lost: return declare_lost(of, what);
    }
    return {};
}

void rollout_moves::take(
    const store::transaction& written, store::revision at, const planner::component& before)
{
    for (const auto& op : written.operations) {
        const auto part = records::parse_rollout_key(st_.what.project, op.key);
        if (op.what == store::operation::kind::erase) {
            if (part)
                drop_rollout_part(st_, *part, op.key, at);
            continue;
        }
        store::key_value pair{op.key, op.value, at, at, {}};
        if (part && part->what == records::rollout_part::kind::slot)
            if (const auto slot = before.rollout.slots.find(part->slot); slot != before.rollout.slots.end())
                pair.created = revision(slot->second.token);  // writing it again makes no new one
        take_desired(st_, pair);
    }
}

std::string rollout_moves::slot_text(const planner::move_rollout& what) const
{
    const auto& rollout = st_.world.components.at(what.component).rollout;
    const auto slots = rollout.record ? rollout.record->slots : what.slots;
    return fmt::format("slot {} of {}", what.slot + 1, slots);
}

void rollout_moves::tell(const planner::move_rollout& what)
{
    const auto number = model::value_of(what.release);
    fact out{.component = what.component, .release = what.release};
    switch (what.what) {
    case rollout_move::claim:
    case rollout_move::pass_on:
        out.what = happening::slot_taken;
        out.text = fmt::format("{} for release {}", slot_text(what), number);
        break;
    case rollout_move::leave:
        out.what = happening::slot_freed;
        if (number == 0)
            out.release.reset();
        out.text = slot_text(what) +
                   (number == 0 ? ", without a change" : fmt::format("; release {} runs here", number));
        break;
    case rollout_move::halt:
        out.what = happening::rollout_halted;
        out.text = fmt::format("release {} failed, and every machine stays as it is: {}", number, what.why);
        break;
    case rollout_move::declare_lost:
        out.what = happening::slot_lost;
        out.text = slot_text(what) + " is free again: its machine was away for too long";
        break;
    case rollout_move::fail:
    case rollout_move::finish: break;
    }
    if (!out.text.empty())
        st_.tell(out);
    if (what.what == rollout_move::finish || what.what == rollout_move::fail || what.ends)
        st_.tell({.what = happening::release_settled,
            .component = what.component,
            .release = what.release,
            .text = fmt::format("release {} {}{}", number,
                what.what == rollout_move::fail ? "failed: " : "is live", what.why)});
}

boost::asio::awaitable<base::result<void>> rollout_moves::make(planner::move_rollout what)
{
    const auto found = st_.world.components.find(what.component);
    if (found == st_.world.components.end() || !is_known(found->second, what))
        co_return base::result<void>();
    const auto before = found->second;
    const auto written = transaction_for(before, what);
    auto write = written;
    auto done = co_await st_.io.desired.commit(std::move(write), st_.io.clk.now() + 5s);
    if (!done && done.error() == base::errc::conflict) {
        const auto spread = std::chrono::milliseconds(st_.io.random() % (after_conflict / 1ms));
        co_await st_.io.clk.sleep_until(st_.io.clk.now() + after_conflict + spread);
        co_return base::result<void>();
    }
    if (!done)
        co_return base::fail(name_of(what), done.error());
    take(written, *done, before);
    auto& component = st_.world.components[what.component];
    if (what.what == rollout_move::claim) {  // what came of an earlier try is no verdict on this one
        component.crashes.erase(what.release);
        st_.memory.forget(what.component, what.release);
    }
    tell(what);
    co_return base::result<void>();
}

}  // namespace gantryd::daemon
