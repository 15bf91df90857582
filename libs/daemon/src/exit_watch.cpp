#include "exit_watch.hpp"

#include <gantryd/runtime/process.hpp>

#include <fstream>
#include <string>

namespace gantryd::daemon {
namespace {

/// True when the process is one of this machine's and belongs to the container: the engine may be elsewhere,
/// and a number may have been given anew.
bool is_process_of(const model::container_id& container, std::int64_t pid)
{
    std::ifstream groups("/proc/" + std::to_string(pid) + "/cgroup");
    for (std::string line; std::getline(groups, line);)
        if (line.contains(container.text()))
            return true;
    return false;
}

}  // namespace

void exit_watch::fit()
{
    for (const auto& [name, instance] : st_.world.instances) {
        if (instance.now != planner::phase::running || instance.pid == 0 || watched_.contains(instance.pid))
            continue;
        watched_.insert(instance.pid);
        tasks_.spawn("exit of " + name.text(), watch(name, instance.container, instance.pid));
    }
}

boost::asio::awaitable<void> exit_watch::watch(
    model::instance_name name, model::container_id container, std::int64_t pid)
{
    const bool local = is_process_of(container, pid);
    if (local)
        co_await runtime::wait_for_exit(static_cast<pid_t>(pid));
    else if (runtime::is_alive(static_cast<pid_t>(pid)))
        co_return;  // somebody else's process of that number: the engine is on another machine
    watched_.erase(pid);
    auto* instance = st_.find(name);
    if (!local || instance == nullptr || instance->container != container || instance->pid != pid)
        co_return;
    st_.ended[container] = pid;
    instance->now = planner::phase::exited;
    instance->exit_code.reset();
    instance->pid = 0;
    st_.dirty.set();
}

}  // namespace gantryd::daemon
