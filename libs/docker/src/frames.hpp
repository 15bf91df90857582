#pragma once
#include <gantryd/base/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace gantryd::docker {

enum class output_stream { out, err };

/// Takes apart the stream of frames in which the engine sends the output of a container without a terminal:
/// one byte for the stream, three zeros, the payload's length as a big-endian 32-bit number, the payload.
///
/// Sans-io. Payloads are handed on as they come and never kept, so that a frame's length costs no memory.
class frame_splitter {
public:
    using sink = std::function<void(output_stream, std::string_view)>;

    /// Hands the payload bytes among `bytes` to `to`, in pieces of any size.
    /// Errors: malformed (these are no frames); do not feed again after an error.
    base::result<void> feed(std::string_view bytes, const sink& to);

    /// True between two frames: where a stream may end.
    bool at_boundary() const noexcept { return header_size_ == 0 && payload_left_ == 0; }

private:
    static constexpr std::size_t header_bytes = 8;
    base::result<void> read_header();

    std::array<unsigned char, header_bytes> header_{};
    std::size_t header_size_ = 0;
    std::uint32_t payload_left_ = 0;
    output_stream stream_ = output_stream::out;
};

}  // namespace gantryd::docker
