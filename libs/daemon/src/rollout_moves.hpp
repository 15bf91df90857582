#pragma once
#include "state.hpp"

namespace gantryd::daemon {

/// Makes moves of rollouts: one transaction each, which compares what the move was planned on. One that the
/// store refuses because of that is no failure: the watch brings what is new, and it is planned again.
class rollout_moves {
public:
    explicit rollout_moves(state& st) : st_(st) {}

    /// Errors: the store's, except conflict. Cancellation: terminal; the move was made or not.
    boost::asio::awaitable<base::result<void>> make(planner::move_rollout what);

    /// "take a slot for release 7": of whom a failure is told.
    static std::string name_of(const planner::move_rollout& what);

private:
    void compare_wish(const planner::component& of, store::transaction& write) const;
    void compare_slot(const planner::component& of, int slot, store::transaction& write) const;
    void compare_others(const planner::component& of, store::transaction& write) const;
    void put_record(
        const planner::component& of, const model::rollout& record, store::transaction& write) const;
    /// The record as it is or, where a rollout of that release has not begun, a new one.
    model::rollout record_for(const planner::component& of, const planner::move_rollout& what) const;
    model::rollout verdict(const planner::component& of, const planner::move_rollout& what,
        model::rollout_verdict verdict) const;
    void put_outcome(const planner::component& of, model::release_number number,
        model::release_outcome outcome, const std::optional<model::evidence>& why,
        store::transaction& write) const;

    store::transaction claim(const planner::component& of, const planner::move_rollout& what) const;
    store::transaction leave(const planner::component& of, const planner::move_rollout& what) const;
    store::transaction judge(const planner::component& of, const planner::move_rollout& what) const;
    store::transaction finish(const planner::component& of, const planner::move_rollout& what) const;
    store::transaction declare_lost(const planner::component& of, const planner::move_rollout& what) const;
    store::transaction transaction_for(const planner::component& of, const planner::move_rollout& what) const;

    /// What was written is known at once, without waiting for the watch.
    void take(const store::transaction& written, store::revision at, const planner::component& before);
    void tell(const planner::move_rollout& what);
    std::string slot_text(const planner::move_rollout& what) const;

    state& st_;
};

}  // namespace gantryd::daemon
