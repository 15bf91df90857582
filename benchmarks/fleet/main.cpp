#include "measures.hpp"

#include "scene.hpp"
#include "stolen_time.hpp"

#include <gantryd/base/number.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

using namespace gantryd::benchmark;

int usage()
{
    std::fprintf(stderr, "usage: fleet_benchmark [update [ROUNDS]]\n"
                         "       fleet_benchmark scale [MACHINES ..]\n");
    return 2;
}

int update(int rounds)
{
    const stolen_time stolen;
    const auto times = measure_updates(rounds);
    const auto floor = median(times.floor);
    const auto over_floors = [&](const std::vector<double>& took) { return median(took) / (3 * floor); };
    const auto ratio = over_floors(times.update);
    fmt::print("median of {} rounds\n", rounds);
    fmt::print("floor of one instance on one machine                  {:>9.1f} ms\n", floor);
    fmt::print("update of 3 machines in use to the last one's answer  {:>9.1f} ms\n", median(times.update));
    fmt::print("over three floors                                     {:>9.2f} x   bar 1.20 x  {}\n", ratio,
        ratio <= 1.2 ? "ok" : "ABOVE");
    // The machines of the lab share their processors, so this tells more of the lab than of a fleet.
    fmt::print(
        "the same where Docker stops the old ones meanwhile    {:>9.2f} x\n", over_floors(times.unused));
    fmt::print("the host took {:.1f} % of the machine's time\n", stolen.percent());
    return ratio <= 1.2 ? 0 : 1;
}

int scale(const std::vector<int>& sizes)
{
    fmt::print("{:>9} {:>12} {:>12} {:>12} {:>14} {:>14} {:>12} {:>12}\n", "machines", "seen p50", "seen p99",
        "seen max", "in a row p99", "requests/min", "kB/min", "kB/update");
    bool ok = true;
    for (const auto size : sizes) {
        const auto cost = measure_scale(size, size < 500 ? 10 : 5);
        ok = ok && cost.seen_p99_ms < 1000 && cost.in_a_row_p99_ms < 1000 && cost.requests_per_minute < 10;
        fmt::print("{:>9} {:>9.1f} ms {:>9.1f} ms {:>9.1f} ms {:>11.1f} ms {:>14.2f} {:>12.1f} {:>12.1f}\n",
            cost.machines, cost.seen_p50_ms, cost.seen_p99_ms, cost.seen_max_ms, cost.in_a_row_p99_ms,
            cost.requests_per_minute, cost.kilobytes_per_minute, cost.kilobytes_per_update);
        std::fflush(stdout);
    }
    fmt::print("bars: p99 1000 ms, 10 requests per machine and minute at rest: {}\n", ok ? "ok" : "ABOVE");
    return ok ? 0 : 1;
}

int run(const std::vector<std::string>& words)
{
    const auto number = [&](std::size_t at) { return gantryd::base::number_in<int>(words[at]).value_or(0); };
    if (words.empty() || words[0] == "update")
        return update(words.size() > 1 ? number(1) : 7);
    if (words[0] == "machines" && words.size() == 5)
        return simulate_machines(words[1], number(2), number(3), words[4]);
    if (words[0] != "scale")
        return usage();
    std::vector<int> sizes;
    for (std::size_t i = 1; i < words.size(); ++i)
        sizes.push_back(number(i));
    return scale(sizes.empty() ? std::vector{10, 100, 1000} : sizes);
}

}  // namespace

int main(int argc, char** argv)
try {
    return run({argv + 1, argv + argc});
} catch (const std::exception& e) {
    std::fprintf(stderr, "fleet_benchmark: %s\n", e.what());
    return 1;
}
