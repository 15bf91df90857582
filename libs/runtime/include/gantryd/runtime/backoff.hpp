#pragma once
#include <gantryd/base/time.hpp>

#include <random>

namespace gantryd::runtime {

/// Waits between attempts: doubling from `first` to `longest`, spread over [half, full].
/// The generator is handed in, so that a test with a fixed seed sees fixed waits.
class backoff {
public:
    backoff(base::duration first, base::duration longest, std::mt19937& random) noexcept
        : first_(first),
          longest_(longest),
          next_(first),
          random_(&random)
    {
    }

    base::duration next();
    void reset() noexcept { next_ = first_; }

private:
    base::duration first_;
    base::duration longest_;
    base::duration next_;
    std::mt19937* random_;
};

}  // namespace gantryd::runtime
