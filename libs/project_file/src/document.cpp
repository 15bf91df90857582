#include "document.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::project_file {
namespace {

constexpr std::size_t milestone = 256;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// Bytes of the UTF-8 character at `offset`; 0 when there is none.
std::size_t character_size(std::string_view text, std::size_t offset) noexcept
{
    const auto byte = [&](std::size_t i) -> unsigned {
        return offset + i < text.size() ? static_cast<unsigned char>(text[offset + i]) : 0U;
    };
    const unsigned first = byte(0);
    if (first < 0x80)
        return 1;
    const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
    const unsigned low = first == 0xE0 ? 0xA0U : first == 0xF0 ? 0x90U : 0x80U;
    const unsigned high = first == 0xED ? 0x9FU : first == 0xF4 ? 0x8FU : 0xBFU;
    if (first < 0xC2 || first > 0xF4 || byte(1) < low || byte(1) > high)
        return 0;
    for (std::size_t i = 2; i < size; ++i)
        if ((byte(i) & 0xC0U) != 0x80U)
            return 0;
    return size;
}

/// The offset of the first character that no project file may have, or the text's size.
std::size_t first_unreadable(std::string_view text) noexcept
{
    std::size_t i = 0;
    while (i < text.size()) {
        const char c = text[i];
        if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r')
            return i;
        const auto size = character_size(text, i);
        if (size == 0)
            return i;
        i += size;
    }
    return text.size();
}

}  // namespace

problem problem_at(place where, std::string expected)
{
    return {.line = where.line, .column = where.column, .field = {}, .expected = std::move(expected)};
}

text_positions::text_positions(std::string_view text) : text_(text)
{
    place here;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i % milestone == 0)
            milestones_.push_back(here);
        step(here, text[i]);
    }
    milestones_.push_back(here);
}

void text_positions::step(place& from, char over) noexcept
{
    if (over == '\n')
        from = {from.line + 1, 1};
    else if (!is_continuation(over))
        ++from.column;
}

place text_positions::at(std::size_t offset) const
{
    offset = std::min(offset, text_.size());
    if (offset == text_.size())
        return milestones_.back();
    auto here = milestones_[offset / milestone];
    for (std::size_t i = offset - offset % milestone; i < offset; ++i)
        step(here, text_[i]);
    return here;
}

bool is_json_number(std::string_view text) noexcept
{
    std::size_t i = 0;
    const auto digits = [&] {
        const auto from = i;
        while (i < text.size() && text[i] >= '0' && text[i] <= '9')
            ++i;
        return i - from;
    };
    if (i < text.size() && text[i] == '-')
        ++i;
    const bool leading_zero = i < text.size() && text[i] == '0';
    const auto whole = digits();
    if (whole == 0 || (leading_zero && whole > 1))
        return false;
    if (i < text.size() && text[i] == '.') {
        ++i;
        if (digits() == 0)
            return false;
    }
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
        ++i;
        if (i < text.size() && (text[i] == '+' || text[i] == '-'))
            ++i;
        if (digits() == 0)
            return false;
    }
    return i == text.size();
}

std::expected<node, problem> read_document(std::string_view text, syntax as)
{
    if (text.size() > longest_text)
        return std::unexpected(problem_at(
            {}, fmt::format("expected at most {} bytes of text, found {}", longest_text, text.size())));
    if (text.starts_with(byte_order_mark))
        text.remove_prefix(byte_order_mark.size());
    if (const auto bad = first_unreadable(text); bad < text.size()) {
        const auto byte = static_cast<unsigned char>(text[bad]);
        return std::unexpected(problem_at(text_positions(text).at(bad),
            fmt::format("expected {}, found the byte 0x{:02x}",
                byte < 0x20 ? "text without control characters" : "UTF-8 text", byte)));
    }
    return as == syntax::json ? read_json_document(text) : read_yaml_document(text);
}

}  // namespace gantryd::project_file
