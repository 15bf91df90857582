#pragma once
#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include <sys/epoll.h>

namespace gantryd::load {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;

/// Whom an event is for: one of the driver's parts, and the number of a connection within it.
struct token {
    std::uint32_t part;
    std::uint32_t index;
};

/// An epoll. Closing a socket takes it out.
class poller {
public:
    poller();
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;
    ~poller();

    void add(int fd, token who, std::uint32_t events) { control(EPOLL_CTL_ADD, fd, who, events); }
    void change(int fd, token who, std::uint32_t events) { control(EPOLL_CTL_MOD, fd, who, events); }

    /// The events that are there, at the latest at `until`. Finer than a millisecond.
    std::span<const epoll_event> wait(std::span<epoll_event> into, time_point until);

    static token token_of(const epoll_event& event)
    {
        return {static_cast<std::uint32_t>(event.data.u64 >> 32), static_cast<std::uint32_t>(event.data.u64)};
    }

private:
    void control(int operation, int fd, token who, std::uint32_t events);

    int epoll_ = -1;
};

/// A socket that connects to the numeric IPv4 address, without waiting for it. -1, with errno, when that
/// fails at once.
int begin_connect(const std::string& address, std::uint16_t port);

/// The outcome of begin_connect() when the socket is writable: 0 or an errno.
int connect_outcome(int fd);

/// Our end's port, to find the connection in HAProxy's log or a capture.
std::uint16_t local_port(int fd);

}  // namespace gantryd::load
