#pragma once
#include <cstdint>

namespace gantryd::benchmark {

/// How much of this machine's time its host gave to others ("steal" of proc(5)'s /proc/stat). What was
/// measured meanwhile is the neighbours' as much as ours.
class stolen_time {
public:
    stolen_time();

    /// Since the beginning, in percent of all cores' time.
    double percent() const;

private:
    struct ticks {
        std::int64_t stolen = 0;
        std::int64_t all = 0;
    };
    static ticks read();

    ticks begin_;
};

}  // namespace gantryd::benchmark
