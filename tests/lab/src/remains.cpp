#include "lab/remains.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <system_error>
#include <thread>
#include <vector>

namespace gantryd::integration {
namespace {

namespace fs = std::filesystem;
using steady = std::chrono::steady_clock;

/// Those called `name` under all controllers (cgroup v1) or at the top (v2), and all below them, deepest
/// first.
std::vector<fs::path> cgroups(const std::string& name)
{
    std::vector<fs::path> tops{fs::path("/sys/fs/cgroup") / name};
    std::error_code gone;  // another lab's may disappear while we look
    for (const auto& controller : fs::directory_iterator("/sys/fs/cgroup", gone))
        if (controller.is_directory(gone) && !controller.is_symlink(gone))
            tops.push_back(controller.path() / name);
    std::vector<fs::path> found;
    for (const auto& top : tops) {
        if (!fs::is_directory(top, gone))
            continue;
        found.push_back(top);
        for (auto at = fs::recursive_directory_iterator(top, gone); at != fs::recursive_directory_iterator();
            at.increment(gone))
            if (at->is_directory(gone))
                found.push_back(at->path());
    }
    std::ranges::sort(found, std::ranges::greater{}, [](const fs::path& p) { return p.native().size(); });
    return found;
}

bool cgroups_are_gone(const std::string& name)
{
    for (const auto& each : cgroups(name))
        ::rmdir(each.c_str());
    return cgroups(name).empty();
}

/// A lab that is being made has no keeper yet.
bool may_be_new(const fs::path& directory)
{
    std::error_code gone;
    return !fs::exists(directory / "nodes", gone) &&
           fs::file_time_type::clock::now() - fs::last_write_time(directory, gone) < std::chrono::minutes(1);
}

}  // namespace

std::string cgroup_of(const fs::path& directory)
{
    std::ifstream in(directory / "id");
    std::string id;
    in >> id;
    return id.empty() ? "" : "gantryd-lab-" + id;
}

int lock_lab(const fs::path& directory)
{
    const int fd = ::open((directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0)
        ::close(fd);
    return -1;
}

void thaw_cgroups(const std::string& name)
{
    for (const auto& each : cgroups(name)) {
        std::error_code unknown;
        if (fs::exists(each / "freezer.state", unknown))
            std::ofstream(each / "freezer.state") << "THAWED";
        if (fs::exists(each / "cgroup.freeze", unknown))
            std::ofstream(each / "cgroup.freeze") << "0";
    }
}

bool remove_remains(const fs::path& directory, std::chrono::milliseconds limit)
{
    const auto end = steady::now() + limit;
    for (const auto name = cgroup_of(directory); !name.empty() && !cgroups_are_gone(name);) {
        if (steady::now() >= end)
            return false;
        thaw_cgroups(name);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    std::error_code failed;
    fs::remove_all(directory, failed);
    return !failed;
}

void sweep_labs(const fs::path& root)
{
    std::error_code gone;
    for (const auto& each : fs::directory_iterator(root, gone)) {
        const auto& directory = each.path();
        if (!directory.filename().string().starts_with("gantryd-lab.") ||
            !fs::exists(directory / "id", gone) || may_be_new(directory))
            continue;
        const int lock = lock_lab(directory);
        if (lock < 0)
            continue;
        remove_remains(directory, std::chrono::seconds(10));
        ::close(lock);
    }
}

}  // namespace gantryd::integration
