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
    outcome out;
    int crashes = 0;
    int alone = 0;
    background_load load({.port = at.http_port(), .requests = {.rate = what.rate}});
    const auto begin = clock::now();
    for (auto next = begin + what.pause; next < begin + what.duration; next += what.pause) {
        std::this_thread::sleep_until(next);
        const auto running = at.scene().docker().running(what.project, "web");
        if (running.size() < 2) {  // the last one has nobody to take its requests
            ++alone;
            continue;
        }
        ::kill(running.at(static_cast<std::size_t>(crashes) % 2).pid, SIGKILL);  // as a crash does it
        ++crashes;
    }
    std::this_thread::sleep_until(begin + what.duration);
    out.seen = load.finish();
    out.problems = load::problems_in(out.seen);
    if (crashes == 0)
        out.problems.emplace_back("nothing crashed");
    out.done = fmt::format("{} crashes; {} times only one was left and was spared", crashes, alone);
    out.daemon_log = at.scene().daemon_log();
    return out;
}

}  // namespace gantryd::zero_loss
