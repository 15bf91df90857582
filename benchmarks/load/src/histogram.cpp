#include "load/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace gantryd::load {
namespace {

// Values below 2 * parts have a bucket each; above that every power of two has `parts` buckets.
constexpr std::uint64_t parts = 64;

std::size_t bucket_of(std::uint64_t value)
{
    if (value < 2 * parts)
        return static_cast<std::size_t>(value);
    const auto shift = static_cast<std::uint64_t>(std::bit_width(value) - std::bit_width(parts));
    return static_cast<std::size_t>(shift * parts + (value >> shift));
}

/// The largest value that falls into the bucket.
std::uint64_t top_of(std::size_t bucket)
{
    const auto b = static_cast<std::uint64_t>(bucket);
    if (b < 2 * parts)
        return b;
    const auto shift = b / parts - 1;
    return ((b - shift * parts + 1) << shift) - 1;
}

}  // namespace

void histogram::add(std::chrono::microseconds value)
{
    value = std::max(value, std::chrono::microseconds(0));
    const auto at = bucket_of(static_cast<std::uint64_t>(value.count()));
    if (at >= buckets_.size())
        buckets_.resize(at + 1);
    ++buckets_[at];
    ++count_;
    largest_ = std::max(largest_, value);
}

void histogram::add(const histogram& more)
{
    buckets_.resize(std::max(buckets_.size(), more.buckets_.size()));
    for (std::size_t i = 0; i < more.buckets_.size(); ++i)
        buckets_[i] += more.buckets_[i];
    count_ += more.count_;
    largest_ = std::max(largest_, more.largest_);
}

std::chrono::microseconds histogram::percentile(double percent) const
{
    const auto wanted = static_cast<std::int64_t>(std::ceil(static_cast<double>(count_) * percent / 100));
    std::int64_t passed = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        passed += buckets_[i];
        if (passed > 0 && passed >= wanted)
            return std::min(std::chrono::microseconds(top_of(i)), largest_);
    }
    return largest_;
}

}  // namespace gantryd::load
