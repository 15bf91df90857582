#include "stage.hpp"
#include "stolen_time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace gantryd::zero_loss {
namespace {

using namespace std::chrono_literals;

constexpr auto settle = 1s;  ///< of load before and after what it is to meet
constexpr int block = 10;    ///< updates in a row before what they are compared with has its turn

/// What the load sees while `work` goes on, which settles before and after itself.
template <class Work>
under_load measure(const stage& at, const update_proof& what, Work work)
{
    const benchmark::stolen_time stolen;
    background_load load({.port = at.http_port(), .requests = {.rate = what.rate}}, load::run_before_others);
    std::this_thread::sleep_for(settle);
    work();
    std::this_thread::sleep_for(settle);
    auto seen = load.finish();
    return {.seen = std::move(seen), .stolen_percent = stolen.percent()};
}

/// Those from `first` to `last`. One that does not come about is the last one, and a problem.
under_load update_block(stage& at, const update_proof& what, int first, int last, std::mt19937& random,
    std::vector<std::string>& problems)
{
    return measure(at, what, [&] {
        const auto begin = clock::now();
        try {
            for (int i = first; i <= last; ++i)
                at.update_to(i, what.with, random);
            // A thousand requests for each, or more.
            std::this_thread::sleep_until(begin + (last - first + 1) * 1s);
        } catch (const std::runtime_error& why) {
            problems.emplace_back(why.what());
        }
    });
}

under_load quiet_block(const stage& at, const update_proof& what, load::milliseconds duration)
{
    return measure(at, what, [&] { std::this_thread::sleep_for(duration - 2 * settle); });
}

/// As many containers as there were updates, created, started and removed by Docker's API alone, as evenly.
under_load floor_block(
    const stage& at, const update_proof& what, load::milliseconds duration, int first, int last)
{
    return measure(at, what, [&] {
        const auto begin = clock::now();
        const auto all = duration - 2 * settle;
        for (int i = first; i <= last; ++i) {
            std::this_thread::sleep_until(begin + all * (i - first) / (last - first + 1));
            (void)benchmark::floor_round(at.image(i), fmt::format("{}-floor", what.project));
        }
        std::this_thread::sleep_until(begin + all);
    });
}

void expect_versions(update_outcome& out, int updates)
{
    for (int i = 0; i <= updates; ++i)
        if (!out.seen.requests.versions.contains(fmt::format("v{}", i)))
            out.problems.push_back(fmt::format("version v{} was never seen", i));
}

}  // namespace

void under_load::add(const under_load& more)
{
    const auto before = static_cast<double>(seen.took.count());
    const auto after = static_cast<double>(more.seen.took.count());
    if (before + after > 0)
        stolen_percent = (stolen_percent * before + more.stolen_percent * after) / (before + after);
    seen.add(more.seen);
}

update_outcome prove_updates(update_proof what)
{
    const json::object more{{"drain", json::object{{"timeout", "60s"}}}};
    stage at(what.project, what.updates + 1, more);
    std::mt19937 random(what.seed);
    update_outcome out;
    for (int first = 1; first <= what.updates && out.problems.empty(); first += block) {
        const int last = std::min(first + block - 1, what.updates);
        const auto busy = update_block(at, what, first, last, random, out.problems);
        out.add(busy);
        if (!at.comes_down_to(1, 30s))
            out.problems.emplace_back("old containers are still there after 30 s without connections");
        if (what.compare) {
            out.quiet.add(quiet_block(at, what, busy.seen.took));
            out.floor.add(floor_block(at, what, busy.seen.took, first, last));
        }
    }
    expect_whole(out, out.seen);
    expect_versions(out, what.updates);
    out.done = at.done();
    out.daemon_log = at.scene().daemon_log();
    return out;
}

}  // namespace gantryd::zero_loss
