// Updates during which whatever can go wrong does, at random moments drawn from a seed that is printed.
#include "lab/slots.hpp"
#include "rollout_fixture.hpp"
#include "schedule.hpp"

#include <gantryd/base/environment.hpp>
#include <gantryd/base/number.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

unsigned number_from(const char* variable, unsigned otherwise)
{
    return base::number_in<unsigned>(base::environment_variable(variable)).value_or(otherwise);
}

struct stretch_of_time {
    steady::time_point from;
    steady::time_point to;
};

/// When a machine's clients had to do without it, by the machine's name.
using outages = std::map<std::string, std::vector<stretch_of_time>>;

/// The looks at times when the machine had to serve: no fault took it down, or it has served again since.
history without(const history& all, const outages& of)
{
    history out;
    for (const auto& [machine, looks] : all) {
        const auto at = of.find(machine);
        for (const auto& look : looks) {
            bool excused = false;
            for (const auto& each : at == of.end() ? std::vector<stretch_of_time>() : at->second) {
                // Until the first answer after it was mended.
                const auto back = std::ranges::find_if(looks, [&](const observation& later) {
                    return later.begun >= each.to && !later.version.empty() && later.running() > 0;
                });
                const auto until = back == looks.end() ? looks.back().answered : back->begun;
                excused = excused || (look.answered >= each.from && look.begun < until);
            }
            if (!excused)
                out[machine].push_back(look);
        }
    }
    return out;
}

class schedules : public rollout_lab<schedules> {
public:
    static layout wanted() { return {}; }

protected:
    void SetUp() override
    {
        rollout_lab::SetUp();
        begin({.rollout = R"({"minHealthyTime": "2s", "lostAfter": "20s"})", .ready_timeout = "5s"});
        present_ = first_image_;
    }

    /// Does what the schedule says, and returns when everything is whole again.
    static outages play(const schedule& what, steady::time_point from)
    {
        std::map<std::size_t, strike> now;
        outages down;
        for (const auto& next : moments_of(what)) {
            std::this_thread::sleep_until(from + next.at);
            const auto& planned = what.faults[next.which];
            const auto& where = here().m(planned.machine);
            if (next.begins) {
                if (takes_service_down(planned.what))
                    down[where.name()].push_back({steady::now(), steady::time_point::max()});
                now.emplace(next.which, strike(here(), where, planned.what, project_));
                continue;
            }
            now.at(next.which).mend();
            if (takes_service_down(planned.what))
                down[where.name()].back().to = steady::now();
        }
        here().start_all();
        return down;
    }

    /// What all machines run when nothing moves any more; "" when they do not agree, or something is left.
    static std::string image_everywhere()
    {
        std::set<std::string> images;
        for (const auto& each : here().machines()) {
            const auto look = each.within([&] { return look_at(each, what()); });
            if (look.version.empty() || look.containers.size() != 1 || !look.containers[0].running)
                return {};
            images.insert(look.containers[0].image);
        }
        return images.size() == 1 ? *images.begin() : "";
    }

    static bool is_settled(const slot_watch& slots)
    {
        const auto readings = slots.so_far();
        return !readings.empty() && readings.back().answered > steady::now() - 2s && slots.holder().empty() &&
               !image_everywhere().empty();
    }

    void run(const schedule& what)
    {
        SCOPED_TRACE(what.text());
        observer machines(here().machines(), rollout_lab::what());
        slot_watch slots(here(), project_, "web");
        const auto image = push("s" + std::to_string(what.seed),
            what.bad_image ? std::map<std::string, std::string>{{"UNHEALTHY", "1"}}
                           : std::map<std::string, std::string>{});
        done(here().m(1).gantryd({"update", project_, "-c", "web"}));
        const auto down = play(what, steady::now());
        // Twice: between two machines nobody has the slot for a moment.
        const auto settled = [&] {
            return is_settled(slots) && holds_for(3s, [&] { return is_settled(slots); });
        };
        ASSERT_TRUE(wait_until(settled, 180s)) << logs();
        expect_the_right_one(what, image);
        const auto looks = machines.finish();
        const auto readings = slots.finish();
        EXPECT_EQ(below(without(looks, down), 1), std::vector<std::string>()) << logs();
        EXPECT_EQ(begun_without_slot(looks, readings), std::vector<std::string>()) << logs();
        for (const auto& reading : readings)
            EXPECT_LE(reading.holders.size(), 1u);
    }

    void expect_the_right_one(const schedule& what, const std::string& image)
    {
        const auto now = image_everywhere();
        EXPECT_TRUE(now == image || now == present_) << now;
        const bool may_fail = std::ranges::any_of(
            what.faults, [](const planned_fault& each) { return ends_containers(each.what); });
        if (what.bad_image)
            EXPECT_EQ(now, present_) << logs();
        else if (!may_fail)  // a container that was ended in its trial speaks against its release
            EXPECT_EQ(now, image) << logs();
        present_ = now;
    }

    std::string present_;  ///< the image of what was live before
};

TEST_F(schedules, of_random_trouble_end_well)
{
    const auto first = number_from("GANTRYD_LAB_SEED", 1);
    const auto count = number_from("GANTRYD_LAB_SCHEDULES", 2);
    for (auto seed = first; seed != first + count && !HasFailure(); ++seed) {
        const auto next = draw_schedule(seed, static_cast<int>(here().machines().size()));
        std::printf("%s\n", next.text().c_str());
        std::fflush(stdout);
        run(next);
    }
}

}  // namespace
}  // namespace gantryd::integration
