#pragma once
#include "load/report.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace gantryd::zero_loss {

struct under_load {
    load::report seen;
    double stolen_percent = 0;  ///< of the machine's time, by its host, meanwhile

    void add(const under_load& more);
};

/// What a proof found.
struct outcome : under_load {
    /// One sentence for each thing that was lost, and for each that was to happen and did not. Empty: proved.
    std::vector<std::string> problems;
    std::string done;        ///< what was done under the load
    std::string daemon_log;  ///< to find out why
};

/// What else happens during an update, at random moments.
enum class disturbance {
    none,
    reload,  ///< HAProxy is reloaded
    kill,    ///< gantryd is killed and started again
    both,    ///< each for itself, and gantryd killed while HAProxy reloads
};

struct update_proof {
    std::string project;  ///< a name that no other project of the machine has
    int updates = 100;
    double rate = 1'000;
    disturbance with = disturbance::none;
    std::uint32_t seed = 1;
    bool compare = true;  ///< measure the same load without updates too, and with Docker alone at work
};

/// Updates in a row under load, each to a version of its own. No request may fail, each version must be seen.
/// What they are compared with is measured in turn with them, ten updates at a time: the neighbours of a
/// machine come and go in minutes, and meet all three alike.
struct update_outcome : outcome {
    under_load quiet;  ///< the same load as long, and nothing happens
    under_load floor;  ///< Docker starts and removes as many containers, without gantryd
};
update_outcome prove_updates(update_proof what);

struct stream_proof {
    std::string project;
    int updates = 10;
    int streams = 50;  ///< half of them raw TCP, half upgraded HTTP
    disturbance with = disturbance::none;
    std::uint32_t seed = 1;
};

/// Streams that are older than all updates, and others that begin and end meanwhile. None may be cut, and
/// when they have ended every old container must go without waiting for its drain's deadline.
outcome prove_streams(stream_proof what);

struct crash_proof {
    std::string project;
    std::chrono::seconds duration{60};
    std::chrono::milliseconds pause{2'000};  ///< between two crashes
    double rate = 500;
};

/// Two instances, the older one of which is killed again and again. No GET may fail.
outcome prove_crashes(crash_proof what);

}  // namespace gantryd::zero_loss
