#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace gantryd::runtime {

struct process_outcome {
    int exit_code = 0;   ///< 128 + signal when a signal ended it
    std::string output;  ///< stdout, and stderr if kept, the first 64 KiB
};

/// What a program reads, and what of its words is kept.
struct process_streams {
    std::string input;        ///< its stdin
    bool keep_errors = true;  ///< false: its stderr goes nowhere
};

/// Runs a program to its end, without a shell, and with no descriptor of ours but its streams.
/// Errors: not_found (no such program), timed_out (it is killed then), unavailable (the kernel refused).
/// Cancellation: terminal; the program is killed.
boost::asio::awaitable<base::result<process_outcome>> run_process(
    clock& clk, std::vector<std::string> command, time_point deadline, process_streams streams = {});

/// Suspends until the process is gone; at once when there is no such process. It need not be our child.
/// Cancellation: terminal.
boost::asio::awaitable<void> wait_for_exit(pid_t pid);

/// True while a process of that number exists (a zombie counts as gone).
bool is_alive(pid_t pid);

/// True when the process is one of this machine's and the name of its control group has `part` in it. A
/// container engine puts the container's id there: so a number from an engine elsewhere, or one that was
/// given anew, is not taken for the container's process.
bool is_in_cgroup(pid_t pid, std::string_view part);

}  // namespace gantryd::runtime
