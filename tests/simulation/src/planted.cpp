#include "planted.hpp"

#include <gantryd/base/planted.hpp>

#include <algorithm>
#include <array>

namespace gantryd::simulation {
namespace {

constexpr std::array faults{
    // drain
    planted_fault{"stops_with_connections", "a drain does not wait for the connections to end"},
    planted_fault{"stops_what_gets_traffic", "a drain stops at once, and HAProxy still sends traffic"},
    planted_fault{"kills_without_grace", "SIGKILL follows the stop signal at once"},
    planted_fault{"drains_for_ever", "a drain has no deadline"},
    // planner
    planted_fault{"retires_before_the_new_serve", "the old release drains before the new one serves"},
    planted_fault{"ready_without_its_checks", "an instance may serve before its ready checks pass"},
    planted_fault{"routes_to_the_unready", "HAProxy sends traffic to an instance that is not ready"},
    planted_fault{"makes_one_too_many", "one instance more than wanted is made"},
    planted_fault{"counts_one_too_many", "one instance that is needed is taken for one too many"},
    planted_fault{"changes_without_a_slot", "a machine changes to a new release without its turn"},
    planted_fault{"one_slot_too_many", "one machine more than allowed may change at a time"},
    planted_fault{
        "leaves_its_work_to_the_idle", "a drained machine leaves its work to one that is asked for nothing"},
    // executor
    planted_fault{"never_tries_again", "an action that failed once is not tried again"},
};

std::string_view present;

}  // namespace

std::span<const planted_fault> planted_faults() { return faults; }

bool plant(std::string_view name)
{
    const auto found = std::ranges::find(faults, name, &planted_fault::name);
    if (found == faults.end())
        return false;
    present = found->name;
    return true;
}

void pull_out() noexcept { present = {}; }

bool has_planted(std::string_view fault) noexcept { return present == fault; }

}  // namespace gantryd::simulation

bool gantryd::base::is_planted(std::string_view fault) noexcept { return simulation::has_planted(fault); }
