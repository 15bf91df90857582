#pragma once
#include "state.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::daemon {

/// Remembers since when each condition holds, and tells of the beginning and the end of those that last:
/// most are there for milliseconds, and a history of them would show nothing else.
class condition_watch {
public:
    /// A condition that ends before is not told.
    static constexpr base::duration worth_telling = std::chrono::seconds(1);

    explicit condition_watch(state& st) : st_(st) {}

    /// Takes the conditions of a new plan. Returns when the next one will have lasted long enough.
    std::optional<base::time_point> take(const std::vector<planner::condition>& present);

    /// Since when a condition of the last take() holds.
    base::time_point since(const planner::condition& what) const;

private:
    struct known {
        planner::condition last;
        base::time_point first_seen{};
        bool told = false;
    };
    void tell(happening what, const planner::condition& about);

    state& st_;
    std::map<std::string, known> known_;
};

}  // namespace gantryd::daemon
