#pragma once
#include <gantryd/base/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace gantryd::haproxy {

/// One server of a backend, as one worker tells it.
struct live_server {
    std::string backend;
    std::string name;
    std::string address;
    std::uint16_t port = 0;
    bool in_maintenance = false;
    bool in_drain = false;
    bool running = false;  ///< HAProxy's operational state; says nothing about maintenance of itself
    std::int64_t sessions = 0;
    std::int64_t tunnels = 0;   ///< see server_view; 0 when the streams were not asked for
    bool other_weight = false;  ///< than its configuration gives it

    friend bool operator==(const live_server&, const live_server&) = default;
};

/// One worker: who it is, what it runs, its servers.
struct worker_report {
    pid_t pid = 0;
    std::string version;                        ///< "2.6.12"
    std::string description;                    ///< what the configuration calls itself
    std::vector<std::string> closed_frontends;  ///< paused or shut down
    std::vector<live_server> servers;

    friend bool operator==(const worker_report&, const worker_report&) = default;
};

/// The answer of the master's `show proc`.
struct process_table {
    pid_t master = 0;
    std::int64_t reloads = 0;         ///< tried ones, good or bad
    std::int64_t failed_reloads = 0;  ///< since the last good one
    pid_t worker = 0;                 ///< the one that takes new connections; 0: none
    std::vector<pid_t> old_workers;   ///< left behind by reloads, to finish what they have

    friend bool operator==(const process_table&, const process_table&) = default;
};

/// How much is asked of a worker.
enum class detail {
    servers,  ///< who it is and its servers
    streams,  ///< its streams as well: some 300 bytes for every connection that is in use
};

/// What parse_worker_report() reads the answer of, for the worker behind the admin socket.
std::string report_commands(detail wanted);

/// The same for an old worker, through the master's socket, which does not know ';'.
std::string report_commands_for(pid_t old_worker, detail wanted);

/// Errors: malformed (the start of what came instead in the sentence).
base::result<worker_report> parse_worker_report(std::string_view replies);

/// Errors: malformed.
base::result<process_table> parse_show_proc(std::string_view reply);

/// The commands as lines for the admin socket, joined by ';' and short enough for HAProxy's buffer. Each line
/// is for a connection of its own.
std::vector<std::string> as_batches(const std::vector<std::string>& commands);

}  // namespace gantryd::haproxy
