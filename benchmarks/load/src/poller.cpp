#include "poller.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace gantryd::load {

poller::poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

poller::~poller() { ::close(epoll_); }

void poller::control(int operation, int fd, token who, std::uint32_t events)
{
    epoll_event event{};
    event.events = events;
    event.data.u64 = (static_cast<std::uint64_t>(who.part) << 32) | who.index;
    ::epoll_ctl(epoll_, operation, fd, &event);
}

std::span<const epoll_event> poller::wait(std::span<epoll_event> into, time_point until)
{
    const auto left = std::max(clock::duration(0), until - clock::now());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    timespec limit{};
    limit.tv_sec = seconds.count();
    limit.tv_nsec = std::chrono::nanoseconds(left - seconds).count();
    const int n = ::epoll_pwait2(epoll_, into.data(), static_cast<int>(into.size()), &limit, nullptr);
    return into.first(n > 0 ? static_cast<std::size_t>(n) : 0);
}

int begin_connect(const std::string& address, std::uint16_t port)
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    ::inet_pton(AF_INET, address.c_str(), &to.sin_addr);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 || errno == EINPROGRESS)
        return fd;
    const int why = errno;
    ::close(fd);
    errno = why;
    return -1;
}

int connect_outcome(int fd)
{
    int outcome = 0;
    socklen_t size = sizeof outcome;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &outcome, &size);
    return outcome;
}

std::uint16_t local_port(int fd)
{
    sockaddr_in mine{};
    socklen_t size = sizeof mine;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&mine), &size);
    return ntohs(mine.sin_port);
}

}  // namespace gantryd::load
