#pragma once
#include <gantryd/runtime/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <random>

namespace gantryd::simulation {

/// All chance of a life: one seed, one course. No distribution of the standard library, which may differ from
/// one implementation to the next.
class dice {
public:
    explicit dice(std::uint64_t seed) : source_(seed) {}

    /// 0 .. n-1. Precondition: n > 0.
    std::uint64_t below(std::uint64_t n) { return source_() % n; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    /// True with this chance, in thousandths.
    bool per_mille(std::uint64_t chance) { return below(1000) < chance; }
    /// Whole milliseconds, both ends included.
    std::chrono::milliseconds between(std::chrono::milliseconds least, std::chrono::milliseconds most)
    {
        const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
        return least + std::chrono::milliseconds(below(span));
    }
    template <class C>
    auto& any_of(C& choices)
    {
        return choices[static_cast<std::size_t>(below(choices.size()))];
    }

private:
    std::mt19937_64 source_;
};

}  // namespace gantryd::simulation
