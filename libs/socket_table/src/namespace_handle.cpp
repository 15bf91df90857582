#include "namespace_handle.hpp"

#include <gantryd/runtime/process.hpp>

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>

namespace gantryd::socket_table {
namespace {

using base::errc;
using base::fail;

bool is_our_own(int network_namespace)
{
    struct stat ours{};
    struct stat theirs{};
    return ::stat("/proc/self/ns/net", &ours) == 0 && ::fstat(network_namespace, &theirs) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

}  // namespace

base::result<base::descriptor> open_namespace(const model::container_id& container, std::int64_t pid)
{
    if (pid <= 0)
        return fail(errc::unavailable, "the container's first process is not known yet");
    const auto path = "/proc/" + std::to_string(pid) + "/ns/net";
    base::descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const int why = errno;
    // Asked after the opening: then what was opened is that process's, and not of one that got its number.
    if (!runtime::is_in_cgroup(static_cast<pid_t>(pid), container.text()))
        return fail(errc::rejected, "its process is not one of this machine");
    if (!opened)
        return fail(
            errc::rejected, "its network cannot be looked into: " + std::generic_category().message(why));
    if (is_our_own(opened.get()))
        return fail(errc::rejected, "it shares the network of the host");
    return opened;
}

}  // namespace gantryd::socket_table
