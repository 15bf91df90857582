#include "api_version.hpp"

#include <gantryd/base/number.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::docker {
namespace {

std::optional<int> parse_number(std::string_view digits)
{
    const auto value = base::number_in<int>(digits);
    return value && *value >= 0 ? value : std::nullopt;
}

}  // namespace

std::string text_of(api_version version) { return fmt::format("{}.{}", version.major, version.minor); }

std::optional<api_version> parse_api_version(std::string_view text)
{
    const auto dot = text.find('.');
    if (dot == std::string_view::npos)
        return std::nullopt;
    const auto major = parse_number(text.substr(0, dot));
    const auto minor = parse_number(text.substr(dot + 1));
    if (!major || !minor)
        return std::nullopt;
    return api_version{*major, *minor};
}

base::result<api_version> choose_version(const version_offer& offer)
{
    const auto ours =
        fmt::format("gantryd speaks {} to {}", text_of(oldest_known_api), text_of(newest_known_api));
    if (offer.oldest > newest_known_api)
        return base::fail(base::errc::rejected,
            fmt::format("Docker {} is too new: it refuses API versions below {}, and {}", offer.engine,
                text_of(offer.oldest), ours));
    if (offer.newest < oldest_known_api)
        return base::fail(
            base::errc::rejected, fmt::format("Docker {} is too old: its newest API version is {}, and {}",
                                      offer.engine, text_of(offer.newest), ours));
    return std::min(offer.newest, newest_known_api);
}

bool is_version_refusal(int status, std::string_view message)
{
    if (status != 400 || !message.contains("client version "))
        return false;
    return message.contains("is too new") || message.contains("is too old");
}

}  // namespace gantryd::docker
