#include "stage.hpp"
#include "stolen_time.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <thread>

namespace gantryd::zero_loss {
namespace {

using namespace std::chrono_literals;

constexpr auto settle = 1s;  ///< of load before and after what it is to meet

load::options load_on(const stage& at, const update_proof& what)
{
    return {.port = at.http_port(), .requests = {.rate = what.rate}};
}

load::report quiet_load(const stage& at, const update_proof& what, load::milliseconds duration)
{
    background_load load(load_on(at, what));
    std::this_thread::sleep_for(duration);
    return load.finish();
}

/// As many containers as there were updates, created, started and removed by Docker's API alone, as evenly.
load::report floor_load(const stage& at, const update_proof& what, load::milliseconds duration)
{
    background_load load(load_on(at, what));
    std::this_thread::sleep_for(settle);
    const auto begin = clock::now();
    for (int i = 0; i < what.updates; ++i) {
        std::this_thread::sleep_until(begin + (duration - 2 * settle) * i / what.updates);
        (void)benchmark::floor_round(at.image(i), fmt::format("{}-floor", what.project));
    }
    std::this_thread::sleep_until(begin + duration - settle);
    return load.finish();
}

void expect_versions(update_outcome& out, int updates)
{
    for (int i = 0; i <= updates; ++i)
        if (!out.seen.requests.versions.contains(fmt::format("v{}", i)))
            out.problems.push_back(fmt::format("version v{} was never seen", i));
}

}  // namespace

update_outcome prove_updates(update_proof what)
{
    const json::object more{{"drain", json::object{{"timeout", "60s"}}}};
    stage at(what.project, what.updates + 1, more);
    std::mt19937 random(what.seed);
    update_outcome out;
    background_load load(load_on(at, what));
    const benchmark::stolen_time stolen;
    const auto begin = clock::now();
    try {
        std::this_thread::sleep_for(settle);
        for (int i = 1; i <= what.updates; ++i)
            at.update_to(i, what.with, random);
        std::this_thread::sleep_for(settle);
        std::this_thread::sleep_until(begin + what.updates * 1s);  // a thousand requests for each, or more
    } catch (const std::runtime_error& why) {
        out.problems.emplace_back(why.what());
    }
    out.seen = load.finish();
    out.stolen_percent = stolen.percent();
    expect_whole(out, out.seen);
    expect_versions(out, what.updates);
    if (!at.comes_down_to(1, 30s))
        out.problems.emplace_back("old containers are still there after 30 s without connections");
    if (what.compare) {
        const benchmark::stolen_time of_quiet;
        out.quiet = quiet_load(at, what, out.seen.took);
        out.quiet_stolen_percent = of_quiet.percent();
        const benchmark::stolen_time of_floor;
        out.floor = floor_load(at, what, out.seen.took);
        out.floor_stolen_percent = of_floor.percent();
    }
    out.done = at.done();
    out.daemon_log = at.scene().daemon_log();
    return out;
}

}  // namespace gantryd::zero_loss
