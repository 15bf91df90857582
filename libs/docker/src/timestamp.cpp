#include "timestamp.hpp"

#include <algorithm>

namespace gantryd::docker {
namespace {

using wall_clock = std::chrono::system_clock;

/// Takes fixed-width pieces off the front of a text; the first piece that does not fit spoils it for good.
class cursor {
public:
    explicit cursor(std::string_view text) : rest_(text) {}

    int digits(std::size_t count)
    {
        if (rest_.size() < count || !std::ranges::all_of(rest_.substr(0, count), is_digit))
            return spoil();
        int value = 0;
        for (const char c : rest_.substr(0, count))
            value = value * 10 + (c - '0');
        rest_.remove_prefix(count);
        return value;
    }
    void expect(char c)
    {
        if (!accept(c))
            spoil();
    }
    bool accept(char c)
    {
        if (rest_.empty() || rest_.front() != c)
            return false;
        rest_.remove_prefix(1);
        return true;
    }
    /// The digits of a fraction of a second as nanoseconds; those behind the ninth are dropped.
    int fraction()
    {
        int value = 0;
        int count = 0;
        for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1)) {
            if (count == 9)
                continue;
            value = value * 10 + (rest_.front() - '0');
            ++count;
        }
        if (count == 0)
            return spoil();
        for (; count < 9; ++count)
            value *= 10;
        return value;
    }
    bool fits_to_the_end() const { return good_ && rest_.empty(); }

private:
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }
    int spoil()
    {
        good_ = false;
        return 0;
    }

    std::string_view rest_;
    bool good_ = true;
};

std::chrono::minutes read_offset(cursor& in)
{
    if (in.accept('Z') || in.accept('z'))
        return {};
    const bool west = in.accept('-');
    if (!west)
        in.expect('+');
    const std::chrono::hours hours(in.digits(2));
    in.expect(':');
    const std::chrono::minutes offset = hours + std::chrono::minutes(in.digits(2));
    return west ? -offset : offset;
}

}  // namespace

std::optional<wall_clock::time_point> parse_timestamp(std::string_view text)
{
    if (text.empty() || text.starts_with("0001-01-01T00:00:00"))
        return wall_clock::time_point{};

    cursor in(text);
    const std::chrono::year year(in.digits(4));
    in.expect('-');
    const std::chrono::month month(static_cast<unsigned>(in.digits(2)));
    in.expect('-');
    const std::chrono::day day(static_cast<unsigned>(in.digits(2)));
    in.expect('T');
    const int hour = in.digits(2);
    in.expect(':');
    const int minute = in.digits(2);
    in.expect(':');
    const int second = in.digits(2);
    const std::chrono::nanoseconds fraction(in.accept('.') ? in.fraction() : 0);
    const auto offset = read_offset(in);

    const std::chrono::year_month_day date(year, month, day);
    // A leap second is written as 60. The bounds on the year keep 64 bits of nanoseconds from overflowing.
    if (!in.fits_to_the_end() || !date.ok() || hour > 23 || minute > 59 || second > 60 ||
        year < std::chrono::year(1970) || year > std::chrono::year(2261))
        return std::nullopt;
    const auto whole = std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                       std::chrono::seconds(second) - offset;
    return wall_clock::time_point(whole) + fraction;
}

}  // namespace gantryd::docker
