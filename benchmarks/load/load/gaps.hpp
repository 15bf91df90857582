#pragma once
#include <algorithm>
#include <chrono>

namespace gantryd::load {

/// The longest time without a good answer. Times count from the start of the load; the waits for the first
/// answer and after the last one are gaps too.
class gaps {
public:
    /// `at` does not go back.
    void answer(std::chrono::nanoseconds at)
    {
        if (at - last_ > longest_) {
            longest_ = at - last_;
            began_ = last_;
        }
        last_ = std::max(last_, at);
    }
    /// The last request was due at `at`; answers may have come later.
    void end(std::chrono::nanoseconds at) { answer(at); }

    std::chrono::nanoseconds longest() const { return longest_; }
    std::chrono::nanoseconds began() const { return began_; }

private:
    std::chrono::nanoseconds last_{};
    std::chrono::nanoseconds longest_{};
    std::chrono::nanoseconds began_{};
};

}  // namespace gantryd::load
