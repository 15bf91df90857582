#include "measures.hpp"
#include "process_use.hpp"

#include <thread>

namespace gantryd::benchmark {

idle_cost measure_idle(pid_t daemon, std::chrono::seconds during)
{
    const auto begin = clock::now();
    const auto before = use_of(daemon);
    std::this_thread::sleep_for(during);
    const auto after = use_of(daemon);
    const std::chrono::duration<double, std::nano> passed = clock::now() - begin;
    return {100 * (after.cpu_nanoseconds - before.cpu_nanoseconds) / passed.count(),
        static_cast<double>(after.resident_kb) / 1024};
}

}  // namespace gantryd::benchmark
