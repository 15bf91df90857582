#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gantryd::load {

/// Any number of durations in little memory. Up to 128 us they are kept exactly, above that to 1/64 of their
/// size; the largest is kept exactly.
class histogram {
public:
    /// Negative ones count as zero.
    void add(std::chrono::microseconds value);
    void add(const histogram& more);

    std::int64_t count() const { return count_; }
    std::chrono::microseconds largest() const { return largest_; }

    /// The least value that at least `percent` of all values do not exceed, rounded up as above. Zero when
    /// there are none.
    std::chrono::microseconds percentile(double percent) const;

private:
    std::vector<std::int64_t> buckets_;
    std::int64_t count_ = 0;
    std::chrono::microseconds largest_{};
};

}  // namespace gantryd::load
