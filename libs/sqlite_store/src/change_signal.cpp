#include "change_signal.hpp"

#include <array>
#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace gantryd::sqlite_store {

change_signal::~change_signal()
{
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

void change_signal::announce() const noexcept
{
    // O_NONBLOCK: should somebody have put a FIFO there, it must not stop us.
    const int fd =
        ::open(path_.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (fd >= 0)
        ::close(fd);
}

bool change_signal::listen() noexcept
{
    if (descriptor_ < 0)
        descriptor_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor_ < 0)
        return false;
    constexpr std::uint32_t events = IN_CLOSE_WRITE | IN_DONT_FOLLOW;
    if (::inotify_add_watch(descriptor_, path_.c_str(), events) >= 0)
        return true;
    if (errno != ENOENT)
        return false;
    announce();  // makes the file
    return ::inotify_add_watch(descriptor_, path_.c_str(), events) >= 0;
}

void change_signal::drain() const noexcept
{
    alignas(inotify_event) std::array<std::byte, 4096> buffer;
    while (::read(descriptor_, buffer.data(), buffer.size()) > 0) {
    }
}

}  // namespace gantryd::sqlite_store
