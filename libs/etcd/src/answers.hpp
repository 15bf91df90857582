#pragma once
#include "refusal.hpp"

#include <gantryd/base/error.hpp>
#include <gantryd/store/data.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What etcd's JSON gateway answers, across 3.4, 3.5 and 3.6: members that are zero, false or empty are left
// out, and 64-bit numbers are texts. Pure. All errors: malformed.
namespace gantryd::etcd {

/// Who answered, and from where in the history.
struct header {
    std::uint64_t cluster = 0;
    std::uint64_t member = 0;
    store::revision at{};
    std::uint64_t term = 0;

    friend bool operator==(const header&, const header&) = default;
};

struct range_answer {
    header from;
    std::vector<store::key_value> pairs;
    std::int64_t count = 0;  ///< of all keys in the range, those too that were not asked for
};

struct commit_answer {
    header from;
    bool succeeded = false;
    /// Of a transaction that did not succeed: the keys that it read. A key that is not there is missing.
    std::vector<store::key_value> read;
};

struct audit_answer {
    header from;
    /// Of each part in turn.
    struct part {
        std::int64_t count = 0;
        std::vector<store::key_value> written;
    };
    std::vector<part> parts;
};

struct lease_answer {
    header from;
    store::lease_id lease{};
    std::chrono::seconds ttl{};  ///< zero: it has ended
};

base::result<range_answer> decode_range(std::string_view body);
base::result<commit_answer> decode_commit(std::string_view body);
base::result<audit_answer> decode_audit(std::string_view body);
base::result<lease_answer> decode_grant(std::string_view body);
/// The one record of the stream. A refusal that came in the stream stands in place of the answer.
base::result<std::variant<lease_answer, refusal>> decode_keep_alive(std::string_view body);
base::result<std::string> decode_token(std::string_view body);

/// One record of a watch.
struct watch_frame {
    header from;
    std::int64_t watch = 0;
    bool is_created = false;
    bool is_cancelled = false;
    bool is_fragment = false;             ///< more of the same revision follows
    store::revision compacted{};          ///< not zero: the history up to here is gone
    std::string reason;                   ///< of a cancellation; may be empty
    std::vector<store::change> changes;   ///< none: a sign of life
    std::optional<refusal> stream_ended;  ///< instead of everything else
};

base::result<watch_frame> decode_watch_frame(std::string_view record);

}  // namespace gantryd::etcd
