#pragma once
#include "runtime_api.hpp"

#include <gantryd/base/error.hpp>
#include <gantryd/haproxy/proxy.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace gantryd::haproxy {

/// The master and its workers, read at one moment.
struct observation {
    process_table processes;
    worker_report current;
    std::vector<worker_report> old_workers;
};

/// The files of gantryd's HAProxy.
struct file_names {
    explicit file_names(const std::string& directory);
    std::string config;     ///< haproxy.cfg: what runs, or what runs after the next reload
    std::string candidate;  ///< haproxy.cfg.new: being checked
    std::string good;       ///< haproxy.cfg.good: what ran before the last reload
    std::string pid;
    std::string admin_socket;
    std::string master_socket;
    std::string handover_socket;
};

/// What a process is, by its command line.
enum class identity {
    ours,      ///< it runs HAProxy with our configuration file
    other,     ///< it does not, or there is no such process
    changing,  ///< it is just executing a program, as HAProxy's master does in a reload; ask again
};

/// Starts, finds, reloads and stops the processes. It knows nothing of routes.
class supervisor {
public:
    supervisor(const proxy_options& options, runtime::clock& clk);

    const file_names& files() const { return files_; }

    /// Whether this gantryd or an earlier one started it.
    identity identity_of(pid_t pid) const;
    bool is_ours(pid_t pid) const { return identity_of(pid) == identity::ours; }

    /// The process of the pid file when it is surely ours; else 0.
    pid_t master_in_pid_file() const;

    /// What runs; nothing when none does. It tries again for a while when HAProxy is just changing over.
    /// Errors: timed_out, unavailable (it lives, but does not answer), malformed.
    boost::asio::awaitable<base::result<std::optional<observation>>> observe(
        runtime::time_point deadline, detail wanted = detail::servers);

    /// Writes the text beside the configuration and lets HAProxy check it there.
    /// Errors: timed_out, unavailable, rejected (with HAProxy's own words).
    boost::asio::awaitable<base::result<void>> check(std::string text, runtime::time_point deadline);

    /// Makes the checked text the configuration, and keeps the one that was.
    base::result<void> install();

    /// Starts HAProxy with the installed configuration; it takes over from `instead_of`, a master that does
    /// not answer any more, when that is not 0. Returns once the new one answers. Errors: timed_out,
    /// unavailable.
    boost::asio::awaitable<base::result<observation>> start(pid_t instead_of, runtime::time_point deadline);

    /// Reloads the installed configuration, and goes back to the one before when HAProxy cannot take it.
    /// Returns once the new worker answers with that description. Errors: timed_out, unavailable, rejected.
    boost::asio::awaitable<base::result<observation>> reload(
        process_table before, std::string description, runtime::time_point deadline);

    /// Asks the master to go once its connections are finished, and waits until it takes no new ones. Removes
    /// its sockets and its pid file. A process that is not ours is left alone. Errors: timed_out.
    boost::asio::awaitable<base::result<void>> stop(pid_t master, runtime::time_point deadline);

private:
    boost::asio::awaitable<base::result<std::optional<observation>>> observe_once(
        runtime::time_point deadline, detail wanted);
    boost::asio::awaitable<base::result<std::vector<worker_report>>> observe_old_workers(
        std::vector<pid_t> workers, runtime::time_point deadline, detail wanted);
    base::result<void> go_back();
    pid_t pid_in_file() const;
    boost::asio::awaitable<base::result<process_table>> show_processes(runtime::time_point deadline);

    file_names files_;
    std::string program_;
    runtime::clock& clk_;
};

/// The lines of HAProxy's output that say what is wrong, without its prefixes; the whole when there are none.
std::string alerts_in(const std::string& output);

}  // namespace gantryd::haproxy
