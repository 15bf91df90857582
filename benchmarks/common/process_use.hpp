#pragma once
#include <cstdint>

#include <sys/types.h>

namespace gantryd::benchmark {

/// What a process uses now, as /proc tells. All zero when it has ended.
struct process_use {
    std::int64_t resident_kb = 0;   ///< with the pages of its program file that it touched
    std::int64_t anonymous_kb = 0;  ///< its own memory: heap and stacks
    int descriptors = 0;
    int threads = 0;
    double cpu_nanoseconds = 0;  ///< of its first thread, so far
};
process_use use_of(pid_t pid);

}  // namespace gantryd::benchmark
