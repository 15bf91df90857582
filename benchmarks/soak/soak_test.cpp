#include "soak.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

namespace gantryd::soak {
namespace {

using namespace std::chrono_literals;

/// The hour is scripts/benchmark's.
TEST(soak, of_a_minute_leaves_nothing_and_grows_by_less_than_two_megabytes)
{
    plan what{.project = "it-" + std::to_string(::getpid()) + "-1"};  // scripts/run-tests finds its leftovers
    what.duration = 45s;
    what.between_samples = 7s;
    what.pause = 0ms;
    what.most.warm_up = 2;
    what.most.growth_kb = 2'048;
    std::string table = heading();
    const auto found = run(what, [&](const sample& each) { table += row(each); });
    for (const auto& problem : found.problems)
        ADD_FAILURE() << problem;
    if (HasFailure())
        std::printf("%s--- the daemon's log\n%s\n", table.c_str(), found.daemon_log.c_str());
}

}  // namespace
}  // namespace gantryd::soak
