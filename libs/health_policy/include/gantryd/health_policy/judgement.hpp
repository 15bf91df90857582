#pragma once
#include <gantryd/base/time.hpp>
#include <gantryd/model/component.hpp>

#include <span>
#include <string>

namespace gantryd::health_policy {

using base::duration;
using base::time_point;

enum class verdict { undecided, passing, failing };
std::string_view text_of(verdict value) noexcept;

/// What is known of one check of one instance.
struct judgement {
    verdict now = verdict::undecided;
    time_point since{};        ///< of the verdict
    int passes = 0;            ///< in a row
    int failures = 0;          ///< in a row, those within the grace not counted
    int tries = 0;             ///< in all
    bool ever_passed = false;  ///< the verdict was passing once
    std::string answer;        ///< of the last try

    friend bool operator==(const judgement&, const judgement&) = default;
};

/// One more answer. `rise` passes in a row make the verdict passing, `fall` failures in a row make it
/// failing; failures within `grace` of the instance's start do not count.
judgement judge(judgement before, const model::check_spec& check, bool passed, std::string answer,
    time_point started_at, time_point now);

/// How long to wait after a try: about a tenth of the time waited so far while the check has never passed, so
/// that a new instance serves a few milliseconds after it can; the check's interval once it has, halved while
/// a run of opposite answers is being counted. Never more than the interval.
duration pause_after(const judgement& after, const model::check_spec& check);

/// All checks together: failing if one fails, passing if all pass (also when there are none).
verdict together(std::span<const verdict> all) noexcept;

}  // namespace gantryd::health_policy
