#pragma once
#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace gantryd::base {

/// The number that is the whole of `text`, without spaces, prefix or plus sign; nothing when it is none, or
/// does not fit into the type. `radix` is for whole numbers only.
template <class Number, std::same_as<int>... Radix>
    requires(std::integral<Number> && sizeof...(Radix) <= 1) ||
            (std::floating_point<Number> && sizeof...(Radix) == 0)
std::optional<Number> number_in(std::string_view text, Radix... radix)
{
    Number value{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value, radix...);
    if (failed != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

}  // namespace gantryd::base
