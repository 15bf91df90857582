#include "measures.hpp"
#include "start_watch.hpp"
#include "stolen_time.hpp"

#include "traffic.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include <unistd.h>

namespace {

using namespace gantryd::benchmark;
using namespace std::chrono_literals;
namespace json = boost::json;
namespace integration = gantryd::integration;

struct images {
    std::string tag;
    std::string first;
    std::string second;
};

struct deploy_times {
    std::vector<double> floor;
    std::vector<double> update;
    std::vector<double> heal;
};

/// One round after the other, so that whatever else the machine does hits all three alike.
deploy_times measure_deploys(const images& of, int rounds)
{
    const auto port = integration::free_port();
    scene at(fmt::format("bench{}", ::getpid()),
        project_of({component("web", of.tag, port), json::object{{"name", "watched"}, {"repo", of.tag}}}));
    at.start_daemon();
    at.docker().run({"tag", of.first, of.tag + ":latest"});
    expect_done(at.gantryd({"update", at.project(), "-c", "web", "--wait"}));
    deploy_times out;
    for (int i = 0; i < rounds; ++i) {
        out.floor.push_back(floor_round(of.second, fmt::format("{}-floor", at.project())).count());

        const std::string wanted = i % 2 == 0 ? "v2" : "v1";
        at.docker().run({"tag", i % 2 == 0 ? of.second : of.first, of.tag + ":latest"});
        start_watch updated(at.project());
        auto begin = clock::now();
        expect_done(at.gantryd({"update", at.project(), "-c", "web"}));
        updated.wait();
        out.update.push_back(
            until(begin, [&] { return ask_quickly("127.0.0.1", port).version == wanted; }).count());
        // The old one is to be gone before the next round.
        (void)until(clock::now(), [&] { return at.docker().containers(at.project()).size() == 1; });

        const auto before = at.docker().containers(at.project()).at(0);
        start_watch healed(at.project());
        begin = clock::now();
        ::kill(before.pid, SIGKILL);  // as a crash does it; `docker kill` would be timed too
        healed.wait();
        out.heal.push_back(until(begin, [&] {
            const auto seen = ask_quickly("127.0.0.1", port).instance;
            return !seen.empty() && seen != before.short_id();
        }).count());
        (void)until(clock::now(), [&] { return at.docker().containers(at.project()).size() == 1; });
    }
    return out;
}

watch_times measure_store(const images& of, int rounds)
{
    scene at(fmt::format("benchw{}", ::getpid()),
        project_of({json::object{{"name", "watched"}, {"repo", of.tag}}}));
    at.start_daemon();
    return measure_watch(at, rounds);
}

idle_cost measure_ten(const images& of, std::chrono::seconds during)
{
    json::array components;
    std::vector<std::string> update{"update", "", "-c"};
    for (int i = 0; i < 10; ++i) {
        components.emplace_back(component(fmt::format("c{}", i), of.tag, integration::free_port()));
        update.push_back(fmt::format("c{}", i));
    }
    scene at(fmt::format("benchi{}", ::getpid()), project_of(std::move(components)));
    at.start_daemon();
    update[1] = at.project();
    update.insert(update.end(), {"--wait", "--timeout", "120"});
    expect_done(at.gantryd(update));
    std::this_thread::sleep_for(5s);  // the last reports and looks of the start
    return measure_idle(at.daemon_pid(), during);
}

bool row(const char* what, double value, double beside, double bar)
{
    const auto ratio = value / beside;
    fmt::print("{:<58} {:>9.2f} ms {:>9.2f} ms {:>7.2f} x {:>7.2f} x  {}\n", what, value, beside, ratio, bar,
        ratio <= bar ? "ok" : "ABOVE");
    return ratio <= bar;
}

}  // namespace

int main(int argc, char** argv)
{
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 10;
    const auto idle_for = std::chrono::seconds(argc > 2 ? std::atoi(argv[2]) : 30);
    const integration::docker docker;
    if (const auto problem = docker.problem(); !problem.empty()) {
        std::fprintf(stderr, "%s\n", problem.c_str());
        return 1;
    }
    const auto tag = fmt::format("gantryd-bench-{}", ::getpid());
    images of{tag, {}, {}};
    int code = 1;
    try {
        of.first = docker.make_image(tag + ":v1", {{"VERSION", "v1"}});
        of.second = docker.make_image(tag + ":v2", {{"VERSION", "v2"}});
        docker.run({"tag", of.first, tag + ":latest"});
        const stolen_time stolen;
        const auto deploys = measure_deploys(of, rounds);
        const auto stolen_percent = stolen.percent();
        const auto watch = measure_store(of, 10 * rounds);
        const auto idle = measure_ten(of, idle_for);
        const auto floor = median(deploys.floor);
        fmt::print("{:<58} {:>12} {:>12} {:>9} {:>9}\n", "median of " + std::to_string(rounds) + " rounds",
            "gantryd", "floor", "ratio", "bar");
        bool ok = row("(a) update to first answer of the new version", median(deploys.update), floor, 1.25);
        ok = row("(b) container killed to first answer of its replacement", median(deploys.heal), floor,
                 1.25) &&
             ok;
        ok = row("(c) commit to the daemon's word on it / bare SQLite commit", median(watch.seen_ms),
                 median(watch.commit_ms), 5) &&
             ok;
        fmt::print("the host took {:.1f} % of the machine's time during (a) and (b)\n", stolen_percent);
        fmt::print("idle, 10 components: {:.3f} % of a core (bar 0.2), {:.1f} MB resident (bar 15)\n",
            idle.cpu_percent, idle.resident_mb);
        code = ok && idle.cpu_percent < 0.2 && idle.resident_mb < 15 ? 0 : 1;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "deploy_benchmark: %s\n", e.what());
    }
    docker.remove_images({of.first, of.second});
    return code;
}
