#include "problem_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace gantryd::project_file {
namespace {

/// Found problems that are kept between two clean-ups: amortises the sorting.
constexpr std::size_t most_kept = 20 * most_problems;

constexpr std::size_t longest_quote = 40;

bool is_plain_key(std::string_view key) noexcept
{
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/";
    return !key.empty() && key.size() <= 80 && key.find_first_not_of(plain) == std::string_view::npos;
}

}  // namespace

void problem_list::add(place where, std::string field, std::string expected)
{
    found_.push_back({.what = {.line = where.line,
                          .column = where.column,
                          .field = std::move(field),
                          .expected = std::move(expected)},
        .order = count_++});
    if (found_.size() > most_kept)
        keep_first();
}

void problem_list::keep_first()
{
    std::ranges::sort(found_, {},
        [](const numbered& each) { return std::tuple(each.what.line, each.what.column, each.order); });
    // One more than is shown: the sentence about the rest stands where the rest begins.
    if (found_.size() > most_problems + 1)
        found_.resize(most_problems + 1);
}

std::vector<problem> problem_list::take()
{
    keep_first();
    if (found_.size() > most_problems) {
        auto& last = found_.back().what;
        const auto more = count_ - most_problems;
        last.field.clear();
        last.expected = fmt::format("{} more problem{} from here on", more, more == 1 ? "" : "s");
    }
    std::vector<problem> out;
    out.reserve(found_.size());
    for (auto& each : found_)
        out.push_back(std::move(each.what));
    found_.clear();
    count_ = 0;
    return out;
}

cursor cursor::member(node& child) const
{
    const auto key = is_plain_key(child.key) ? child.key : fmt::format("[{}]", quoted(child.key));
    const bool dot = !field_.empty() && key.front() != '[';
    return {child, field_ + (dot ? "." : "") + key, *problems_, quotes_};
}

cursor cursor::item(std::size_t index) const
{
    return {value_->children[index], fmt::format("{}[{}]", field_, index), *problems_, quotes_};
}

void cursor::refuse(std::string_view what) const
{
    complain(fmt::format("expected {}, found {}", what, found_text(*value_, !secret())));
}

void cursor::complain(std::string sentence) const { problems_->add(at(), field_, std::move(sentence)); }

std::string found_text(const node& value, bool may_quote)
{
    switch (value.kind) {
    case node_kind::null: return "nothing";
    case node_kind::list: return value.children.empty() ? "an empty list" : "a list";
    case node_kind::object: return "an object";
    case node_kind::text: return may_quote ? quoted(value.text) : "another text";
    case node_kind::boolean: return may_quote ? value.text : "a boolean";
    case node_kind::number: break;
    }
    return may_quote ? value.text.substr(0, longest_quote) : "a number";
}

std::string quoted(std::string_view text)
{
    std::string out = "\"";
    std::size_t shown = 0;
    for (const char c : text) {
        const bool starts_character = (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
        if (starts_character && ++shown > longest_quote) {
            out += "..";
            break;
        }
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
        else if (c == '"' || c == '\\')
            (out += '\\') += c;
        else
            out += c;
    }
    return out += '"';
}

}  // namespace gantryd::project_file
