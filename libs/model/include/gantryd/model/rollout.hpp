#pragma once
#include <gantryd/model/release.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace gantryd::model {

/// How far a release's way through the fleet has come.
enum class rollout_verdict {
    running,  ///< machines take it, one slot after the other
    done,     ///< every machine that was there runs it
    failed,   ///< it failed on a machine, or in time; whoever has it goes back
    paused,   ///< the same, and nobody goes back; an operator decides
};

/// A release's way through the fleet, as all machines see it. Made by the first machine that takes a slot for
/// it.
struct rollout {
    release_number release{};
    int slots = 0;  ///< how many machines may change at once; 0: no machine has taken one yet
    rollout_verdict verdict = rollout_verdict::running;
    bool held = false;    ///< an operator's pause: no machine takes a slot
    std::string held_by;  ///< "ann@box"
    machine_id machine;   ///< that came to the verdict
    std::string why;      ///< of the verdict, one sentence
    base::wall_time began_at{};
    std::optional<base::wall_time> ended_at;  ///< when the verdict fell

    friend bool operator==(const rollout&, const rollout&) = default;
};

/// A machine's claim to change a component. It has no lease, or it would free itself just when its holder is
/// down; the revision that made it is the token that every later write of the holder compares.
struct slot {
    machine_id machine;
    release_number release{};  ///< that is rolled out
    base::wall_time since{};

    friend bool operator==(const slot&, const slot&) = default;
};

/// What a machine has changed to, all of it, when it freed its slot.
struct rollout_step {
    release_number release{};
    base::wall_time at{};

    friend bool operator==(const rollout_step&, const rollout_step&) = default;
};

enum class preparation {
    fetching,  ///< its image is on its way to the machine
    ready,     ///< the image is there, and nothing is known that would keep it from running
    blocked,   ///< it could not run there; the machine looks again and again
};

/// Whether a machine could run a release, found out before a machine is touched.
struct preflight {
    release_number release{};
    preparation standing = preparation::fetching;
    std::string text;  ///< of fetching and blocked, one sentence

    friend bool operator==(const preflight&, const preflight&) = default;
};

std::string_view text_of(rollout_verdict value) noexcept;
std::optional<rollout_verdict> rollout_verdict_of(std::string_view text) noexcept;
std::string_view text_of(preparation value) noexcept;
std::optional<preparation> preparation_of(std::string_view text) noexcept;

}  // namespace gantryd::model
