#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace gantryd::load {

/// The bytes of an echo stream. Each follows from the stream's number and its place, so that one that is
/// missing, doubled, changed or another stream's is seen at once.
class pattern {
public:
    explicit pattern(std::uint64_t stream) : stream_(stream) {}

    /// The next bytes to send.
    std::string next(std::size_t size);

    /// Takes the next bytes that came back. False when one of them is not the one that belongs there, or was
    /// never sent.
    bool accept(std::string_view bytes);

    std::uint64_t sent() const { return sent_; }
    std::uint64_t received() const { return received_; }  ///< up to the first wrong one

private:
    char byte_at(std::uint64_t place) const;

    std::uint64_t stream_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
};

}  // namespace gantryd::load
