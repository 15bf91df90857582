#include "simulated_machine.hpp"

#include "measures.hpp"

#include <gantryd/runtime/task_scope.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <vector>

#include <sys/resource.h>

namespace gantryd::benchmark {
namespace {

using namespace std::chrono_literals;

constexpr int most_releases = 20;

/// Machines of one process begin one after the other. Each that comes is told to all that are there, so the
/// more there are the longer it takes: all of them, and the members of etcd, share a few processors.
constexpr auto between_starts = 300ms;
constexpr auto longer_for_each = 5ms;
constexpr auto between_looks = 20ms;

boost::asio::awaitable<void> run_machines(
    std::string project, int first, int count, const etcd::options& where, runtime::clock& clk)
{
    std::vector<std::unique_ptr<simulated_machine>> machines;
    runtime::task_scope tasks(co_await boost::asio::this_coro::executor);
    for (int i = 0; i < count; ++i) {
        auto id = fmt::format("m{:04}", first + i);
        machines.push_back(
            std::make_unique<simulated_machine>(std::move(id), project, where, clk, most_releases));
        tasks.spawn("machine", machines.back()->run());
        co_await clk.sleep_until(clk.now() + between_starts + i * longer_for_each);
        while (!machines.back()->has_planned())
            co_await clk.sleep_until(clk.now() + between_looks);
    }
    co_await tasks.wait();
}

}  // namespace

model::component_spec simulated_spec(int release, bool lasts)
{
    model::component_spec out;
    out.name = model::component_name("web");
    out.repo = "web";
    out.tag = std::to_string(release);
    out.ports.push_back({.external = 8888, .container = 80});
    out.ready_checks.push_back({.id = "up", .port = 80});
    if (lasts)
        out.rollout.min_healthy_time = std::chrono::hours(1);
    return out;
}

model::image_id simulated_image(int release)
{
    return model::image_id(fmt::format("sha256:{:064x}", release));
}

simulated_machine::simulated_machine(
    std::string id, std::string project, const etcd::options& where, runtime::clock& clk, int releases)
    : id_(std::move(id)),
      project_(std::move(project)),
      clk_(clk),
      ledger_(store::make_memory_store(clk)),
      docker_(clk),
      proxy_(clk),
      prober_(clk),
      random_(std::random_device()())
{
    auto opened = etcd::open(where, clk);
    if (!opened)
        throw std::runtime_error(opened.error().context());
    etcd_ = std::move(*opened);
    for (int release = 1; release <= releases; ++release)
        docker_.add_image(fmt::format("web:{}", release), simulated_image(release));
}

boost::asio::awaitable<void> simulated_machine::run()
{
    const daemon::collaborators io{*etcd_, *ledger_, docker_, proxy_, sockets_, prober_, clk_, random_, log_};
    daemon::options what;
    what.project = model::project_name(project_);
    what.machine = model::machine_id(id_);
    what.host = id_;
    what.version = "benchmark";
    what.boot_id = "boot";
    return daemon::run(io, std::move(what), this);
}

void simulated_machine::planned(const planner::world& world, const planner::plan&, std::size_t)
{
    const auto web = world.components.find(model::component_name("web"));
    if (web == world.components.end() || web->second.wanted == planned_for_ || !web->second.wanted)
        return;
    planned_for_ = web->second.wanted;
    const auto now = std::chrono::steady_clock::now().time_since_epoch() / 1ns;
    std::printf("%s %d %lld\n", id_.c_str(), static_cast<int>(model::value_of(*planned_for_)),
        static_cast<long long>(now));
    std::fflush(stdout);
}

int simulate_machines(const std::string& project, int first, int count, const std::string& endpoints)
{
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    const auto where = etcd::parse_options(endpoints, 2379, [](const char*) { return std::string(); });
    if (!where)
        throw std::runtime_error(where.error().context());
    boost::asio::io_context loop(1);
    const auto clk = runtime::make_system_clock();
    std::exception_ptr failure;
    boost::asio::co_spawn(loop, run_machines(project, first, count, *where, *clk),
        [&](std::exception_ptr why) { failure = why; });
    loop.run();
    if (failure)
        std::rethrow_exception(failure);
    return 0;
}

}  // namespace gantryd::benchmark
