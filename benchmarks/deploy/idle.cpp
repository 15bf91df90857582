#include "measures.hpp"

#include <sstream>
#include <thread>

namespace gantryd::benchmark {
namespace {

/// Nanoseconds on a CPU so far: the first number of schedstat (Documentation/scheduler/sched-stats.rst).
double cpu_nanoseconds(pid_t pid)
{
    std::istringstream in(integration::text_of_file("/proc/" + std::to_string(pid) + "/schedstat"));
    double out = 0;
    in >> out;
    return out;
}

double resident_megabytes(pid_t pid)
{
    std::istringstream in(integration::text_of_file("/proc/" + std::to_string(pid) + "/status"));
    for (std::string word; in >> word;)
        if (word == "VmRSS:") {
            double kilobytes = 0;
            in >> kilobytes;
            return kilobytes / 1024;
        }
    return 0;
}

}  // namespace

idle_cost measure_idle(pid_t daemon, std::chrono::seconds during)
{
    const auto begin = clock::now();
    const auto before = cpu_nanoseconds(daemon);
    std::this_thread::sleep_for(during);
    const auto used = cpu_nanoseconds(daemon) - before;
    const std::chrono::duration<double, std::nano> passed = clock::now() - begin;
    return {100 * used / passed.count(), resident_megabytes(daemon)};
}

}  // namespace gantryd::benchmark
