#pragma once
#include <gantryd/haproxy_config/config.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace gantryd::haproxy_config {

/// One server as the running HAProxy tells it.
struct server_view {
    slot_mode mode = slot_mode::empty;  ///< maintenance reads as empty or, with an address, as draining
    bool up = false;                    ///< HAProxy would send it traffic now
    std::string address;
    std::uint16_t port = 0;
    std::int64_t sessions = 0;      ///< live ones and queued ones, of the current worker
    std::int64_t old_sessions = 0;  ///< the same in workers that a reload left behind to finish
    /// Those of both that HAProxy only passes through any more, as after an upgrade; known from a close look.
    std::int64_t tunnels = 0;
    bool other_weight = false;  ///< it has another weight than the file gives it

    friend bool operator==(const server_view&, const server_view&) = default;
};

/// What runs, read back from it.
struct proxy_view {
    bool running = false;
    pid_t master = 0;
    std::int64_t old_workers = 0;
    std::vector<pid_t> workers;                 ///< the present one, and then the old ones
    std::vector<std::string> closed_frontends;  ///< by hand: they take no new connections
    bool file_edited = false;                   ///< the file on disk is not the one that gantryd wrote
    std::string version;                        ///< "2.6.12"
    std::map<model::route_id, std::vector<server_view>> routes;
    std::int64_t reloads = 0;   ///< by us, since gantryd started
    std::string reload_reason;  ///< of the last one
    /// Routes that were asked for and cannot be: "port 8888 is taken by nginx (pid 4711)".
    std::map<model::route_id, std::string> refused;

    friend bool operator==(const proxy_view&, const proxy_view&) = default;
};

}  // namespace gantryd::haproxy_config
