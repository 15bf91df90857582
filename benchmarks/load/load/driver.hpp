#pragma once
#include "load/report.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace gantryd::load {

/// Requests that are sent when they are due, not when the one before has its answer.
struct request_options {
    double rate = 1'000;          ///< per second; 0 for no requests
    int keep_alive_percent = 50;  ///< of the requests go over kept connections, the others over new ones
    int connections = 32;         ///< kept ones, used in turn; more only while all of them wait for an answer
    std::string path = "/";
    std::size_t post_bytes = 0;          ///< 0: GET, else POST with a body of this size
    milliseconds answer_within{10'000};  ///< a later answer is a failure
    milliseconds late_after{1'000};      ///< a later answer is counted as late
    std::int64_t count = 0;              ///< 0: no limit
};

/// Connections that stay open, on which whatever is sent comes back.
struct stream_options {
    int tcp = 0;  ///< how many raw ones are open at the same time
    std::uint16_t tcp_port = 0;
    int upgraded = 0;         ///< how many begin as HTTP with `Upgrade: echo`
    milliseconds pause{100};  ///< of one stream between two chunks
    std::size_t chunk_bytes = 512;
    milliseconds life{0};              ///< then it is closed and another one opened; 0: until the load ends
    milliseconds echo_within{30'000};  ///< bytes that take longer to come back have stalled
};

struct options {
    std::string address = "127.0.0.1";  ///< numeric, IPv4
    std::uint16_t port = 80;            ///< HTTP
    request_options requests;
    stream_options streams;
    milliseconds duration{10'000};  ///< 0: until stopped
};

/// Drives the load until the duration or the count is over or `stop` is set (looked at every 20 ms), then
/// waits for what is under way: at most `answer_within` for answers, `echo_within` for echoes. One thread,
/// no retries. A kept connection that the server closes between two requests is no failure.
report run(const options& what, const std::atomic<bool>& stop);

/// Lets this process open as many sockets as the machine allows it.
void raise_file_limit();

/// Lets the calling thread run before all others of the machine (SCHED_FIFO) where it may, so that a driver
/// on the same machine as what it measures tells of that, and not of its own wait for a processor.
void run_before_others();

}  // namespace gantryd::load
