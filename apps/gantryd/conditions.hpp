#pragma once
#include <gantryd/control/overview.hpp>
#include <gantryd/model/release.hpp>
#include <gantryd/model/report.hpp>

#include <optional>
#include <string>
#include <vector>

namespace gantryd::app {

/// A condition and who tells it.
struct told_condition {
    model::condition what;                     ///< `since` is the clock's zero where nobody knows
    std::optional<model::machine_id> machine;  ///< absent: the command line found it
};

/// The conditions that only we can see, before those of the machines: the store's disk is full (`full_disk`
/// says so), no daemon, config differs.
std::vector<told_condition> conditions_of(const control::project_overview& all,
    const control::component_overview& of, const std::string& project, const std::string& full_disk,
    base::wall_time now);

/// A failure and the machine on which it was seen, where that is known.
struct told_failure {
    model::evidence what;
    std::optional<model::machine_id> machine;
};

/// The newest failure that any machine or release shows; nothing when all is well.
std::optional<told_failure> failure_of(const control::component_overview& of);

/// The machine's name where the component is on several; else empty, because there is nothing to mix up.
std::string place_of(const control::project_overview& all, const control::component_overview& of,
    const std::optional<model::machine_id>& machine);

/// What is worth a word beside a component's name, state and image; empty when all is as it should be.
std::string note_on(
    const control::project_overview& all, const control::component_overview& of, const std::string& project);

/// The command line of `verb` for one component.
std::string command_line(
    const std::string& verb, const std::string& project, const model::component_name& component);

}  // namespace gantryd::app
