#include "jobs.hpp"

#include "life.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantryd::simulation {
namespace {

constexpr unsigned most_jobs = 64;

/// What the processes share.
struct shared {
    struct lane {
        tally counts;
        std::uint64_t last_seed = 0;
        std::uint64_t failed_seed = 0;
        bool failed = false;
    };
    std::array<lane, most_jobs> lanes;
};

shared& make_shared_memory()
{
    void* const at = mmap(nullptr, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        throw std::runtime_error("no shared memory");
    return *new (at) shared();
}

/// Every `jobs`-th life. Ends early when any process has found one that fails.
void live_lane(const wishes& what, unsigned number, shared& all)
{
    auto& mine = all.lanes[number];
    const auto began = std::chrono::steady_clock::now();
    const auto is_late = [&] {
        return what.seconds > 0 &&
               std::chrono::steady_clock::now() - began > std::chrono::seconds(what.seconds);
    };
    for (std::uint64_t i = number; i < what.lives && !is_late(); i += what.jobs) {
        for (unsigned other = 0; other < what.jobs; ++other)
            if (static_cast<const volatile bool&>(all.lanes[other].failed))
                return;
        const auto seed = what.seed + i;
        if (!live_once(seed, mine.counts, nullptr).empty()) {
            mine.failed_seed = seed;
            mine.failed = true;
        }
        mine.last_seed = seed;
    }
}

pid_t start_lane(const wishes& what, unsigned number, shared& all)
{
    const auto child = fork();
    if (child < 0)
        throw std::runtime_error("no process");
    if (child > 0)
        return child;
    live_lane(what, number, all);
    std::fflush(nullptr);
    _exit(0);
}

void print(const tally& all, std::uint64_t first, std::uint64_t last, std::chrono::duration<double> took)
{
    fmt::print("seeds {} to {}\n", first, last);
    fmt::print("{} lives, {} virtual hours, {} commands, {} plans, {} promises checked, in {:.1f} s ({:.0f} "
               "lives a minute)\n",
        all.lives, all.virtual_seconds / 3600, all.commands, all.plans, all.checks, took.count(),
        static_cast<double>(all.lives) * 60 / took.count());
    for (std::size_t i = 0; i < fault_kinds; ++i)
        fmt::print("  {:>9}  {}\n", all.faults[i], fault_names[i]);
}

int tell_failure(std::uint64_t seed)
{
    tally ignored;
    std::vector<std::string> story;
    const auto why = live_once(seed, ignored, &story);
    for (const auto& line : story)
        fmt::print("{}\n", line);
    fmt::print("\nThe life of seed {} failed: {}\nAgain: gantryd_simulation --replay {} --story\n", seed,
        why.empty() ? "and when it is lived again it does not" : why, seed);
    return 1;
}

}  // namespace

int live_all(const wishes& wished)
{
    auto what = wished;
    what.jobs = std::max(1U, std::min({what.jobs, most_jobs, static_cast<unsigned>(what.lives)}));
    fmt::print("from seed {}\n", what.seed);
    std::fflush(stdout);
    const auto began = std::chrono::steady_clock::now();
    auto& all = make_shared_memory();
    std::vector<pid_t> children;
    children.reserve(what.jobs);
    for (unsigned i = 0; i < what.jobs; ++i)
        children.push_back(start_lane(what, i, all));
    bool crashed = false;
    for (const auto child : children) {
        int status = 0;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        crashed = crashed || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    tally sum;
    std::optional<std::uint64_t> failed;
    std::uint64_t last = 0;
    for (const auto& lane : all.lanes) {
        sum.add(lane.counts);
        last = std::max(last, lane.last_seed);
        if (lane.failed && (!failed || lane.failed_seed < *failed))
            failed = lane.failed_seed;
    }
    if (failed)
        return tell_failure(*failed);
    print(sum, what.seed, last, std::chrono::steady_clock::now() - began);
    if (crashed)
        fmt::print("a process of lives ended early\n");
    return crashed ? 1 : 0;
}

int replay_one(std::uint64_t seed, bool with_story)
{
    if (with_story) {
        tally counts;
        std::vector<std::string> story;
        const auto why = live_once(seed, counts, &story);
        for (const auto& line : story)
            fmt::print("{}\n", line);
        fmt::print("\nThe life of seed {} {}{}\n", seed, why.empty() ? "survived" : "failed: ", why);
        return why.empty() ? 0 : 1;
    }
    tally counts;
    const auto why = live_once(seed, counts, nullptr);
    fmt::print("The life of seed {} {}{}\n", seed, why.empty() ? "survived" : "failed: ", why);
    return why.empty() ? 0 : 1;
}

}  // namespace gantryd::simulation
