#include "rules.hpp"

#include "document.hpp"

#include <gantryd/base/number.hpp>

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace gantryd::project_file {
namespace {

bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) noexcept { return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z'); }
bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool is_word_character(char c) noexcept { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; }

/// Docker's path component: lower-case letters and digits, with '.', '_', "__" or any number of '-' between.
bool is_path_component(std::string_view text) noexcept
{
    const auto is_inner = [](char c) { return is_lower(c) || is_digit(c); };
    if (text.empty() || !is_inner(text.front()) || !is_inner(text.back()))
        return false;
    for (std::size_t i = 0; i < text.size();) {
        if (is_inner(text[i])) {
            ++i;
            continue;
        }
        const auto end = std::min(text.find_first_of("abcdefghijklmnopqrstuvwxyz0123456789", i), text.size());
        const auto separator = text.substr(i, end - i);
        if (separator != "." && separator != "_" && separator != "__" &&
            separator.find_first_not_of('-') != std::string_view::npos)
            return false;
        i = end;
    }
    return true;
}

bool is_host_name(std::string_view text) noexcept
{
    while (true) {
        const auto label = text.substr(0, text.find('.'));
        const bool good = !label.empty() && label.front() != '-' && label.back() != '-' &&
                          std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; });
        if (!good || label.size() == text.size())
            return good;
        text.remove_prefix(label.size() + 1);
    }
}

/// "localhost", "example.com", "host:5000". Without a dot or a port the first part is no registry.
bool is_registry(std::string_view text) noexcept
{
    const auto colon = text.find(':');
    const auto host = text.substr(0, colon);
    if (!is_host_name(host))
        return false;
    if (colon == std::string_view::npos)
        return host == "localhost" || host.contains('.');
    const auto port = text.substr(colon + 1);
    return !port.empty() && port.size() <= 5 && std::ranges::all_of(port, is_digit);
}

/// A number and the unit behind it, spaces between them not allowed.
std::optional<std::pair<double, std::string_view>> number_and_unit(std::string_view text)
{
    const auto end = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto number = text.substr(0, end);
    // Leading zeros are harmless here: "05s" is five seconds in every tool.
    const auto first = std::min(number.find_first_not_of('0'), number.size());
    std::string plain(number.substr(first));
    if (number.empty() || number.front() == '.')
        return std::nullopt;
    if (plain.empty() || plain.front() == '.')
        plain.insert(0, "0");
    const auto value = is_json_number(plain) ? decimal_of(plain) : std::nullopt;
    if (!value)
        return std::nullopt;
    return std::pair{*value, text.substr(end)};
}

constexpr std::array<std::string_view, 32> signal_names{"", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT",
    "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP",
    "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"};
constexpr int first_real_time = 34;
constexpr int last_real_time = 64;
constexpr int middle_real_time = 49;  // the last one that is counted from the first

std::string real_time_name(int number)
{
    if (number == first_real_time)
        return "SIGRTMIN";
    if (number == last_real_time)
        return "SIGRTMAX";
    return number <= middle_real_time ? fmt::format("SIGRTMIN+{}", number - first_real_time)
                                      : fmt::format("SIGRTMAX-{}", last_real_time - number);
}

}  // namespace

bool is_repository(std::string_view text) noexcept
{
    constexpr std::size_t longest_repository = 255;
    if (text.size() > longest_repository)
        return false;
    if (const auto slash = text.find('/');
        slash != std::string_view::npos && is_registry(text.substr(0, slash)))
        text.remove_prefix(slash + 1);
    while (true) {
        const auto component = text.substr(0, text.find('/'));
        if (!is_path_component(component))
            return false;
        if (component.size() == text.size())
            return true;
        text.remove_prefix(component.size() + 1);
    }
}

bool is_tag(std::string_view text) noexcept
{
    constexpr std::size_t longest_tag = 128;
    return !text.empty() && text.size() <= longest_tag && text.front() != '.' && text.front() != '-' &&
           std::ranges::all_of(text, is_word_character);
}

bool is_alias(std::string_view text) noexcept
{
    constexpr std::size_t longest_alias = 128;
    return !text.empty() && text.size() <= longest_alias && !is_digit(text.front()) &&
           std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '_'; });
}

bool is_user(std::string_view text) noexcept
{
    constexpr std::size_t longest_user = 128;
    if (text.empty())
        return true;
    const auto colon = text.find(':');
    const auto is_part = [](std::string_view part) {
        return !part.empty() && (is_alphanumeric(part.front()) || part.front() == '_') &&
               std::ranges::all_of(
                   part, [](char c) { return is_word_character(c) || c == '$' || c == '@' || c == '+'; });
    };
    return text.size() <= longest_user && is_part(text.substr(0, colon)) &&
           (colon == std::string_view::npos || is_part(text.substr(colon + 1)));
}

bool is_http_path(std::string_view text) noexcept
{
    constexpr std::size_t longest_path = 2048;
    return text.starts_with('/') && text.size() <= longest_path &&
           std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

bool is_title(std::string_view text) noexcept
{
    constexpr std::size_t longest_title = 512;
    return text.size() <= longest_title && std::ranges::none_of(text, is_control);
}

bool is_volume_source(std::string_view text) noexcept
{
    constexpr std::string_view container_id = "{container_id}";
    if (text.contains(':') || std::ranges::any_of(text, is_control))
        return false;
    if (text.starts_with('/'))
        return true;
    std::string name(text);
    for (auto at = name.find(container_id); at != std::string::npos; at = name.find(container_id))
        name.replace(at, container_id.size(), "0");
    return !name.empty() && is_alphanumeric(name.front()) && std::ranges::all_of(name, is_word_character);
}

bool is_volume_target(std::string_view text) noexcept
{
    return text.starts_with('/') && text.find_first_not_of('/') != std::string_view::npos &&
           !text.contains(':') && std::ranges::none_of(text, is_control);
}

bool is_volumes_from(std::string_view text) noexcept
{
    if (text.ends_with(":ro") || text.ends_with(":rw"))
        text.remove_suffix(3);
    return !text.empty() && is_alphanumeric(text.front()) && std::ranges::all_of(text, is_word_character);
}

bool is_environment_name(std::string_view text) noexcept
{
    return !text.empty() &&
           std::ranges::none_of(text, [](char c) { return c == '=' || c == ' ' || is_control(c); });
}

bool is_label_key(std::string_view text) noexcept
{
    return !text.empty() && !text.starts_with("io.gantryd.") && std::ranges::none_of(text, is_control);
}

bool has_no_nul(std::string_view text) noexcept { return !text.contains('\0'); }

std::optional<address> address_of(std::string_view text)
{
    if (text.contains('\0'))
        return std::nullopt;
    const std::string terminated(text);
    address out;
    out.v6 = text.contains(':');
    if (inet_pton(out.v6 ? AF_INET6 : AF_INET, terminated.c_str(), out.bytes.data()) != 1)
        return std::nullopt;
    return out;
}

bool is_address(std::string_view text) { return address_of(text).has_value(); }

std::optional<std::string> signal_name(std::string_view text)
{
    if (is_digits(text) && text.size() <= 2) {
        const auto number = static_cast<int>(integer_of(text).value_or(0));
        if (number >= first_real_time && number <= last_real_time)
            return real_time_name(number);
        if (number < 1 || number >= static_cast<int>(signal_names.size()))
            return std::nullopt;
        return fmt::format("SIG{}", signal_names.at(static_cast<std::size_t>(number)));
    }
    if (text.starts_with("SIG"))
        text.remove_prefix(3);
    auto full = fmt::format("SIG{}", text);
    if (!text.empty() && std::ranges::find(signal_names, text) != signal_names.end())
        return full;
    for (int number = first_real_time; number <= last_real_time; ++number)
        if (full == real_time_name(number))
            return full;
    return std::nullopt;
}

bool is_stop_signal(std::string_view text) { return text.empty() || signal_name(text).has_value(); }

bool is_digits(std::string_view text) noexcept
{
    return !text.empty() && std::ranges::all_of(text, is_digit) && (text.size() == 1 || text.front() != '0');
}

std::optional<double> decimal_of(std::string_view text)
{
    const auto value = base::number_in<double>(text);
    return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<std::int64_t> integer_of(std::string_view text)
{
    constexpr double largest_exact = 9'007'199'254'740'992.0;  // 2^53
    const auto value = decimal_of(text);
    if (!value || std::trunc(*value) != *value || std::abs(*value) > largest_exact)
        return std::nullopt;
    return static_cast<std::int64_t>(*value);
}

std::optional<double> milliseconds_of(std::string_view text)
{
    const auto parts = number_and_unit(text);
    if (!parts)
        return std::nullopt;
    const auto& [number, unit] = *parts;
    if (unit == "ms")
        return number;
    if (unit == "s")
        return number * 1000;
    if (unit == "m")
        return number * 60'000;
    if (unit == "h")
        return number * 3'600'000;
    return std::nullopt;
}

std::optional<double> bytes_of(std::string_view text)
{
    const auto parts = number_and_unit(text);
    if (!parts)
        return std::nullopt;
    std::string unit(parts->second);
    std::ranges::transform(unit, unit.begin(),
        [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (unit.empty() || unit == "b")
        return parts->first;
    double factor = 1;
    for (const char prefix : std::string_view("kmgt")) {
        factor *= 1024;
        const std::string letter(1, prefix);
        if (unit == letter || unit == letter + "b" || unit == letter + "ib")
            return parts->first * factor;
    }
    return std::nullopt;
}

}  // namespace gantryd::project_file
