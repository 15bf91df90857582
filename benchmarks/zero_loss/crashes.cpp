#include "stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <thread>

namespace gantryd::zero_loss {

using namespace std::chrono_literals;

namespace {

/// The one that was seen first, in this call or an earlier one. So each has its turn.
const integration::container& oldest(
    const std::vector<integration::container>& running, std::vector<std::string>& seen_before)
{
    for (const auto& each : running)
        if (std::ranges::count(seen_before, each.id) == 0)
            seen_before.push_back(each.id);
    const auto age = [&](const integration::container& of) { return std::ranges::find(seen_before, of.id); };
    return *std::ranges::min_element(running, {}, age);
}

}  // namespace

outcome prove_crashes(crash_proof what)
{
    const json::object more{{"instances", 2}};
    stage at(what.project, 1, more);
    outcome out;
    std::vector<std::string> seen_before;
    int crashes = 0;
    int of_the_last = 0;
    background_load load({.port = at.http_port(), .requests = {.rate = what.rate}});
    const auto begin = clock::now();
    for (auto next = begin + what.pause; next < begin + what.duration; next += what.pause) {
        std::this_thread::sleep_until(next);
        const auto running = at.scene().docker().running(what.project, "web");
        if (running.empty()) {
            out.problems.push_back(fmt::format("nothing ran {} s after the start", (next - begin) / 1s));
            continue;
        }
        ::kill(oldest(running, seen_before).pid, SIGKILL);  // as a crash does it
        ++crashes;
        of_the_last += running.size() == 1 ? 1 : 0;
    }
    std::this_thread::sleep_until(begin + what.duration);
    out.seen = load.finish();
    expect_whole(out, out.seen);
    if (crashes == 0)
        out.problems.emplace_back("nothing crashed");
    out.done = fmt::format("{} crashes, {} of them while it was the only one", crashes, of_the_last);
    out.daemon_log = at.scene().daemon_log();
    return out;
}

}  // namespace gantryd::zero_loss
