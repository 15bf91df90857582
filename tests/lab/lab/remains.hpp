#pragma once
#include <chrono>
#include <filesystem>
#include <string>

namespace gantryd::integration {

/// What a lab has outside of its namespaces is a directory and cgroups; all the rest ends with its processes.
/// In the directory are
///   id      eight hex digits, unique on this machine: the cgroups are called gantryd-lab-ID
///   lock    locked for as long as the lab's keeper lives
///   nodes   a line "NAME PID" for the keeper, and for each node: the first process of its namespaces
///   NAME/   what the node's programs keep, with their logs and pid files

/// The name of the lab's cgroups under every controller.
std::string cgroup_of(const std::filesystem::path& directory);

/// Takes the lab's lock. -1 when somebody has it, or there is no such lab; else a descriptor that holds it.
int lock_lab(const std::filesystem::path& directory);

/// Lets processes go on that Docker has paused in cgroups under `name`: until then not even SIGKILL ends
/// them.
void thaw_cgroups(const std::string& name);

/// Removes the cgroups, when the last process is out of them, and the directory of a lab whose processes have
/// been killed. False when that has not succeeded after `limit`.
bool remove_remains(const std::filesystem::path& directory, std::chrono::milliseconds limit);

/// Removes the remains of those labs in `root` whose keeper was killed.
void sweep_labs(const std::filesystem::path& root);

}  // namespace gantryd::integration
