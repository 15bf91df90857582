#pragma once
#include "state.hpp"

#include <map>

namespace gantryd::daemon {

/// Asks the witnesses of the drains: which of the proxy's sessions are tunnels, who is connected past the
/// proxy, and for how long nobody has been seen.
class drain_watch {
public:
    explicit drain_watch(state& st) : st_(st) {}

    /// True while an instance has still to become idle.
    bool anything_drains() const;

    /// True when a close look at the proxy would tell more than another one.
    bool wants_close_look() const;
    /// How long it took says how soon the next one may be.
    void took_close_look(runtime::duration took);

    /// Asks the kernel about the instances that drain, and keeps count of their idle time. To be called after
    /// every look at the proxy, `proxy_seen` telling whether it succeeded.
    void look(bool proxy_seen);

private:
    enum class testimony { given, impossible, not_now };

    bool is_due(const planner::instance& of) const;
    testimony ask_kernel(planner::instance& of);
    void judge(planner::instance& of, bool is_idle);

    state& st_;
    std::map<model::instance_name, base::time_point> first_idle_;
    std::map<model::instance_name, base::time_point> asked_kernel_at_;
    base::time_point next_close_look_{};
};

}  // namespace gantryd::daemon
