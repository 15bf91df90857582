#pragma once
#include "lab/history.hpp"
#include "lab/lab.hpp"
#include "load/driver.hpp"
#include "traffic.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gantryd::integration {

/// The same open load on every machine, from the machine itself: what its own clients see.
class fleet_load {
public:
    explicit fleet_load(const std::vector<machine>& machines, const load::options& what);

    /// What was sent and lost, by the machine's name.
    std::map<std::string, load::report> finish();

private:
    std::map<std::string, std::unique_ptr<background_load>> each_;
};

struct observed {
    std::string project;
    std::string component;
    std::uint16_t port = 0;                ///< the external one
    std::chrono::milliseconds period{50};  ///< a look costs some milliseconds of the Engine's time
};

/// Looks at every machine again and again, as a stranger can: by HTTP on the machine, and at the list of its
/// Engine's containers.
class observer {
public:
    observer(const std::vector<machine>& machines, observed what);
    observer(const observer&) = delete;
    observer& operator=(const observer&) = delete;
    ~observer();

    history so_far() const;

    /// Ends it, with one more look at each machine that begins after this call.
    history finish();

private:
    void watch(const machine& where);

    observed what_;
    std::atomic<bool> stop_ = false;
    mutable std::mutex mutex_;
    history seen_;
    std::vector<std::thread> threads_;
};

/// One look at a machine. Of the calling thread's network if `what` has a port, which must be the machine's.
observation look_at(const machine& where, const observed& what);

}  // namespace gantryd::integration
