#pragma once
#include <string>
#include <vector>

namespace gantryd::benchmark {

/// Milliseconds of each round: Docker's floor for one instance, and an update of three machines to the first
/// answer of the last one.
struct update_times {
    std::vector<double> floor;
    std::vector<double> update;  ///< with a client on each machine, who stays connected to the old instance
    /// Without clients: Docker stops and removes the old instance of a machine while the next one starts
    /// another, on the processors that all machines of the lab share.
    std::vector<double> unused;
};
update_times measure_updates(int rounds);

/// What so many machines cost.
struct scale_cost {
    int machines = 0;
    double seen_p50_ms = 0;  ///< from an update's commit to its plan on a machine, when all are at rest
    double seen_p99_ms = 0;
    double seen_max_ms = 0;
    double in_a_row_p99_ms = 0;       ///< where the machines have not come to rest after the update before
    double requests_per_minute = 0;   ///< of each machine, at rest
    double kilobytes_per_minute = 0;  ///< that etcd sends each machine, at rest
    double kilobytes_per_update = 0;  ///< that etcd sends each machine because of one update
};
scale_cost measure_scale(int machines, int updates);

/// The other program of measure_scale(): so many machines of a project, numbered from `first`, until it is
/// killed. Prints "MACHINE RELEASE NANOSECONDS" when a machine plans for a release, by the steady clock.
int simulate_machines(const std::string& project, int first, int count, const std::string& endpoints);

}  // namespace gantryd::benchmark
