#pragma once
#include <chrono>
#include <cstdint>

namespace gantryd::load {

/// When each request of an open load is due: request i at i / rate, whatever became of those before it.
class schedule {
public:
    /// `rate`: requests per second, more than 0. `keep_alive_percent`: from 0 to 100.
    schedule(double rate, int keep_alive_percent) : rate_(rate), keep_alive_percent_(keep_alive_percent) {}

    /// Time since the start of the load.
    std::chrono::nanoseconds due(std::int64_t i) const;

    /// Whether request i goes over a kept connection; the others get a new one each. Evenly spread.
    bool keeps_alive(std::int64_t i) const;

private:
    double rate_;
    std::int64_t keep_alive_percent_;
};

}  // namespace gantryd::load
