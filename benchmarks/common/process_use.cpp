#include "process_use.hpp"

#include "process.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <system_error>

namespace gantryd::benchmark {
namespace {

/// The number behind `name` in a file of lines like "VmRSS:  1234 kB"; 0 without such a line.
std::int64_t number_behind(const std::string& name, const std::filesystem::path& file)
{
    std::istringstream in(integration::text_of_file(file));
    for (std::string word; in >> word;)
        if (word == name) {
            std::int64_t number = 0;
            in >> number;
            return number;
        }
    return 0;
}

/// How many entries the folder has; 0 when there is none.
int entries_of(const std::filesystem::path& folder)
{
    std::error_code gone;
    const std::filesystem::directory_iterator all(folder, gone);
    return static_cast<int>(std::ranges::distance(begin(all), end(all)));
}

/// The first number of a schedstat (Documentation/scheduler/sched-stats.rst).
double nanoseconds_on_cpu(const std::filesystem::path& process)
{
    std::istringstream in(integration::text_of_file(process / "schedstat"));
    double out = 0;
    in >> out;
    return out;
}

}  // namespace

process_use use_of(pid_t pid)
{
    const auto process = std::filesystem::path("/proc") / std::to_string(pid);
    process_use out;
    out.resident_kb = number_behind("VmRSS:", process / "status");
    out.anonymous_kb = number_behind("RssAnon:", process / "status");
    out.descriptors = entries_of(process / "fd");
    out.threads = entries_of(process / "task");
    out.cpu_nanoseconds = nanoseconds_on_cpu(process);
    return out;
}

}  // namespace gantryd::benchmark
