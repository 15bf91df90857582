#include "stage.hpp"

#include <stdexcept>
#include <thread>

namespace gantryd::zero_loss {
namespace {

using namespace std::chrono_literals;

load::options streams_on(const stage& at, int each_kind, load::milliseconds life)
{
    load::options out;
    out.port = at.http_port();
    out.requests.rate = 0;
    out.streams = {.tcp = each_kind, .tcp_port = at.echo_port(), .upgraded = each_kind, .life = life};
    return out;
}

}  // namespace

outcome prove_streams(stream_proof what)
{
    // Longer than the proof: whatever goes earlier went because nobody was connected any more.
    const json::object more{{"drain", json::object{{"timeout", "15m"}}}};
    stage at(what.project, what.updates + 1, more);
    std::mt19937 random(what.seed);
    outcome out;
    background_load lasting(streams_on(at, what.streams / 2, 0ms));
    background_load passing(streams_on(at, 5, 3s));
    try {
        std::this_thread::sleep_for(1s);
        for (int i = 1; i <= what.updates; ++i)
            at.update_to(i, what.with, random);
        std::this_thread::sleep_for(1s);
    } catch (const std::runtime_error& why) {
        out.problems.emplace_back(why.what());
    }
    const auto containers = at.scene().docker().containers(what.project).size();
    if (containers < 2)
        out.problems.emplace_back("the container of the oldest streams is gone while they live");
    out.seen = lasting.finish();
    expect_whole(out, out.seen);
    expect_whole(out, passing.finish());
    if (!at.comes_down_to(1, 30s))
        out.problems.emplace_back("old containers are still there 30 s after their last stream");
    out.done = at.done();
    out.daemon_log = at.scene().daemon_log();
    return out;
}

}  // namespace gantryd::zero_loss
