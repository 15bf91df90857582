#pragma once
#include <gantryd/base/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::http {

/// Cuts a byte stream into newline-terminated records (Docker events, progress of a pull, etcd watch).
///
/// Sans-io: bytes in, records out. HTTP chunks are not records; one chunk may hold half a record or several.
class line_splitter {
public:
    explicit line_splitter(std::size_t max_record_bytes) : max_(max_record_bytes) {}

    /// Appends the records completed by `bytes` to `out`, without their newline (and a '\r' before it).
    /// Errors: limit_exceeded; do not feed again after an error.
    base::result<void> feed(std::string_view bytes, std::vector<std::string>& out);

    /// What came after the last newline.
    const std::string& partial_record() const noexcept { return partial_; }

private:
    std::size_t max_;
    std::string partial_;
};

}  // namespace gantryd::http
