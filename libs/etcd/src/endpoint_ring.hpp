#pragma once
#include <gantryd/base/time.hpp>

#include <cstddef>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace gantryd::etcd {

/// Which member is asked next. It stays with the one that answers; one that failed is left alone for a while,
/// longer each time, unless there is no other.
class endpoint_ring {
public:
    /// Begins anywhere, so that many clients spread over the members. Precondition: count > 0.
    endpoint_ring(std::size_t count, std::mt19937& random);

    /// The best of those that are not in `tried`; none when all are.
    std::optional<std::size_t> pick(base::time_point now, const std::set<std::size_t>& tried = {}) const;

    void succeeded(std::size_t which);
    void failed(std::size_t which, base::time_point now);

    bool is_suspect(std::size_t which) const { return members_[which].failures > 0; }

    std::size_t size() const noexcept { return members_.size(); }

private:
    struct member {
        int failures = 0;
        base::time_point retry_at = base::time_point::min();
    };
    std::vector<member> members_;
    std::size_t preferred_;
    std::mt19937* random_;
};

}  // namespace gantryd::etcd
