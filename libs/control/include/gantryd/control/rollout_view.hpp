#pragma once
#include <gantryd/control/overview.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::control {

// A release's way through the fleet as somebody sees it who follows it: nothing but what the store says.

enum class machine_standing {
    waiting,     ///< its turn has not come, or it has not told anything yet
    changing,    ///< it is on its way to the release
    done,        ///< it runs the release and nothing else
    going_back,  ///< it has a release that failed
    back,        ///< the release failed, and the machine does not have it (any more)
    draining,    ///< it takes no work
    lost,        ///< its daemon is not there
};
std::string_view text_of(machine_standing value) noexcept;

struct machine_progress {
    model::machine_id id;
    std::string name;  ///< for people
    machine_standing standing = machine_standing::waiting;
    std::optional<model::release_number> running;
    std::string text;  ///< what it does or waits for; may be empty

    friend bool operator==(const machine_progress&, const machine_progress&) = default;
};

enum class rollout_stage {
    under_way,
    held,        ///< an operator paused it
    done,        ///< every machine that is there and takes work runs it
    going_back,  ///< it failed, and machines that have it go back
    failed,      ///< it failed, and no machine has it any more, or there is nothing to go back to
    paused,      ///< it failed, and every machine stays as it is
    superseded,  ///< another release is wanted
    ended,       ///< the component was stopped or killed
    unknown,     ///< the store has no such release
};
std::string_view text_of(rollout_stage value) noexcept;

struct rollout_view {
    model::release_number release{};
    rollout_stage stage = rollout_stage::under_way;
    std::string text;                        ///< one sentence
    std::vector<machine_progress> machines;  ///< in the order of their ids

    friend bool operator==(const rollout_view&, const rollout_view&) = default;
};

rollout_view view_rollout(
    const project_overview& all, const model::component_name& component, model::release_number release);

/// What keeps machines from running the wanted release, as long as none has begun with it: "host2: port 8888
/// is taken by nc (pid 7)". Empty when nothing is known.
std::string obstacles_to(const project_overview& all, const component_overview& of);

/// True when the machine runs nothing but that release: none of its older instances takes new traffic.
bool runs_alone(const model::component_report& report, model::release_number release);

}  // namespace gantryd::control
