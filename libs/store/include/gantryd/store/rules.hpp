#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/store/data.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace gantryd::store {

/// Largest value of a key, in bytes.
inline constexpr std::size_t largest_value = 1024UL * 1024;

/// Longest time to live of a lease; etcd's own limit.
inline constexpr std::chrono::seconds longest_lease{9'000'000'000};

/// What every implementation refuses before it looks at its data.
/// Errors: rejected (a key is empty or stands twice), limit_exceeded (a value over `largest_value`).
base::result<void> validate(const transaction& what);

/// Errors: rejected (not one second to `longest_lease`).
base::result<void> validate(std::chrono::seconds time_to_live);

/// The first key, in key order, after all keys that start with `prefix`; nothing when none can follow them.
std::optional<std::string> end_of_prefix(std::string prefix);

}  // namespace gantryd::store
