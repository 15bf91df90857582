#include "values.hpp"

#include "object_reader.hpp"
#include "rules.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/model/component_json.hpp>

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace gantryd::project_file {
namespace {

/// The number of a bare number or of digits in quotes.
std::optional<double> number_of(const cursor& from)
{
    if (from.is(node_kind::number) || (from.is(node_kind::text) && is_digits(from.value().text)))
        return decimal_of(from.value().text);
    return std::nullopt;
}

constexpr std::int64_t mebibyte = std::int64_t{1024} * 1024;
constexpr std::int64_t least_memory = 6 * mebibyte;  // Docker refuses less
constexpr std::int64_t most_memory = std::int64_t{1024} * 1024 * 1024 * mebibyte;

constexpr double least_cpus = 0.01;  // the kernel refuses a quota below 1 ms in 100 ms
constexpr double most_cpus = 10'000;

}  // namespace

bool read_text(const cursor& from, const text_rule& rule, std::string& out)
{
    if (!from.is(node_kind::text) || !rule.accepts(from.value().text)) {
        const bool bare = from.is(node_kind::number) || from.is(node_kind::boolean);
        from.refuse(fmt::format("{}{}", rule.what, bare ? ", in quotes" : ""));
        return false;
    }
    out = from.value().text;
    return true;
}

bool read_text_or_scalar(const cursor& from, const text_rule& rule, std::string& out)
{
    const bool bare = from.is(node_kind::number) || from.is(node_kind::boolean);
    if (!bare || !rule.accepts(from.value().text))
        return read_text(from, rule, out);
    from.value().taken_as_text = true;
    out = from.value().text;
    return true;
}

bool read_text_or_number(const cursor& from, const text_rule& rule, std::string& out)
{
    if (!from.is(node_kind::number))
        return read_text(from, rule, out);
    const auto number = integer_of(from.value().text);
    // 10.0 is the number ten as well, but not a text that anything takes.
    auto digits = std::to_string(number.value_or(-1));
    if (!number || *number < 0 || *number > std::numeric_limits<std::uint32_t>::max() ||
        !rule.accepts(digits)) {
        from.refuse(rule.what);
        return false;
    }
    from.value().text = out = std::move(digits);
    from.value().taken_as_text = true;
    return true;
}

bool read_integer(
    const cursor& from, std::string_view what, std::int64_t least, std::int64_t most, std::int64_t& out)
{
    const auto number = number_of(from) ? integer_of(from.value().text) : std::nullopt;
    if (!number || *number < least || *number > most) {
        from.refuse(fmt::format("{} from {} to {}", what, least, most));
        return false;
    }
    out = *number;
    return true;
}

bool read_port(const cursor& from, std::uint16_t& out)
{
    std::int64_t number = 0;
    if (!read_integer(from, "a port number", 1, 65535, number))
        return false;
    out = static_cast<std::uint16_t>(number);
    return true;
}

bool read_count(const cursor& from, std::int32_t least, std::int32_t most, std::int32_t& out)
{
    std::int64_t number = 0;
    if (!read_integer(from, "a whole number", least, most, number))
        return false;
    out = static_cast<std::int32_t>(number);
    return true;
}

bool read_boolean(const cursor& from, bool& out)
{
    if (!from.is(node_kind::boolean)) {
        from.refuse("true or false");
        return false;
    }
    out = from.value().text == "true";
    return true;
}

bool read_duration(
    const cursor& from, model::milliseconds unit, model::milliseconds least, model::milliseconds& out)
{
    auto exact = number_of(from);
    if (exact)
        *exact *= static_cast<double>(unit.count());
    else if (from.is(node_kind::text))
        exact = milliseconds_of(from.value().text);
    if (!exact || *exact < static_cast<double>(least.count()) ||
        *exact > static_cast<double>(longest_duration.count())) {
        from.refuse(
            fmt::format("a duration from {} to {}, as a number of {} or with a unit (\"30s\", \"1500ms\")",
                model::duration_text(least), model::duration_text(longest_duration),
                unit == model::milliseconds(1) ? "milliseconds" : "seconds"));
        return false;
    }
    out = model::milliseconds(std::llround(*exact));
    return true;
}

bool read_parallel(const cursor& from, model::parallel_limit& out)
{
    constexpr double most_machines = 1000;
    const auto& text = from.value().text;
    const bool percent = from.is(node_kind::text) && text.ends_with('%');
    const auto digits = std::string_view(text).substr(0, text.size() - (percent ? 1 : 0));
    const auto number = percent ? (is_digits(digits) ? decimal_of(digits) : std::nullopt) : number_of(from);
    if (!number || *number < 1 || *number > (percent ? 100 : most_machines) ||
        std::trunc(*number) != *number) {
        from.refuse("a number of machines from 1 to 1000, or a share of them from \"1%\" to \"100%\"");
        return false;
    }
    out = {static_cast<std::int32_t>(*number), percent};
    return true;
}

bool read_words(const cursor& from, std::vector<std::string>& out)
{
    constexpr text_rule word{"a text without NUL", [](std::string_view t) { return has_no_nul(t); }};
    const auto before = from.problems().count();
    std::string line;
    if (from.is(node_kind::list))
        read_texts(from, word, out);
    else if (!from.is(node_kind::text))
        from.refuse("a list of texts, or one text");
    else if (read_text(from, word, line)) {
        out = base::split_words(line);
        // An open quote, or a backslash at the end, takes what follows into the last word.
        if (base::split_words(line + " x").size() != out.size() + 1)
            from.refuse("words with every quote closed");
    }
    return from.problems().count() == before;
}

void read_texts(const cursor& from, const text_rule& rule, std::vector<std::string>& out)
{
    for_each_item(from, "a list of texts", [&](const cursor& item) {
        std::string text;
        if (read_text(item, rule, text))
            out.push_back(std::move(text));
    });
}

bool read_memory(const cursor& from, std::int64_t& bytes)
{
    std::optional<double> exact;
    if (from.is(node_kind::number) && integer_of(from.value().text))
        exact = decimal_of(from.value().text);
    else if (from.is(node_kind::text))
        exact = bytes_of(from.value().text);
    if (!exact || *exact < static_cast<double>(least_memory) || *exact > static_cast<double>(most_memory)) {
        from.refuse("an amount of memory from 6 MiB to 1 PiB, in bytes or with a unit (\"64m\", \"2g\")");
        return false;
    }
    bytes = static_cast<std::int64_t>(*exact);
    return true;
}

bool read_cpus(const cursor& from, std::int64_t& nano_cpus)
{
    const bool numeric =
        from.is(node_kind::number) || (from.is(node_kind::text) && is_json_number(from.value().text));
    const auto exact = numeric ? decimal_of(from.value().text) : std::nullopt;
    if (!exact || *exact < least_cpus || *exact > most_cpus) {
        from.refuse("a number of CPUs from 0.01 to 10000, such as 0.5");
        return false;
    }
    nano_cpus = std::llround(*exact * 1e9);
    return true;
}

}  // namespace gantryd::project_file
