#pragma once
#include "load/histogram.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::load {

using std::chrono::milliseconds;

/// What became of a request that has no good answer.
enum class failure {
    refused,    ///< no connection
    reset,      ///< connected, then reset before any byte of the answer
    closed,     ///< connected, then closed before any byte of the answer
    cut,        ///< closed or reset in the middle of the answer
    malformed,  ///< bytes that are no HTTP answer, or more of them than it announced
    timed_out,
    status,  ///< an answer that is not 2xx
    unsent,  ///< this machine has no socket for it, or too many requests wait already
};
std::string_view text_of(failure what);

/// When a version was seen; times count from the start of the load.
struct version_seen {
    std::int64_t answers = 0;
    milliseconds first{};
    milliseconds last{};
};

struct request_report {
    std::int64_t sent = 0;      ///< due ones: each is either answered or failed
    std::int64_t answered = 0;  ///< in time, whole and 2xx
    std::map<failure, std::int64_t> failed;
    std::int64_t late = 0;  ///< answered, but later than options::late_after
    histogram latency;      ///< of the answered ones, from the moment each was due
    histogram own_delay;    ///< from that moment until the driver began with it
    std::chrono::microseconds longest_gap{};
    milliseconds longest_gap_at{};                 ///< when it began
    std::map<std::string, version_seen> versions;  ///< by the first line of the answer

    std::int64_t all_failed() const;
    void add(const request_report& more, milliseconds begin);
};

struct stream_report {
    std::int64_t asked = 0;      ///< how many were to be open at the same time
    std::int64_t opened = 0;     ///< connected, and upgraded where that was asked for
    std::int64_t refused = 0;    ///< not opened
    std::int64_t ended = 0;      ///< by the driver, with every byte back
    std::int64_t cut = 0;        ///< ended by somebody else
    std::int64_t corrupted = 0;  ///< a byte came back that was not the one that was sent
    std::int64_t stalled = 0;    ///< bytes did not come back in time
    std::int64_t bytes = 0;      ///< that came back
    std::chrono::microseconds slowest_echo{};

    std::int64_t all_failed() const { return refused + cut + corrupted + stalled; }
    void add(const stream_report& more);
};

struct report {
    milliseconds took{};
    request_report requests;
    stream_report tcp;
    stream_report upgraded;
    std::vector<std::string> failures;  ///< the first 20, one sentence each

    /// A load that followed this one; its times count on from the end of this one, those in its failures from
    /// its own beginning.
    void add(const report& more);
};

/// What speaks against "nothing was lost", one sentence each. A load that sent nothing proves nothing, and
/// says so.
std::vector<std::string> problems_in(const report& of);

/// A table for people: one line per fact, its first word or words the name.
std::string table_of(const report& of);

std::string json_of(const report& of);

}  // namespace gantryd::load
