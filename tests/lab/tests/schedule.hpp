#pragma once
#include "faults.hpp"

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

namespace gantryd::integration {

/// Something that goes wrong during an update, for a while.
struct planned_fault {
    fault what{};
    int machine = 1;  ///< from 1
    std::chrono::milliseconds begins{};
    std::chrono::milliseconds ends{};
};

/// An update with trouble, all of which its seed decides.
struct schedule {
    unsigned seed = 0;
    bool bad_image = false;
    std::vector<planned_fault> faults;  ///< in the order of their beginnings; never two of one thing at once

    std::string text() const;
};

/// One to three faults within the first seconds, most for a few seconds, some for longer than it takes to
/// declare a machine lost.
schedule draw_schedule(unsigned seed, int machines);

/// One of a schedule's moments: a fault begins or ends.
struct moment {
    std::chrono::milliseconds at{};
    std::size_t which = 0;
    bool begins = false;
};
std::vector<moment> moments_of(const schedule& of);

}  // namespace gantryd::integration
