#include "owners.hpp"

#include <string>
#include <utility>

#include <sys/stat.h>

namespace gantryd::socket_table {

owner_scan::owner_scan(std::vector<pid_t> processes) : left_(std::move(processes)) {}

void owner_scan::go_on(std::size_t most)
{
    while (most > 0 && !left_.empty()) {
        if (!directory_)
            directory_.reset(::opendir(("/proc/" + std::to_string(left_.back()) + "/fd").c_str()));
        // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else reads this stream
        const auto* entry = directory_ ? ::readdir(directory_.get()) : nullptr;
        if (entry == nullptr) {
            directory_.reset();
            left_.pop_back();
            continue;
        }
        --most;
        struct stat what{};
        if (::fstatat(::dirfd(directory_.get()), entry->d_name, &what, 0) == 0 && S_ISSOCK(what.st_mode))
            seen_.insert(static_cast<std::uint32_t>(what.st_ino));
    }
}

}  // namespace gantryd::socket_table
