#include <gantryd/base/number.hpp>
#include <gantryd/base/time.hpp>

#include <fmt/format.h>

namespace gantryd::base {
namespace {

/// Takes a number of exactly `digits` digits off the front of `text`; -1 when it is not there.
int take_number(std::string_view& text, std::size_t digits)
{
    if (text.size() < digits)
        return -1;
    const auto value = number_in<int>(text.substr(0, digits)).value_or(-1);
    if (value >= 0)
        text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, char expected)
{
    if (text.empty() || text.front() != expected)
        return false;
    text.remove_prefix(1);
    return true;
}

/// ".123456789" as nanoseconds; zero digits are an error.
std::optional<std::chrono::nanoseconds> take_fraction(std::string_view& text)
{
    std::int64_t value = 0;
    std::int64_t unit = 100'000'000;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
        value += (text[digits] - '0') * unit;
        unit /= 10;
        ++digits;
    }
    if (digits == 0)
        return std::nullopt;
    text.remove_prefix(digits);
    return std::chrono::nanoseconds(value);
}

std::optional<std::chrono::minutes> take_offset(std::string_view& text)
{
    if (take(text, 'Z') || take(text, 'z'))
        return std::chrono::minutes(0);
    const bool east = take(text, '+');
    if (!east && !take(text, '-'))
        return std::nullopt;
    const int hours = take_number(text, 2);
    const bool colon = take(text, ':');
    const int minutes = take_number(text, 2);
    if (hours < 0 || !colon || minutes < 0)
        return std::nullopt;
    const std::chrono::minutes offset(hours * 60 + minutes);
    return east ? offset : -offset;
}

}  // namespace

std::string rfc3339(wall_time when)
{
    using namespace std::chrono;
    const auto ms = floor<milliseconds>(when);
    const auto day = floor<days>(ms);
    const year_month_day date(day);
    const hh_mm_ss time(ms - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
        time.minutes().count(), time.seconds().count(), time.subseconds().count());
}

std::optional<wall_time> parse_rfc3339(std::string_view text)
{
    using namespace std::chrono;
    const int y = take_number(text, 4);
    const bool dash1 = take(text, '-');
    const int mo = take_number(text, 2);
    const bool dash2 = take(text, '-');
    const int d = take_number(text, 2);
    const bool t = take(text, 'T') || take(text, 't');
    const int h = take_number(text, 2);
    const bool colon1 = take(text, ':');
    const int mi = take_number(text, 2);
    const bool colon2 = take(text, ':');
    const int s = take_number(text, 2);
    if (y < 0 || !dash1 || mo < 1 || !dash2 || d < 1 || !t || h < 0 || !colon1 || mi < 0 || !colon2 || s < 0)
        return std::nullopt;
    const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
    // Beyond these years a count of nanoseconds overflows.
    if (!date.ok() || y < 1678 || y > 2261 || h > 23 || mi > 59 || s > 60)
        return std::nullopt;
    std::optional<nanoseconds> fraction = nanoseconds(0);
    if (take(text, '.'))
        fraction = take_fraction(text);
    const auto offset = take_offset(text);
    if (!fraction || !offset || !text.empty())
        return std::nullopt;
    const auto when = sys_days(date) + hours(h) + minutes(mi) + seconds(s) - *offset;
    return wall_time(duration_cast<wall_time::duration>(when.time_since_epoch() + *fraction));
}

std::string human(duration d)
{
    using namespace std::chrono;
    const auto ms = duration_cast<milliseconds>(d).count();
    if (ms < 0)
        return "0ms";
    if (ms < 1000)
        return fmt::format("{}ms", ms);
    if (ms < 60'000)
        return fmt::format("{}.{}s", ms / 1000, ms % 1000 / 100);
    const auto s = ms / 1000;
    if (s < 3600)
        return fmt::format("{}m {}s", s / 60, s % 60);
    if (s < 86'400)
        return fmt::format("{}h {}m", s / 3600, s % 3600 / 60);
    return fmt::format("{}d {}h", s / 86'400, s % 86'400 / 3600);
}

}  // namespace gantryd::base
