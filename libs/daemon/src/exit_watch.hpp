#pragma once
#include "state.hpp"

#include <cstdint>
#include <set>
#include <utility>

namespace gantryd::daemon {

/// Watches the first process of every running container on this machine: the kernel tells of its end at once,
/// Docker some tens of milliseconds later, when it has cleaned up.
class exit_watch {
public:
    exit_watch(state& st, runtime::task_scope& tasks) : st_(st), tasks_(tasks) {}

    /// Begins to watch the processes that are new in the world.
    void fit();

private:
    boost::asio::awaitable<void> watch(
        model::instance_name name, model::container_id container, std::int64_t pid);

    state& st_;
    /// Those that turned out to be another machine's stay in it: they are not looked for again.
    std::set<std::pair<model::container_id, std::int64_t>> watched_;
    runtime::task_scope& tasks_;
};

}  // namespace gantryd::daemon
