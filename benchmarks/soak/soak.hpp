#pragma once
#include "samples.hpp"

#include "load/report.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gantryd::soak {

struct plan {
    std::string project;  ///< a name that no other project of the machine has
    std::chrono::seconds duration{3'600};
    std::chrono::seconds between_samples{60};
    std::chrono::milliseconds pause{7'000};  ///< between two acts
    double rate = 20;                        ///< requests per second
    std::uint32_t seed = 1;
    limits most;
};

struct outcome {
    std::vector<sample> samples;
    std::map<std::string, int> acts;
    load::report seen;
    std::vector<std::string> problems;  ///< empty: flat
    std::string daemon_log;
};

/// Churns for as long as planned and looks at every quiet point. `tell` gets each sample when it is taken.
/// The first act that goes otherwise than it should ends it, and is a problem.
outcome run(const plan& what, const std::function<void(const sample&)>& tell);

}  // namespace gantryd::soak
