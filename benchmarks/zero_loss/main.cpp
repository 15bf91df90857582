#include "proofs.hpp"

#include "load/driver.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <random>
#include <set>
#include <string>

#include <unistd.h>

namespace {

using namespace gantryd;
using zero_loss::disturbance;

constexpr double bar = 3;  ///< times what the same load sees when nothing happens

std::string project(const char* kind) { return fmt::format("zl{}-{}", kind, ::getpid()); }

double in_ms(std::chrono::microseconds value) { return static_cast<double>(value.count()) / 1000; }

bool row(const char* what, double busy, double quiet, double floor)
{
    const auto ratio = busy / quiet;
    fmt::print("  {:<24} {:>9.2f} ms {:>9.2f} ms {:>9.2f} ms {:>7.2f} x {:>7.2f} x {:>5.2f} x  {}\n", what,
        busy, quiet, floor, ratio, floor / quiet, bar, ratio <= bar ? "ok" : "ABOVE");
    return ratio <= bar;
}

bool compare(const zero_loss::update_outcome& of)
{
    const auto& busy = of.seen.requests;
    const auto& quiet = of.quiet.seen.requests;
    const auto& floor = of.floor.seen.requests;
    fmt::print("  {:<24} {:>12} {:>12} {:>12} {:>9} {:>9} {:>7}\n", "", "updates", "quiet", "Docker alone",
        "ratio", "Docker's", "bar");
    const bool gap =
        row("longest gap", in_ms(busy.longest_gap), in_ms(quiet.longest_gap), in_ms(floor.longest_gap));
    const bool p99 = row("p99", in_ms(busy.latency.percentile(99)), in_ms(quiet.latency.percentile(99)),
        in_ms(floor.latency.percentile(99)));
    fmt::print("  {:<24} {:>9.2f} ms {:>9.2f} ms {:>9.2f} ms\n", "p50", in_ms(busy.latency.percentile(50)),
        in_ms(quiet.latency.percentile(50)), in_ms(floor.latency.percentile(50)));
    fmt::print("  {:<24} {:>9.2f} ms {:>9.2f} ms {:>9.2f} ms\n", "slowest", in_ms(busy.latency.largest()),
        in_ms(quiet.latency.largest()), in_ms(floor.latency.largest()));
    fmt::print("  {:<24} {:>10.1f} % {:>10.1f} % {:>10.1f} %\n", "taken by the host", of.stolen_percent,
        of.quiet.stolen_percent, of.floor.stolen_percent);
    return gap && p99;
}

/// Prints what was found; true when it is proved.
bool tell(const std::string& title, const zero_loss::outcome& of)
{
    const auto& r = of.seen.requests;
    fmt::print("{}: {}\n", title, of.problems.empty() ? "proved" : "NOT PROVED");
    fmt::print("  {}\n", of.done);
    if (r.sent > 0)
        fmt::print("  {} failed of {} requests, {} late\n", r.all_failed(), r.sent, r.late);
    for (const auto* kind : {&of.seen.tcp, &of.seen.upgraded})
        if (kind->asked > 0)
            fmt::print("  {} streams: {} opened, {} cut, {} corrupted, {} stalled, {:.1f} MB back, slowest "
                       "echo {:.0f} ms\n",
                kind == &of.seen.tcp ? "tcp" : "upgraded", kind->opened, kind->cut, kind->corrupted,
                kind->stalled, static_cast<double>(kind->bytes) / 1e6, in_ms(kind->slowest_echo));
    if (of.problems.empty())
        return true;
    for (const auto& problem : of.problems)
        fmt::print("  {}\n", problem);
    const auto log = fmt::format("/tmp/gantryd-zero-loss-{}.log", ::getpid());
    std::ofstream(log, std::ios::app) << "--- " << title << '\n' << of.daemon_log;
    fmt::print("  the daemon's log: {}\n", log);
    return false;
}

bool updates(const char* title, const char* kind, int count, disturbance with, std::uint32_t seed)
{
    zero_loss::update_proof what{.project = project(kind), .updates = count, .with = with, .seed = seed};
    what.compare = with == disturbance::none;
    const auto found = zero_loss::prove_updates(what);
    const bool proved = tell(fmt::format("{} updates in a row under 1000 requests/s{}", count, title), found);
    return (!what.compare || compare(found)) && proved;
}

bool streams(const char* title, const char* kind, int count, disturbance with, std::uint32_t seed)
{
    const zero_loss::stream_proof what{
        .project = project(kind), .updates = count, .with = with, .seed = seed};
    return tell(fmt::format("50 streams across {} updates{}", count, title), zero_loss::prove_streams(what));
}

bool crashes(int seconds)
{
    const zero_loss::crash_proof what{.project = project("c"), .duration = std::chrono::seconds(seconds)};
    return tell(fmt::format("one of two instances killed every 2 s for {} s under 500 GET/s", seconds),
        zero_loss::prove_crashes(what));
}

using proof = std::pair<std::string, std::function<bool()>>;

std::vector<proof> proofs_of(int count, std::uint32_t seed)
{
    const int few = std::min(count, 10);
    return {
        {"updates", [=] { return updates("", "u", count, disturbance::none, seed); }},
        {"reloads",
            [=] { return updates(", HAProxy reloaded at each", "r", count, disturbance::reload, seed); }},
        {"kills", [=] { return updates(", gantryd killed at each", "k", count, disturbance::kill, seed); }},
        {"both", [=] { return updates(", both at each", "b", count, disturbance::both, seed); }},
        {"streams", [=] { return streams("", "s", few, disturbance::none, seed); }},
        {"shaken_streams",
            [=] { return streams(", a reload and a kill at each", "t", few, disturbance::both, seed); }},
        {"crashes", [=] { return crashes(std::min(60, 6 * count)); }},
    };
}

bool prove(const proof& what)
{
    bool proved = false;
    try {
        proved = what.second();
    } catch (const std::exception& why) {
        fmt::print("{}: NOT PROVED\n  {}\n", what.first, why.what());
    }
    std::fflush(stdout);
    return proved;
}

}  // namespace

/// Arguments: UPDATES (100), SEED (a random one), names of proofs (all).
int main(int argc, char** argv)
try {
    const int count = argc > 1 ? std::atoi(argv[1]) : 100;
    const auto seed =
        argc > 2 ? static_cast<std::uint32_t>(std::atoi(argv[2])) : std::random_device{}() % 10'000;
    const std::set<std::string> wanted(argv + std::min(argc, 3), argv + argc);
    load::raise_file_limit();
    fmt::print("seed {}\n", seed);
    bool all = true;
    for (const auto& each : proofs_of(count, seed))
        if (wanted.empty() || wanted.contains(each.first))
            all = prove(each) && all;
    return all ? 0 : 1;
} catch (const std::exception& e) {
    std::fprintf(stderr, "zero_loss: %s\n", e.what());
    return 1;
}
