#include <gantryd/model/release.hpp>
#include <gantryd/model/rollout.hpp>

#include <array>

namespace gantryd::model {
namespace {

template <class Enum, std::size_t N>
std::optional<Enum> find_by_text(const std::array<Enum, N>& all, std::string_view text) noexcept
{
    for (const auto value : all)
        if (text_of(value) == text)
            return value;
    return std::nullopt;
}

}  // namespace

std::string_view text_of(intent value) noexcept
{
    switch (value) {
    case intent::ready: return "ready";
    case intent::stopped: return "stopped";
    case intent::killed: return "killed";
    }
    return "unknown";
}

std::string_view text_of(release_outcome value) noexcept
{
    switch (value) {
    case release_outcome::pending: return "pending";
    case release_outcome::live: return "live";
    case release_outcome::failed: return "failed";
    case release_outcome::superseded: return "superseded";
    }
    return "unknown";
}

std::optional<intent> intent_of(std::string_view text) noexcept
{
    return find_by_text(std::array{intent::ready, intent::stopped, intent::killed}, text);
}

std::optional<release_outcome> release_outcome_of(std::string_view text) noexcept
{
    using enum release_outcome;
    return find_by_text(std::array{pending, live, failed, superseded}, text);
}

std::string_view text_of(rollout_verdict value) noexcept
{
    switch (value) {
    case rollout_verdict::running: return "running";
    case rollout_verdict::done: return "done";
    case rollout_verdict::failed: return "failed";
    case rollout_verdict::paused: return "paused";
    }
    return "unknown";
}

std::optional<rollout_verdict> rollout_verdict_of(std::string_view text) noexcept
{
    constexpr std::array all{
        rollout_verdict::running, rollout_verdict::done, rollout_verdict::failed, rollout_verdict::paused};
    return find_by_text(all, text);
}

std::string_view text_of(preparation value) noexcept
{
    switch (value) {
    case preparation::fetching: return "fetching";
    case preparation::ready: return "ready";
    case preparation::blocked: return "blocked";
    }
    return "unknown";
}

std::optional<preparation> preparation_of(std::string_view text) noexcept
{
    return find_by_text(std::array{preparation::fetching, preparation::ready, preparation::blocked}, text);
}

}  // namespace gantryd::model
