#pragma once
#include "problem_list.hpp"

#include <gantryd/model/component.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Readers of single values. Each leaves `out` as it is and returns false after it has said what is wrong.
namespace gantryd::project_file {

/// A kind of text: the end of "expected ..", and the rule itself.
struct text_rule {
    std::string_view what;
    bool (*accepts)(std::string_view);
};

/// Quotes are needed: a bare 1.10 is a number.
bool read_text(const cursor& from, const text_rule& rule, std::string& out);

/// As read_text(), but a bare number or boolean stands for its own text.
bool read_text_or_scalar(const cursor& from, const text_rule& rule, std::string& out);

/// As read_text(), but a bare whole number from 0 to 2^32 - 1 stands for its own digits.
bool read_text_or_number(const cursor& from, const text_rule& rule, std::string& out);

/// A whole number, in quotes or not.
bool read_integer(
    const cursor& from, std::string_view what, std::int64_t least, std::int64_t most, std::int64_t& out);
bool read_port(const cursor& from, std::uint16_t& out);
bool read_count(const cursor& from, std::int32_t least, std::int32_t most, std::int32_t& out);

/// true or false, not in quotes.
bool read_boolean(const cursor& from, bool& out);

/// The longest duration that a project file may ask for.
inline constexpr model::milliseconds longest_duration = std::chrono::hours(24 * 30);

/// A bare number counts in `unit`; a text has its unit: "30s", "1500ms", "2m", "1h".
bool read_duration(
    const cursor& from, model::milliseconds unit, model::milliseconds least, model::milliseconds& out);

/// Words of a command: a list of texts as they are, or one text that is cut as a shell does.
bool read_words(const cursor& from, std::vector<std::string>& out);

/// A list of texts; items that are wrong are left out.
void read_texts(const cursor& from, const text_rule& rule, std::vector<std::string>& out);

/// 1 to 1000 machines, or a share of them from "1%" to "100%".
bool read_parallel(const cursor& from, model::parallel_limit& out);

bool read_memory(const cursor& from, std::int64_t& bytes);
bool read_cpus(const cursor& from, std::int64_t& nano_cpus);

/// One of the words of an enumeration that model::text_of() knows.
template <class Enum, std::size_t N>
bool read_word(const cursor& from, const std::array<Enum, N>& known, Enum& out);

}  // namespace gantryd::project_file

template <class Enum, std::size_t N>
bool gantryd::project_file::read_word(const cursor& from, const std::array<Enum, N>& known, Enum& out)
{
    std::string words;
    for (const auto each : known) {
        if (from.is(node_kind::text) && from.value().text == text_of(each)) {
            out = each;
            return true;
        }
        words.append(words.empty() ? "" : ", ").append(text_of(each));
    }
    from.refuse("one of " + words);
    return false;
}
