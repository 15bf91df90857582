#include "endpoint_ring.hpp"

#include <algorithm>

namespace gantryd::etcd {
namespace {

using namespace std::chrono_literals;

constexpr base::duration first_pause = 200ms;
constexpr int most_doublings = 5;  // 6.4 s

}  // namespace

endpoint_ring::endpoint_ring(std::size_t count, std::mt19937& random) : members_(count), random_(&random)
{
    preferred_ = std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
}

std::optional<std::size_t> endpoint_ring::pick(base::time_point now, const std::set<std::size_t>& tried) const
{
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const auto which = (preferred_ + i) % members_.size();
        if (tried.contains(which))
            continue;
        if (members_[which].retry_at <= now)
            return which;
        if (!best || members_[which].retry_at < members_[*best].retry_at)
            best = which;
    }
    return best;
}

void endpoint_ring::succeeded(std::size_t which)
{
    members_[which] = {};
    if (members_[preferred_].failures > 0)
        preferred_ = which;
}

void endpoint_ring::failed(std::size_t which, base::time_point now)
{
    auto& member = members_[which];
    const auto full = first_pause * (1 << std::min(member.failures, most_doublings));
    std::uniform_int_distribution<base::duration::rep> spread(full.count() / 2, full.count());
    member.retry_at = now + base::duration(spread(*random_));
    ++member.failures;
}

}  // namespace gantryd::etcd
