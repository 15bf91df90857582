#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace gantryd::base {

/// RFC 4648, section 4, with or without padding. Nothing when it is none.
std::optional<std::string> decode_base64(std::string_view text);

/// RFC 4648, section 4, with padding.
std::string encode_base64(std::string_view bytes);

/// RFC 4648, section 5, with padding: '-' and '_' in place of '+' and '/'.
std::string encode_base64url(std::string_view bytes);

}  // namespace gantryd::base
