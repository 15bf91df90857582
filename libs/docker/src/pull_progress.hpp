#pragma once
#include <gantryd/base/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace gantryd::docker {

/// One record of a pull's stream.
struct pull_step {
    std::string line;                  ///< for people: "abc123: Downloading 12.1 MB of 30.0 MB"
    std::optional<std::string> error;  ///< the engine's own words: the pull has failed
};

/// Errors: malformed.
base::result<pull_step> decode_pull_step(std::string_view record);

/// "12.1 MB", in powers of 1000 as Docker counts.
std::string text_of_bytes(double bytes);

}  // namespace gantryd::docker
