#include "answer.hpp"

#include <gantryd/model/component_json.hpp>

#include <algorithm>
#include <utility>

namespace gantryd::health {
namespace {

/// Length of the UTF-8 character at the start of `text`, which is not empty; zero when there is none.
std::size_t character_length(std::string_view text) noexcept
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto first = byte(0);
    const std::size_t length = first < 0x80                    ? 1
                               : first >= 0xC2 && first < 0xE0 ? 2
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    if (length == 0 || length > text.size())
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0) != 0x80)
            return 0;
    // Not the shortest form, a surrogate, or above U+10FFFF.
    const bool bad = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) >= 0xA0) ||
                     (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) >= 0x90);
    return bad ? 0 : length;
}

bool is_control(std::string_view character) noexcept
{
    const auto first = static_cast<unsigned char>(character[0]);
    const bool c1 = first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
    return first < 0x20 || first == 0x7F || c1;
}

}  // namespace

std::string readable(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r\n\v\f";
    std::string out;
    std::size_t count = 0;
    std::size_t end_of_short = 0;  // where the text ends when "..." must fit after it
    bool blank = false;
    while (!text.empty()) {
        const auto length = character_length(text);
        const auto character = length == 0 ? std::string_view("?") : text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
        if (blanks.contains(character[0])) {
            blank = !out.empty();
            continue;
        }
        if (is_control(character))
            continue;
        count += blank ? 2 : 1;
        if (count > longest_answer)
            return out.substr(0, end_of_short) + "...";
        if (std::exchange(blank, false))
            out += ' ';
        out += character;
        if (count <= longest_answer - 3)
            end_of_short = out.size();
    }
    return out;
}

std::string with_details(std::string_view headline, std::string_view details)
{
    std::string out(headline);
    if (const auto text = readable(details); !text.empty())
        out += ": " + text;
    return out;
}

std::string no_answer_within(model::milliseconds timeout)
{
    return "no answer within " + model::duration_text(timeout);
}

}  // namespace gantryd::health
