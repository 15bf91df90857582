#include "load/pattern.hpp"

namespace gantryd::load {

char pattern::byte_at(std::uint64_t place) const
{
    // splitmix64 of the place's word
    std::uint64_t x = (stream_ << 40) + place / 8 + 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;
    return static_cast<char>(x >> (place % 8 * 8));
}

std::string pattern::next(std::size_t size)
{
    std::string out(size, '\0');
    for (auto& byte : out)
        byte = byte_at(sent_++);
    return out;
}

bool pattern::accept(std::string_view bytes)
{
    for (const char byte : bytes) {
        if (received_ == sent_ || byte != byte_at(received_))
            return false;
        ++received_;
    }
    return true;
}

}  // namespace gantryd::load
