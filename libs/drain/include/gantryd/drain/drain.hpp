#pragma once
#include <gantryd/base/time.hpp>
#include <gantryd/model/component.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace gantryd::drain {

using base::time_point;

/// How far apart two looks that saw zero connections must be before an instance counts as idle: one look
/// alone might fall between a request's acceptance and its hand-over to the server.
inline constexpr std::chrono::milliseconds settle_time{10};

/// Everything that the protocol asks about one instance that is to go. All of it can be observed again after
/// a restart (or comes from the ledger), so there is no state to lose.
struct facts {
    bool running = true;           ///< the container runs
    time_point since{};            ///< when the drain began
    bool routed_out = false;       ///< read back: no route sends it new traffic
    bool has_signals = false;      ///< it has termination signals
    bool signals_done = false;     ///< they were all delivered, or given up
    bool checks_passed = true;     ///< its termination checks
    std::int64_t connections = 0;  ///< all witnesses together
    std::chrono::milliseconds idle_for{
        0};  ///< between the first and the last of the looks in a row that saw zero
    std::optional<time_point> stop_since;  ///< when its stop signal was sent
};

/// What the instance's rules say.
struct policy {
    std::chrono::milliseconds timeout{30'000};  ///< longest drain
    model::drain_timeout_action on_timeout = model::drain_timeout_action::kill;
    std::chrono::milliseconds stop_grace{10'000};  ///< from the stop signal to SIGKILL
};

/// The next step of draining one instance, in the order that loses nothing.
enum class step {
    leave_routes,  ///< take it out of all routes and read that back
    send_signals,  ///< its termination signals, once
    await_idle,    ///< until the witnesses see nobody and the checks pass, or the deadline
    keep,          ///< the deadline has passed and the policy is to keep it
    stop,          ///< send the stop signal
    await_exit,    ///< within the grace
    kill,          ///< the grace has passed
    remove,        ///< it does not run any more
};

struct decision {
    step next = step::leave_routes;
    std::optional<time_point> wake_at;  ///< when time alone changes the decision
};

decision decide(const facts& seen, const policy& rules, time_point now);

/// When the drain is given up.
time_point deadline(const facts& seen, const policy& rules);

}  // namespace gantryd::drain
