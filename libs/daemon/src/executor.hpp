#pragma once
#include "preflights.hpp"
#include "rollout_moves.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace gantryd::daemon {

/// Carries plans out, in tasks of the scope that it is given: one action per key at a time, each with a
/// deadline. What an action finds out goes into the world; a failed one is not begun again before its pause
/// is over.
class executor {
public:
    executor(state& st, runtime::task_scope& tasks) : st_(st), rollouts_(st), preflights_(st), tasks_(tasks)
    {
    }

    /// Begins what is not under way yet. Returns when the next action that is held back may be tried again.
    std::optional<base::time_point> begin(const std::vector<planner::action>& actions);

    std::size_t under_way() const noexcept { return busy_.size(); }

private:
    using outcome = base::result<void>;

    // The actions that take no time.
    void mark_ready(const planner::mark_ready& what);
    void begin_drain(const planner::begin_drain& what);
    void update_proxy(const planner::update_proxy& what);
    void fail_release(const planner::fail_release& what);

    // The others. Each takes its arguments by value and finds its instance anew after every co_await.
    boost::asio::awaitable<outcome> create(planner::create_instance what);
    boost::asio::awaitable<outcome> start(model::instance_name name);
    boost::asio::awaitable<outcome> condemn(planner::condemn_instance what);
    boost::asio::awaitable<outcome> send_signals(model::instance_name name);
    boost::asio::awaitable<outcome> stop_container(model::instance_name name);
    boost::asio::awaitable<outcome> kill_container(model::instance_name name);
    boost::asio::awaitable<outcome> remove(model::instance_name name);
    boost::asio::awaitable<outcome> settle(planner::settle_release what);
    boost::asio::awaitable<outcome> allot(planner::allot_link what);
    boost::asio::awaitable<outcome> take_order(planner::release_order what);
    boost::asio::awaitable<outcome> end_return(planner::end_return what);
    boost::asio::awaitable<outcome> pass_over(planner::pass_over what);
    /// After somebody else was first: time for the watch to bring it.
    boost::asio::awaitable<void> wait_for_news();
    boost::asio::awaitable<outcome> prepare(planner::prepare_release what);

    /// Asks Docker for the container of a new instance; its secrets are known for that long.
    boost::asio::awaitable<base::result<model::container_id>> ask_for_container(
        model::instance_name name, std::shared_ptr<const model::release> release);
    /// Makes the container of a new instance, its image pulled if need be and `may_pull`; the container's id.
    boost::asio::awaitable<base::result<model::container_id>> make_container(
        model::instance_name name, std::shared_ptr<const model::release> release, bool may_pull);
    /// Takes back an instance that no container was made for.
    outcome unmade(const planner::create_instance& what, const base::error& why);
    /// True when the engine does not know the instance's container any more; then it is no instance either.
    boost::asio::awaitable<bool> has_vanished(model::instance_name name);
    boost::asio::awaitable<outcome> pull_image(
        model::instance_name name, std::shared_ptr<const model::release> release);
    /// Sends one of its termination signals and tells what came of it.
    boost::asio::awaitable<void> send_signal(model::instance_name name, model::signal_spec signal);
    /// Inspects the container and puts what it is now into the world.
    boost::asio::awaitable<outcome> look(model::instance_name name);
    /// The failure's evidence: exit code, last log lines, last check.
    boost::asio::awaitable<model::evidence> gather(model::instance_name name, std::string why);

    struct task {
        std::string key;
        planner::setback about;  ///< what to say of it should it fail
        boost::asio::awaitable<outcome> work;
    };
    task about_instance(
        const model::instance_name& name, std::string_view verb, boost::asio::awaitable<outcome> work) const;
    /// What an action does, under its key; nothing for one that is done already.
    std::optional<task> task_for(const planner::action& what);
    boost::asio::awaitable<void> carry_out(
        std::string key, planner::setback about, boost::asio::awaitable<outcome> work);
    /// True while the action of this key failed when it was tried last.
    bool is_retry(const std::string& key) const { return penalties_.contains(key); }
    static std::string preparation_key(const planner::prepare_release& what);
    static std::string instance_key(const model::instance_name& name) { return "instance " + name.text(); }
    static std::string kill_key(const model::instance_name& name) { return "kill " + name.text(); }
    void note_failure(const std::string& key, planner::setback about, const base::error& why);
    /// Puts the penalties into the world, for those who ask what it waits for.
    void show_penalties();

    /// How long an action that failed waits, doubling with each failure in a row.
    struct penalty {
        base::duration next{};
        planner::setback told;
    };

    state& st_;
    rollout_moves rollouts_;
    preflights preflights_;
    std::set<std::string> busy_;
    /// Why the action of a key is about to fail, where there is a code for that; gone when it is told.
    std::map<std::string, planner::reason> faults_;
    std::map<std::string, penalty> penalties_;
    runtime::task_scope& tasks_;
};

}  // namespace gantryd::daemon
