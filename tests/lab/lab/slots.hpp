#pragma once
#include "lab/history.hpp"
#include "lab/lab.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gantryd::integration {

/// Who has a slot of a rollout.
struct slot_holder {
    std::string machine;     ///< its name in the lab; its id when it is none of the lab's
    std::int64_t token = 0;  ///< the revision of etcd that made the slot

    friend bool operator==(const slot_holder&, const slot_holder&) = default;
};

/// What etcd said of a component's slots at some moment from `begun` to `answered`.
struct slot_reading {
    std::chrono::steady_clock::time_point begun;
    std::chrono::steady_clock::time_point answered;
    std::map<int, slot_holder> holders;
};

/// Reads a component's slots in etcd again and again. While etcd does not answer there are no readings.
class slot_watch {
public:
    /// Copies what it needs of the lab but for its network, which has to be there until the end.
    slot_watch(const lab& where, std::string project, std::string component);
    slot_watch(const slot_watch&) = delete;
    slot_watch& operator=(const slot_watch&) = delete;
    ~slot_watch();

    std::vector<slot_reading> so_far() const;
    /// Who has this slot by the last reading; "" for nobody.
    std::string holder(int slot = 0) const;
    /// Ends it.
    std::vector<slot_reading> finish();

private:
    void watch();

    node router_;
    std::vector<std::string> members_;  ///< their addresses
    std::vector<machine> machines_;
    std::string project_;
    std::string component_;
    std::atomic<bool> stop_ = false;
    mutable std::mutex mutex_;
    std::vector<slot_reading> readings_;
    std::thread thread_;
};

/// Who had the slot, one after the other.
std::vector<slot_holder> succession(const std::vector<slot_reading>& readings, int slot = 0);

/// A line for each time when a machine on which something ran began another image, and had no slot by any
/// reading of that time. Empty is good. Times without a reading are passed over.
std::vector<std::string> begun_without_slot(const history& all, const std::vector<slot_reading>& readings);

}  // namespace gantryd::integration
