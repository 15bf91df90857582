#pragma once
#include <gantryd/base/error.hpp>

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace gantryd::docker {

/// A version of the Engine API: 1.41.
struct api_version {
    int major = 0;
    int minor = 0;
    friend auto operator<=>(const api_version&, const api_version&) = default;
};

/// The range that this client was written for. Below the oldest, `wait` and the event filters differ.
inline constexpr api_version oldest_known_api{1, 24};
inline constexpr api_version newest_known_api{1, 47};

/// "1.41".
std::string text_of(api_version version);

/// Nothing when the text is no "<number>.<number>".
std::optional<api_version> parse_api_version(std::string_view text);

/// What an engine says at GET /version.
struct version_offer {
    std::string engine;  ///< "20.10.24"
    api_version newest;
    api_version oldest;
};

/// The newest version that both sides know.
/// Errors: rejected (the engine is too old or too new for us, with both ranges in the sentence).
base::result<api_version> choose_version(const version_offer& offer);

/// True for the sentence with which an engine refuses the version in the path of a request.
bool is_version_refusal(int status, std::string_view message);

}  // namespace gantryd::docker
