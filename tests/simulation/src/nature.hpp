#pragma once
#include "dice.hpp"

#include <gantryd/docker/fake_engine.hpp>
#include <gantryd/model/component.hpp>

#include <map>
#include <string>

namespace gantryd::simulation {

/// What is in an image; the first letter of its tag.
enum class nature : char {
    good = 'g',
    exits = 'x',        ///< before it is ready
    never_ready = 'n',  ///< it runs, and answers no check
    refused = 'r',      ///< Docker cannot start it
    falls_sick = 's',   ///< it serves for a while, and then fails its health checks or exits
};

inline bool is_bad(nature of) { return of != nature::good && of != nature::falls_sick; }
inline nature nature_of_tag(const std::string& tag) { return static_cast<nature>(tag.at(0)); }

/// One run of a container, as it really is, whatever anybody believes.
struct true_run {
    nature what = nature::good;
    runtime::time_point ready_from = runtime::time_point::max();
    runtime::time_point sick_from = runtime::time_point::max();
    bool failed_a_check = false;  ///< its last check failed by chance

    bool is_well(runtime::time_point now) const { return now >= ready_from && now < sick_from; }
};

/// Draws how a run goes.
struct drawn_run {
    docker::fake_run how;
    true_run truth;
};
inline drawn_run draw_run(
    dice& chance, nature what, const model::component_spec& spec, runtime::time_point now)
{
    using namespace std::chrono_literals;
    drawn_run out;
    out.truth.what = what;
    out.how.stop_takes = chance.between(0ms, spec.stop_timeout * 6 / 5);
    out.how.ignores_stop = chance.one_in(20);
    if (what == nature::refused)
        out.how.start_error = "exec: \"/app\": no such file or directory";
    if (what == nature::exits) {
        out.how.exits_after = chance.between(0ms, 900ms);
        out.how.exit_code = 1;
    }
    // Where nobody asks whether it is ready, a good one is at once: else its health checks would condemn it.
    const bool at_once = chance.one_in(3) || spec.ready_checks.empty();
    if (what == nature::good || what == nature::falls_sick)
        out.truth.ready_from = now + (at_once ? 0ms : chance.between(0ms, 1500ms));
    if (what == nature::falls_sick) {
        const auto serves = chance.between(20s, 90s);
        if (spec.health_checks.empty()) {
            out.how.exits_after = serves;
            out.how.exit_code = 3;
        } else {
            out.truth.sick_from = now + serves;
        }
    }
    return out;
}

}  // namespace gantryd::simulation
