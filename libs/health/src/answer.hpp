#pragma once
#include <gantryd/health/prober.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace gantryd::health {

inline constexpr std::size_t longest_answer = 200;

/// `text` as one line for people: white space is one blank, control characters are gone, bytes that are no
/// UTF-8 are '?', and what is longer than 200 characters ends in "...".
std::string readable(std::string_view text);

/// "503 Service Unavailable: db down"; without what is empty.
std::string with_details(std::string_view headline, std::string_view details);

/// "no answer within 2s".
std::string no_answer_within(model::milliseconds timeout);

inline probe_result passed(std::string_view answer) { return {true, readable(answer)}; }
inline probe_result failed(std::string_view answer) { return {false, readable(answer)}; }

}  // namespace gantryd::health
