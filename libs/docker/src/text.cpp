#include "text.hpp"

#include <gantryd/base/names.hpp>

#include <algorithm>

namespace gantryd::docker {
namespace {

/// Bytes of the UTF-8 sequence at the front; zero when there is none (overlong, surrogate, cut off, ..).
std::size_t sequence_length(std::string_view bytes)
{
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned first = at(0);
    std::size_t length = 0;
    unsigned low = 0x80;
    unsigned high = 0xBF;
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        low = first == 0xE0 ? 0xA0 : low;
        high = first == 0xED ? 0x9F : high;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        low = first == 0xF0 ? 0x90 : low;
        high = first == 0xF4 ? 0x8F : high;
    }
    if (length == 0 || bytes.size() < length || at(1) < low || at(1) > high)
        return 0;
    for (std::size_t i = 2; i < length; ++i)
        if (at(i) < 0x80 || at(i) > 0xBF)
            return 0;
    return length;
}

bool is_control(std::string_view character)
{
    const auto first = static_cast<unsigned char>(character[0]);
    if (character.size() == 1)
        return (first < 0x20 && first != '\t') || first == 0x7F;
    // U+0080 to U+009F: the same powers over a terminal as ESC and a letter.
    return first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

/// Length of "ESC [ parameters final", the sequences that set colours and move the cursor; else zero.
std::size_t escape_length(std::string_view bytes)
{
    if (!bytes.starts_with("\x1b["))
        return 0;
    for (std::size_t i = 2; i < bytes.size(); ++i) {
        if (bytes[i] >= 0x40 && bytes[i] <= 0x7E)
            return i + 1;
        if (bytes[i] < 0x20 || bytes[i] > 0x3F)
            return 0;
    }
    return 0;
}

}  // namespace

std::string clean_line(std::string_view bytes, std::size_t most_characters)
{
    std::string line;
    std::size_t characters = 0;
    while (!bytes.empty() && characters < most_characters) {
        if (const auto escape = escape_length(bytes); escape > 0) {
            bytes.remove_prefix(escape);
            continue;
        }
        const auto length = sequence_length(bytes);
        const auto character = length > 0 ? bytes.substr(0, length) : std::string_view("?");
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
        if (is_control(character))
            continue;
        line += character;
        ++characters;
    }
    return line;
}

std::string shown(std::string_view id_or_name)
{
    const bool is_id = id_or_name.size() == 64 && std::ranges::all_of(id_or_name, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
    return is_id ? base::short_id(id_or_name) : std::string(id_or_name);
}

}  // namespace gantryd::docker
