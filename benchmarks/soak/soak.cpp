#include "soak.hpp"

#include "churn.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <numeric>
#include <system_error>
#include <thread>

namespace gantryd::soak {
namespace {

using namespace std::chrono_literals;
using benchmark::clock;
using benchmark::process_use;

/// The least of some looks: a check of a container, or a list of Docker, has a descriptor for a moment.
process_use quiet_use_of(pid_t pid)
{
    auto least = benchmark::use_of(pid);
    for (int look = 0; look < 20; ++look) {
        std::this_thread::sleep_for(100ms);
        const auto now = benchmark::use_of(pid);
        least.resident_kb = std::min(least.resident_kb, now.resident_kb);
        least.anonymous_kb = std::min(least.anonymous_kb, now.anonymous_kb);
        least.descriptors = std::min(least.descriptors, now.descriptors);
        least.threads = std::min(least.threads, now.threads);
        least.cpu_nanoseconds = now.cpu_nanoseconds;
    }
    return least;
}

/// With the log beside it, which SQLite fills to some megabytes before it uses it again.
std::int64_t kilobytes_of(const std::string& database)
{
    std::uintmax_t bytes = 0;
    for (const auto* part : {"", "-wal"}) {
        std::error_code gone;
        const auto size = std::filesystem::file_size(database + part, gone);
        bytes += gone ? 0 : size;
    }
    return static_cast<std::int64_t>(bytes / 1024);
}

int count_of(const std::map<std::string, int>& acts)
{
    return std::transform_reduce(
        acts.begin(), acts.end(), 0, std::plus<>(), [](const auto& each) { return each.second; });
}

sample look_at(churn& at, clock::time_point begin, const sample& before)
{
    at.settle();
    sample out;
    out.daemon = quiet_use_of(at.scene().daemon_pid());
    out.client = quiet_use_of(at.client_pid());
    out.at = std::chrono::round<std::chrono::seconds>(clock::now() - begin);
    out.acts = count_of(at.acts());
    const auto passed = std::chrono::duration<double, std::nano>(out.at - before.at).count();
    if (passed > 0)
        out.cpu_percent = 100 * (out.daemon.cpu_nanoseconds - before.daemon.cpu_nanoseconds) / passed;
    out.ledger_kb = kilobytes_of((at.scene().directory() / "ledger.db").string());
    out.store_kb = kilobytes_of(at.scene().store_path());
    out.containers = at.scene().docker().containers(at.scene().project()).size();
    out.proxy_processes = at.scene().proxy_processes();
    const auto& seen = at.seen();
    out.requests = seen.requests.sent;
    out.failed = seen.requests.all_failed();
    return out;
}

void churn_on(churn& at, const plan& what, outcome& out, const std::function<void(const sample&)>& tell)
{
    const auto begin = clock::now();
    sample before;
    for (auto next = begin; next <= begin + what.duration; next += what.between_samples) {
        while (clock::now() < next) {
            at.next();
            std::this_thread::sleep_for(what.pause);
        }
        before = look_at(at, begin, before);
        out.samples.push_back(before);
        tell(before);
    }
}

}  // namespace

outcome run(const plan& what, const std::function<void(const sample&)>& tell)
{
    outcome out;
    churn at(what.project, what.seed, what.rate);
    try {
        churn_on(at, what, out, tell);
    } catch (const std::exception& why) {
        out.problems.emplace_back(why.what());
    }
    out.acts = at.acts();
    out.seen = at.seen();
    out.daemon_log = at.scene().daemon_log();
    auto most = what.most;
    most.containers = churn::containers;
    for (auto& problem : problems_in(out.samples, most))
        out.problems.push_back(std::move(problem));
    for (const auto& line : out.seen.failures)
        out.problems.push_back(line);
    return out;
}

}  // namespace gantryd::soak
