#include "stage.hpp"

#include <fmt/format.h>

#include <csignal>
#include <stdexcept>
#include <thread>

namespace gantryd::zero_loss {

using namespace std::chrono_literals;

outcome prove_crashes(crash_proof what)
{
    const json::object more{{"instances", 2}};
    stage at(what.project, 1, more);
    std::mt19937 random(what.seed);
    outcome out;
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
        std::uniform_int_distribution<std::size_t> any(0, running.size() - 1);
        ::kill(running.at(any(random)).pid, SIGKILL);  // as a crash does it
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
