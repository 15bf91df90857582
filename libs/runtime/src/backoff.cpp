#include <gantryd/runtime/backoff.hpp>

#include <algorithm>

namespace gantryd::runtime {

base::duration backoff::next()
{
    const auto full = next_;
    next_ = std::min(next_ * 2, longest_);
    std::uniform_int_distribution<base::duration::rep> spread(full.count() / 2, full.count());
    return base::duration(spread(*random_));
}

}  // namespace gantryd::runtime
