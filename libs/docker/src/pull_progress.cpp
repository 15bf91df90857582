#include "pull_progress.hpp"
#include "json_fields.hpp"
#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gantryd::docker {

std::string text_of_bytes(double bytes)
{
    constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    for (; bytes >= 1000 && unit + 1 < units.size(); ++unit)
        bytes /= 1000;
    return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

base::result<pull_step> decode_pull_step(std::string_view record)
{
    constexpr std::size_t longest = 1000;
    const auto value = parse_json(record, "progress");
    if (!value)
        return std::unexpected(value.error());
    std::string fault;
    json_fields in(*value, "progress", fault);

    pull_step step;
    auto failure = in.object("errorDetail").text("message");
    if (failure.empty())
        failure = in.text("error");
    if (!failure.empty())
        step.error = clean_line(failure, longest);

    const auto id = in.text("id");
    step.line = (id.empty() ? "" : id + ": ") + in.text("status");
    auto progress = in.object("progressDetail");
    const auto current = static_cast<double>(progress.number("current"));
    const auto total = static_cast<double>(progress.number("total"));
    if (current > 0 && total > 0)
        step.line += " " + text_of_bytes(std::min(current, total)) + " of " + text_of_bytes(total);
    else if (current > 0)
        step.line += " " + text_of_bytes(current);
    step.line = clean_line(step.line, longest);
    if (!fault.empty())
        return base::fail(base::errc::malformed, std::move(fault));
    return step;
}

}  // namespace gantryd::docker
