#pragma once
#include <gantryd/model/release.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace gantryd::model {

/// Something that happened on one machine: one line of its history.
struct event {
    std::int64_t sequence = 0;  ///< counts a machine's events of one project, also across restarts
    base::wall_time at{};
    machine_id machine;
    component_name component;  ///< empty: the machine as a whole
    std::string instance;      ///< empty: the component as a whole
    std::optional<release_number> release;
    std::string code;    ///< see docs/reason-codes.md
    std::string change;  ///< of a condition: "began" or "ended"; else empty
    std::string text;    ///< the sentence
    std::optional<evidence> why;

    friend bool operator==(const event&, const event&) = default;
};

}  // namespace gantryd::model
