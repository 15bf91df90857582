#pragma once
#include <cstdint>

namespace gantryd::simulation {

struct wishes {
    std::uint64_t lives = 1000;
    std::uint64_t seed = 1;
    unsigned jobs = 1;
    std::uint64_t seconds = 0;  ///< no life begins after that time; 0: however long it takes
};

/// Lives the lives of `lives` seeds in a row, in processes of its own, until the first one that fails; prints
/// its story and, at the end, what all lives were made of, and which seeds they had. The program's exit code:
/// 0 all survived, 1 one did not.
int live_all(const wishes& what);

/// Lives one life and tells how it ended. The exit code: 0 it survived, 1 it did not.
int replay_one(std::uint64_t seed, bool with_story);

}  // namespace gantryd::simulation
