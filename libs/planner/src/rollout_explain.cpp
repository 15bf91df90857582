// What a machine of a fleet waits for.
#include "component_plan.hpp"

#include <gantryd/planner/preflight.hpp>
#include <gantryd/planner/rollout.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::planner::detail {
namespace {

class rollout_explainer {
public:
    rollout_explainer(const world& from, const roster& who, plan& out)
        : from_(from),
          of_(who.wish),
          who_(who),
          out_(out)
    {
    }

    void explain()
    {
        explain_identity();
        if (of_.hold || of_.intent != model::intent::ready || wanted_release(of_) == nullptr)
            return;
        explain_own_slot();
        explain_halt();
        explain_turn();
        explain_losses();
    }

private:
    condition& add(reason code, std::string text)
    {
        out_.conditions.push_back({.code = code, .component = of_.name, .text = std::move(text)});
        out_.conditions.back().command =
            fmt::format("gantryd status {} -c {}", from_.project.text(), of_.name.text());
        return out_.conditions.back();
    }

    std::int64_t wanted() const { return model::value_of(*of_.wanted); }

    bool is_halted() const
    {
        const auto* record = record_of(of_);
        return record != nullptr && planner::is_halted(*record);
    }

    std::string name_of(const model::machine_id& id) const { return planner::name_of(*from_.fleet, id); }

    std::string running() const
    {
        return who_.effective == nullptr ? "nothing"
                                         : fmt::format("release {}", model::value_of(who_.effective->number));
    }

    void explain_identity()
    {
        const auto& holder = from_.fleet->id_held_by;
        if (holder.empty())
            return;
        auto& c = add(reason::machine_id_taken,
            fmt::format("another gantryd, on {}, is there as machine {}", holder, from_.fleet->me.text()));
        c.then = "what runs here goes on and is healed; no release is changed before the other one has gone";
    }

    void explain_own_slot()
    {
        const auto slot = own_slot(from_, of_);
        if (!slot)
            return;
        const auto until = slots_usable_until(*from_.fleet, policy_of(of_));
        if (!until || *until <= from_.now) {
            auto& c = add(reason::presence_unconfirmed, "this machine is in the middle of its change, and "
                                                        "the store does not confirm that it is there");
            c.then = "it begins nothing new; it goes on when the store answers, or when it has a slot again";
            return;
        }
        if (of_.rollout.slots.at(*slot).what.release != *of_.wanted && explain_preparation())
            return;
        const auto ripe = ripe_at(from_, who_);
        if (!ripe || *ripe <= from_.now)
            return;
        auto& c = add(reason::waiting_healthy, fmt::format("release {} serves, and has to last for {}",
                                                   wanted(), base::human(policy_of(of_).min_healthy_time)));
        c.until = ripe;
        c.then = "the instances before it are drained, and the next machine follows";
    }

    void explain_halt()
    {
        const auto* record = record_of(of_);
        const bool open =
            of_.releases.at(*of_.wanted)->outcome == model::release_outcome::pending && is_halted();
        if (!open)
            return;
        auto& c = add(reason::rollout_paused,
            record->held ? fmt::format("{} has paused the rollout of release {}",
                               record->held_by.empty() ? "an operator" : record->held_by, wanted())
                         : fmt::format("the rollout of release {} was stopped by machine {}: {}", wanted(),
                               name_of(record->machine), record->why));
        c.then = "every machine stays as it is";
        c.command = fmt::format("gantryd resume {} -c {}", from_.project.text(), of_.name.text());
    }

    /// True when the release waits for a machine that could not run it yet, this one or another.
    bool explain_preparation()
    {
        std::optional<time_point> ignored;
        if (is_cleared(from_, of_, ignored))
            return false;
        if (!waits_for_preflights(from_, of_)) {
            auto& c = add(reason::waiting_preflight,
                fmt::format("this machine runs {} until it is sure that it could run release {}", running(),
                    wanted()));
            c.then = "it takes its turn";
            return true;
        }
        // Those that are at work are not named: every machine's report would change with every other one.
        const auto obstacles = text_of_unprepared(from_, of_, true);
        auto& c = add(reason::waiting_preflight,
            fmt::format("no machine is touched before all of them could run release {}{}{}", wanted(),
                obstacles.empty() ? "" : "; ", obstacles));
        c.until = preparation_deadline(of_);
        c.then = c.until ? "the release fails; when all could run it before, the first machine changes"
                         : "the first machine changes when all could run it";
        return true;
    }

    /// Who has to change, and may not yet.
    void explain_turn()
    {
        const auto* goal = goal_of(of_);
        const bool there = who_.effective == goal && who_.may_begin;
        if (goal == nullptr || there || own_slot(from_, of_) || is_halted())
            return;
        if (explain_preparation())
            return;
        std::optional<time_point> turn;
        (void)claimable_slot(from_, of_, turn);
        const auto run = who_.may_begin ? running() : "nothing";
        if (goal->number < *of_.wanted) {
            const auto* record = record_of(of_);
            auto& c = add(reason::rollout_stopped,
                fmt::format("release {} failed{}; this machine runs {}", wanted(),
                    record == nullptr || record->machine.empty() ? "" : " on " + name_of(record->machine),
                    run));
            c.then =
                fmt::format("it goes back to release {} when a slot is free", model::value_of(goal->number));
            return;
        }
        // Who changes just now is not named: every waiting machine's report would change with each turn.
        auto& c = add(
            reason::waiting_slot, fmt::format("this machine runs {} until its turn for release {} comes; {}",
                                      run, wanted(), turn ? "the next one is due" : at_a_time()));
        c.until = turn;
        c.then = who_.ahead.empty() ? "it changes when a slot is free"
                                    : "it changes when a slot is free; the new container is made already";
    }

    std::string at_a_time() const
    {
        const int slots = slots_of(from_, of_);
        return slots == 1 ? "one machine changes at a time"
                          : fmt::format("{} machines change at a time", slots);
    }

    void explain_losses()
    {
        for (const auto& [number, slot] : of_.rollout.slots) {
            const auto gone = holder_gone_since(from_, slot);
            if (slot.what.machine == from_.fleet->me || !gone)
                continue;
            auto& c = add(reason::machine_lost,
                fmt::format("machine {} is away in the middle of its change to release {}",
                    name_of(slot.what.machine), model::value_of(slot.what.release)));
            c.since = gone;
            c.until = *gone + policy_of(of_).lost_after;
            c.then = "it is passed over";
        }
    }

    const world& from_;
    const component& of_;
    const roster& who_;
    plan& out_;
};

}  // namespace

void explain_rollout(const world& from, const roster& who, plan& out)
{
    if (from.fleet)
        rollout_explainer(from, who, out).explain();
}

}  // namespace gantryd::planner::detail
