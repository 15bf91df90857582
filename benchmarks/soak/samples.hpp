#pragma once
#include "process_use.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace gantryd::soak {

/// What was there at one quiet point of a soak: everything is as it was ordered, nothing is under way.
struct sample {
    std::chrono::seconds at{};  ///< since the soak began
    int acts = 0;               ///< so far
    benchmark::process_use daemon;
    benchmark::process_use client;  ///< of `events -f`, which has followed from the beginning
    double cpu_percent = 0;         ///< of one core, by the daemon, since the sample before
    std::int64_t ledger_kb = 0;
    std::int64_t store_kb = 0;
    std::size_t containers = 0;
    std::size_t proxy_processes = 0;
    std::int64_t requests = 0;  ///< so far
    std::int64_t failed = 0;
};

/// What a soak may cost and still pass. Beyond `warm_up` samples nothing may grow.
struct limits {
    std::size_t warm_up = 15;      ///< samples that are not looked at: the histories fill up
    std::int64_t growth_kb = 512;  ///< of the memory of each process, along the straight line that fits best
    std::int64_t ledger_kb = 8'192;  ///< SQLite lets the log of each grow to four megabytes, more in a burst
    std::int64_t store_kb = 16'384;
    std::size_t containers = 0;
    std::size_t proxy_processes = 2;  ///< its master and one worker
};

/// What speaks against "flat", one sentence each. Fewer than four samples after the warm-up prove nothing,
/// and say so.
std::vector<std::string> problems_in(const std::vector<sample>& all, const limits& most);

/// How much the memory grew from the first sample to the last, along the straight line that fits best.
double growth_kb(const std::vector<sample>& all, benchmark::process_use sample::* whose);

std::string heading();
std::string row(const sample& of);

}  // namespace gantryd::soak
