#include "frames.hpp"

#include <algorithm>
#include <string>

namespace gantryd::docker {

base::result<void> frame_splitter::feed(std::string_view bytes, const sink& to)
{
    while (!bytes.empty()) {
        if (payload_left_ > 0) {
            const auto piece = bytes.substr(0, payload_left_);
            payload_left_ -= static_cast<std::uint32_t>(piece.size());
            bytes.remove_prefix(piece.size());
            to(stream_, piece);
            continue;
        }
        const auto wanted = std::min(header_bytes - header_size_, bytes.size());
        std::ranges::copy(
            bytes.substr(0, wanted), header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
        header_size_ += wanted;
        bytes.remove_prefix(wanted);
        if (header_size_ < header_bytes)
            break;
        auto read = read_header();
        if (!read)
            return read;
    }
    return {};
}

base::result<void> frame_splitter::read_header()
{
    // 0 is stdin, which an engine may echo; 3 is a message of the engine about the stream itself.
    if (header_[0] > 3 || header_[1] != 0 || header_[2] != 0 || header_[3] != 0)
        return base::fail(base::errc::malformed,
            "a frame of the output begins with byte " + std::to_string(static_cast<int>(header_[0])));
    stream_ = header_[0] >= 2 ? output_stream::err : output_stream::out;
    payload_left_ = 0;
    for (std::size_t i = 4; i < header_bytes; ++i)
        payload_left_ = (payload_left_ << 8U) | header_[i];
    header_size_ = 0;
    return {};
}

}  // namespace gantryd::docker
