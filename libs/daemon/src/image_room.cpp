#include "image_room.hpp"

#include <utility>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

/// More than the logs of what runs give back and take in minutes.
constexpr std::int64_t least_gain = 64'000'000;
constexpr auto believed_for = 10min;

}  // namespace

image_room::pull::pull(image_room& in) : in_(in), shared_(in.under_way_ > 0), number_(++in.begun_)
{
    ++in_.under_way_;
}

void image_room::pull::did_not_fit(
    const std::string& image, std::int64_t free, std::string why, base::time_point now)
{
    if (!shared_ && in_.begun_ == number_)
        in_.failed_.insert_or_assign(image, failure{free, std::move(why), now});
}

std::optional<std::string> image_room::why_futile(
    const std::string& image, std::int64_t free, base::time_point now) const
{
    const auto found = failed_.find(image);
    if (found == failed_.end())
        return std::nullopt;
    const auto& [had, why, at] = found->second;
    return now < at + believed_for && free < had + least_gain ? std::optional(why) : std::nullopt;
}

}  // namespace gantryd::daemon
