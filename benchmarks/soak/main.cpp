#include "soak.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <random>
#include <string>

#include <unistd.h>

namespace {

using namespace gantryd;

void tell(const std::string& text)
{
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

}  // namespace

/// Arguments: MINUTES (60), SEED (a random one). Exit code 1: something grew, or went otherwise than it
/// should.
int main(int argc, char** argv)
try {
    const int minutes = argc > 1 ? std::atoi(argv[1]) : 60;
    soak::plan what{.project = fmt::format("soak-{}", ::getpid()), .duration = std::chrono::minutes(minutes)};
    what.seed = argc > 2 ? static_cast<std::uint32_t>(std::atoi(argv[2])) : std::random_device{}() % 10'000;
    if (minutes < 15) {  // too short for a warm-up of ten minutes
        what.between_samples = std::chrono::seconds(20);
        what.pause = std::chrono::seconds(1);
        what.most.warm_up = 3;
        what.most.growth_kb = 1'024;
    }
    tell(fmt::format("soak of {} minutes, seed {}\n{}", minutes, what.seed, soak::heading()));
    const auto found = soak::run(what, [](const soak::sample& each) { tell(soak::row(each)); });
    for (const auto& [name, count] : found.acts)
        tell(fmt::format("  {} {}\n", count, name));
    if (found.problems.empty()) {
        tell("flat\n");
        return 0;
    }
    tell("NOT FLAT\n");
    for (const auto& problem : found.problems)
        tell(fmt::format("  {}\n", problem));
    const auto log = fmt::format("/tmp/gantryd-soak-{}.log", ::getpid());
    std::ofstream(log) << found.daemon_log;
    tell(fmt::format("  the daemon's log: {}\n", log));
    return 1;
} catch (const std::exception& e) {
    std::fprintf(stderr, "soak: %s\n", e.what());
    return 1;
}
