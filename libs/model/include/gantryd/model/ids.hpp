#pragma once
#include <gantryd/base/strong_id.hpp>

#include <cstdint>

namespace gantryd::model {

using project_name = base::strong_id<struct project_tag>;
using component_name = base::strong_id<struct component_tag>;
using machine_id = base::strong_id<struct machine_tag>;
using container_id = base::strong_id<struct container_tag>;  ///< Docker's 64 hex digits
using instance_name = base::strong_id<struct instance_tag>;  ///< <project>-<component>-<release>-<n>
using image_id = base::strong_id<struct image_tag>;          ///< "sha256:" and 64 hex digits
using route_id = base::strong_id<struct route_tag>;          ///< one external port: "web_8888"

/// Counts a component's releases from 1. Compared and passed on; next() is its only arithmetic.
enum class release_number : std::int64_t {};

constexpr release_number next(release_number n) noexcept
{
    return static_cast<release_number>(static_cast<std::int64_t>(n) + 1);
}
constexpr std::int64_t value_of(release_number n) noexcept { return static_cast<std::int64_t>(n); }

}  // namespace gantryd::model
