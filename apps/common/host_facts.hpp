#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace gantryd::app {

/// The address of this machine from which it reaches others: that of its default route. Empty without one.
std::string routed_address();

/// Those that are online; 0 when the system does not tell.
int cpu_count();

/// What is free on the file system of that path, what is kept for root included, in bytes; nothing when there
/// is no such path.
std::optional<std::int64_t> free_bytes(const std::string& path);

/// Memory of the machine in bytes; 0 when the system does not tell.
std::int64_t memory_bytes();

}  // namespace gantryd::app
