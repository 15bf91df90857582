#pragma once
#include "scene.hpp"

#include <chrono>
#include <vector>

namespace gantryd::benchmark {

/// From a release's commit to the daemon's log line about it, and a bare SQLite commit beside it.
struct watch_times {
    std::vector<double> seen_ms;
    std::vector<double> commit_ms;
};
watch_times measure_watch(const scene& of, int rounds);

/// CPU share (of one core) and resident memory of a daemon that has nothing to do but its checks.
struct idle_cost {
    double cpu_percent = 0;
    double resident_mb = 0;
};
idle_cost measure_idle(pid_t daemon, std::chrono::seconds during);

}  // namespace gantryd::benchmark
