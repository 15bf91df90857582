#pragma once
#include <gantryd/base/descriptor.hpp>
#include <gantryd/base/error.hpp>
#include <gantryd/model/ids.hpp>

#include <cstdint>

namespace gantryd::socket_table {

/// The network namespace of a container whose first process is `pid`.
/// Errors: rejected (it is ours, not on this machine, or not for us), unavailable (the number is not known).
base::result<base::descriptor> open_namespace(const model::container_id& container, std::int64_t pid);

}  // namespace gantryd::socket_table
