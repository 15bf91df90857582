#pragma once
#include "state.hpp"

#include <gantryd/health_policy/judgement.hpp>

#include <map>
#include <string>
#include <vector>

namespace gantryd::daemon {

/// Runs the checks that every instance should be under now: ready checks until it is ready, health checks
/// while it serves, termination checks while it drains.
class probes {
public:
    probes(state& st, runtime::task_scope& tasks) : st_(st), tasks_(tasks) {}

    /// Starts and stops checks so that they fit the world.
    void fit();

private:
    enum class stage { ready, health, termination };
    /// The checks of one instance in one stage of its life; `round` tells an old task's answer from a new
    /// one's.
    struct watch {
        stage now{};
        std::string address;
        std::uint64_t round = 0;
        std::vector<model::check_spec> checks;
        std::vector<health_policy::judgement> judgements;
        /// Termination checks come one after the other: how many have passed for good.
        std::size_t passed = 0;
        std::size_t begun = 0;  ///< of them, whose tasks were started
    };

    std::optional<watch> wanted_for(const planner::instance& of) const;
    void begin(const model::instance_name& name, watch what);
    /// Passes over connection checks whose time has come, and starts the check whose turn it is.
    void go_on(const model::instance_name& name, watch& of);
    /// Takes an answer; false when the check is not to be run again.
    bool take(const planner::instance& of, watch& what, std::size_t index, health::probe_result answer);
    static health_policy::verdict verdict_of(const watch& what);
    boost::asio::awaitable<void> run_check(model::instance_name name, std::size_t index, std::uint64_t round);
    void note(const model::instance_name& name, const watch& of);
    watch* find(const model::instance_name& name, std::uint64_t round);

    state& st_;
    std::map<model::instance_name, watch> watches_;
    std::uint64_t rounds_ = 0;
    runtime::task_scope& tasks_;
};

}  // namespace gantryd::daemon
