#include "crash_points.hpp"
#include "jobs.hpp"
#include "planted.hpp"

#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <random>
#include <stdexcept>

using namespace gantryd::simulation;

int main(int argc, char** argv)
try {
    CLI::App app("Lives of whole fleets in virtual time, with every misfortune that chance has in store.");
    wishes what;
    std::uint64_t replay = 0;
    bool with_story = false;
    std::string seed = "1";
    app.add_option("--lives", what.lives, "How many lives, one seed each")->capture_default_str();
    app.add_option("--seed", seed, "Of the first life; \"fresh\": any")->capture_default_str();
    app.add_option("--jobs", what.jobs, "Processes at the same time")->capture_default_str();
    app.add_option("--seconds", what.seconds, "Begin no life after so many; 0: live them all")
        ->capture_default_str();
    const auto* again = app.add_option("--replay", replay, "Live the life of this seed alone");
    app.add_flag("--story", with_story, "With --replay: tell what happens")->needs("--replay");
    bool crash_points = false;
    std::uint64_t every = 1;
    app.add_flag("--crash-points", crash_points, "Kill gantryd before and after every action instead");
    app.add_option("--every", every, "Of the crash points, every so many")->check(CLI::PositiveNumber);
    std::string planted;
    bool list_faults = false;
    app.add_option("--plant", planted, "Give the daemon this fault, to see it found");
    app.add_flag("--list-faults", list_faults, "The faults that can be planted");
    CLI11_PARSE(app, argc, argv);
    if (list_faults) {
        for (const auto& each : planted_faults())
            fmt::print("{:<30} {}\n", each.name, each.what);
        return 0;
    }
    if (!planted.empty() && !plant(planted))
        throw std::runtime_error("there is no fault " + planted);
    if (*again)
        return replay_one(replay, with_story);
    what.seed = seed == "fresh" ? std::random_device()() : std::stoull(seed);
    return crash_points ? try_crash_points(what.seed, every) : live_all(what);
} catch (const std::exception& e) {
    std::fprintf(stderr, "gantryd_simulation: %s\n", e.what());
    return 2;
}
