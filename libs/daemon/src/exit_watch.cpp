#include "exit_watch.hpp"

#include <gantryd/runtime/process.hpp>

#include <algorithm>

namespace gantryd::daemon {

void exit_watch::fit()
{
    if (watched_.size() > st_.world.instances.size())
        std::erase_if(watched_, [&](const auto& process) {
            return std::ranges::none_of(st_.world.instances,
                [&](const auto& entry) { return entry.second.container == process.first; });
        });
    for (const auto& [name, instance] : st_.world.instances) {
        if (instance.now != planner::phase::running || instance.pid == 0)
            continue;
        if (watched_.emplace(instance.container, instance.pid).second)
            tasks_.spawn("exit of " + name.text(), watch(name, instance.container, instance.pid));
    }
}

boost::asio::awaitable<void> exit_watch::watch(
    model::instance_name name, model::container_id container, std::int64_t pid)
{
    if (!runtime::is_in_cgroup(static_cast<pid_t>(pid), container.text()))
        co_return;  // the engine is on another machine, or it is over and Docker will say so
    co_await runtime::wait_for_exit(static_cast<pid_t>(pid));
    auto* instance = st_.find(name);
    if (instance == nullptr || instance->container != container || instance->pid != pid)
        co_return;
    st_.ended[container] = pid;
    instance->now = planner::phase::exited;
    instance->exit_code.reset();
    instance->pid = 0;
    st_.dirty.set();
}

}  // namespace gantryd::daemon
