#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/base/log.hpp>
#include <gantryd/haproxy_config/view.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace gantryd::haproxy {

using haproxy_config::proxy_view;
using haproxy_config::server_view;

/// gantryd's own HAProxy: its file, its sockets, its processes. It lives on when gantryd ends; the next one
/// finds it again.
class proxy {
public:
    virtual ~proxy() = default;

    /// What runs now. No HAProxy running is an answer, not an error.
    /// Errors: timed_out, unavailable, malformed.
    virtual boost::asio::awaitable<base::result<proxy_view>> look(runtime::time_point deadline) = 0;

    /// The same, and which sessions are tunnels. Costs HAProxy some microseconds for every connection in use.
    virtual boost::asio::awaitable<base::result<proxy_view>> look_closely(runtime::time_point deadline) = 0;

    /// Makes what runs, and the file on disk, equal to `routes`: by the runtime API where that can do it,
    /// else by a reload (logged with its reason), or by starting HAProxy. No routes at all: HAProxy is
    /// stopped. Returns what was read back afterwards. A route whose port somebody else holds is left out and
    /// stands in `refused`; the others go on. Errors: timed_out, unavailable, malformed, rejected (HAProxy
    /// refuses the file; the last good one stays).
    virtual boost::asio::awaitable<base::result<proxy_view>> update(
        std::vector<haproxy_config::route> routes, runtime::time_point deadline) = 0;

    /// True when nobody on this machine, HAProxy included, listens on the port at that numeric address and a
    /// new route could.
    virtual bool is_free(const std::string& address, std::uint16_t port) const = 0;

    /// Why a route could not have the port at that numeric address, as a sentence: "port 8888 is taken by
    /// nginx (pid 4711)". Nothing when it could: that HAProxy itself has it does not count.
    virtual std::optional<std::string> why_taken(const std::string& address, std::uint16_t port) const = 0;

    /// Suspends until the HAProxy that ran at the last look() or update() is gone.
    /// When none ran: until one is started. Returns also when update() stopped or replaced it, though the old
    /// process may live on to finish its connections. One waiter at a time. Cancellation: terminal.
    virtual boost::asio::awaitable<void> wait_for_exit() = 0;
};

struct proxy_options {
    std::string program = "haproxy";
    std::string directory;  ///< haproxy.cfg, admin.sock, master.sock, haproxy.pid; made with mode 0700
    std::chrono::seconds hard_stop_after{86'400};
};

/// `clk` and `log` must outlive it.
std::unique_ptr<proxy> make_proxy(proxy_options options, runtime::clock& clk, base::logger log);

}  // namespace gantryd::haproxy
