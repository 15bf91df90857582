#include <gantryd/health_policy/judgement.hpp>

#include <algorithm>
#include <utility>

namespace gantryd::health_policy {
namespace {

using namespace std::chrono_literals;

// A refused connection costs both sides some microseconds, so the first tries may come quickly.
constexpr duration first_pause = 2ms;

void change(judgement& j, verdict to, time_point now)
{
    if (j.now == to)
        return;
    j.now = to;
    j.since = now;
    j.ever_passed = j.ever_passed || to == verdict::passing;
}

}  // namespace

std::string_view text_of(verdict value) noexcept
{
    switch (value) {
    case verdict::undecided: return "undecided";
    case verdict::passing: return "passing";
    case verdict::failing: return "failing";
    }
    return "unknown";
}

judgement judge(judgement j, const model::check_spec& check, bool passed, std::string answer,
    time_point started_at, time_point now)
{
    if (j.since == time_point())
        j.since = now;
    ++j.tries;
    j.answer = std::move(answer);
    if (passed) {
        ++j.passes;
        j.failures = 0;
        if (j.passes >= check.rise)
            change(j, verdict::passing, now);
        return j;
    }
    j.passes = 0;
    if (now - started_at < check.grace)
        return j;
    ++j.failures;
    if (j.failures >= check.fall)
        change(j, verdict::failing, now);
    return j;
}

duration pause_after(const judgement& j, const model::check_spec& check)
{
    const duration interval = check.interval;
    if (!j.ever_passed) {
        auto pause = first_pause;
        for (int i = 1; i < j.tries && pause < interval; ++i)
            pause = pause * 11 / 10;
        return std::min(pause, interval);
    }
    const bool being_counted = j.now == verdict::passing ? j.failures > 0 : j.passes > 0;
    return being_counted ? interval / 2 : interval;
}

verdict together(std::span<const verdict> all) noexcept
{
    if (std::ranges::find(all, verdict::failing) != all.end())
        return verdict::failing;
    if (std::ranges::find(all, verdict::undecided) != all.end())
        return verdict::undecided;
    return verdict::passing;
}

}  // namespace gantryd::health_policy
