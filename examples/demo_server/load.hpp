#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace demo {

struct load_options {
    std::string address = "127.0.0.1";  ///< numeric
    std::uint16_t port = 80;
    std::string path = "/";
    int connections = 8;  ///< at the same time; every second one makes a new connection for each request
    std::chrono::milliseconds pause{2};              ///< of one connection between two requests
    std::chrono::milliseconds answer_within{5'000};  ///< a later answer is a failure
};

struct load_report {
    std::int64_t requests = 0;  ///< with an answer or a failure
    std::int64_t failed = 0;    ///< no answer, a broken one, or one that is not 2xx
    std::chrono::microseconds slowest{};
    std::map<std::string, std::int64_t> seen;  ///< good answers by their first line
    std::vector<std::string> failures;         ///< the first 20, one sentence each
};

/// Keeps `options.connections` requests going until `stop` is set (looked at every 20 ms). A keep-alive
/// connection that the server closes in mid-request is a failure; one that it closes between two requests is
/// not.
load_report run_load(const load_options& options, const std::atomic<bool>& stop);

}  // namespace demo
