#include <gantryd/base/planted.hpp>
#include <gantryd/drain/drain.hpp>

namespace gantryd::drain {
namespace {

// Docker itself sends the SIGKILL after the grace; this much later we conclude that it did not.
constexpr std::chrono::seconds docker_is_late{5};

decision while_stopping(const facts& seen, const policy& rules, time_point now)
{
    auto kill_at = *seen.stop_since + rules.stop_grace + docker_is_late;
    if (base::is_planted("kills_without_grace"))
        kill_at = *seen.stop_since;
    if (now >= kill_at)
        return {step::kill, std::nullopt};
    return {step::await_exit, kill_at};
}

}  // namespace

time_point deadline(const facts& seen, const policy& rules) { return seen.since + rules.timeout; }

decision decide(const facts& seen, const policy& rules, time_point now)
{
    if (!seen.running)
        return {step::remove, std::nullopt};
    if (seen.stop_since)
        return while_stopping(seen, rules, now);

    if (base::is_planted("stops_what_gets_traffic"))
        return {step::stop, std::nullopt};
    const auto give_up_at = deadline(seen, rules);
    const bool late = now >= give_up_at && !base::is_planted("drains_for_ever");
    if (late && rules.on_timeout == model::drain_timeout_action::kill)
        return {step::stop, std::nullopt};
    if (!seen.routed_out)
        return {step::leave_routes, late ? std::nullopt : std::optional(give_up_at)};
    if (seen.has_signals && !seen.signals_done)
        return {step::send_signals, late ? std::nullopt : std::optional(give_up_at)};

    const bool idle =
        (seen.connections == 0 && seen.idle_for >= settle_time) || base::is_planted("stops_with_connections");
    if (idle && seen.checks_passed)
        return {step::stop, std::nullopt};
    if (late)
        return {step::keep, std::nullopt};
    return {step::await_idle, give_up_at};
}

}  // namespace gantryd::drain
