// The machine that is about to change goes away in the middle of it, and comes back sooner or later.
#include "faults.hpp"
#include "lab/slots.hpp"
#include "rollout_fixture.hpp"

#include <gantryd/base/environment.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto lost_after = 20s;  // the least that a project may say

class holder : public rollout_lab<holder> {
public:
    static layout wanted() { return {}; }

protected:
    void SetUp() override
    {
        rollout_lab::SetUp();
        begin({.rollout = R"({"minHealthyTime": "4s", "lostAfter": "20s"})"});
    }

    /// The rest of the proof is the same for all: what was seen until now, and a quiet end.
    struct witnesses {
        observer machines{here().machines(), what()};
        slot_watch slots{here(), project_, "web"};
    };

    /// Waits until a machine has both releases and the slot.
    static const machine& caught_holder(const witnesses& seen)
    {
        const machine* found = nullptr;
        const bool caught = wait_until([&] {
            const auto name = seen.slots.holder();
            const auto at = std::ranges::find(here().machines(), name, &machine::name);
            if (at == here().machines().end())
                return false;
            found = &*at;
            return at->docker().running(project_, "web").size() == 2;
        });
        if (!caught)
            throw std::runtime_error("no machine was seen to change\n" + logs());
        return *found;
    }

    static std::set<std::string> others_than(const machine& one)
    {
        std::set<std::string> names;
        for (const auto& each : here().machines())
            if (each.name() != one.name())
                names.insert(each.name());
        return names;
    }

    static bool all_others_run(const machine& away, const std::string& image)
    {
        return std::ranges::all_of(here().machines(),
            [&](const machine& each) { return each.name() == away.name() || runs(each, image); });
    }

    /// All run it, nobody has a slot, and nothing moves any more.
    static void expect_a_quiet_end(witnesses& seen, const std::string& image)
    {
        EXPECT_TRUE(wait_until([&] { return all_run(image) && seen.slots.holder().empty(); }, 90s)) << logs();
        EXPECT_TRUE(holds_for(2s, [&] { return all_run(image); }));
    }

    /// That nobody but the machine that was struck was ever without an answer, and that nobody changed
    /// without the slot.
    static std::vector<slot_holder> expect_order(
        witnesses& seen, const machine& struck, bool was_down, const std::string& image)
    {
        auto looks = seen.machines.finish();
        const auto readings = seen.slots.finish();
        EXPECT_EQ(begun_without_slot(looks, readings), std::vector<std::string>());
        for (const auto& reading : readings)
            EXPECT_LE(reading.holders.size(), 1u);
        EXPECT_EQ(machines_that_ran(looks, image).size(), here().machines().size());
        if (was_down)
            looks.erase(struck.name());
        EXPECT_EQ(below(looks, 1), std::vector<std::string>());
        return succession(readings);
    }

    static void is_back_in_time(fault what)
    {
        witnesses seen;
        const auto image = push("v2");
        done(here().m(1).gantryd({"update", project_, "-c", "web"}));
        const auto& struck = caught_holder(seen);
        strike trouble(here(), struck, what, project_);
        std::this_thread::sleep_for(3s);
        EXPECT_EQ(seen.slots.holder(), struck.name());
        trouble.mend();
        expect_a_quiet_end(seen, image);
        const auto holders = expect_order(seen, struck, takes_service_down(what), image);
        ASSERT_EQ(holders.size(), 3u) << "each machine had the slot once\n" << logs();
        EXPECT_EQ(holders[0].machine, struck.name());
    }

    static void is_back_too_late(fault what)
    {
        witnesses seen;
        const auto image = push("v2");
        done(here().m(1).gantryd({"update", project_, "-c", "web"}));
        const auto& struck = caught_holder(seen);
        const auto struck_at = steady::now();
        strike trouble(here(), struck, what, project_);
        ASSERT_TRUE(wait_until([&] { return seen.slots.holder() != struck.name(); }, 90s)) << logs();
        EXPECT_GE(steady::now() - struck_at, lost_after) << "nobody is given up before";
        ASSERT_TRUE(wait_until([&] { return all_others_run(struck, image); }, 60s)) << logs();
        trouble.mend();
        expect_a_quiet_end(seen, image);
        const auto holders = expect_order(seen, struck, takes_service_down(what), image);
        ASSERT_GE(holders.size(), 3u);
        EXPECT_EQ(holders[0].machine, struck.name());
        const auto names = others_than(struck);
        for (const auto& next : holders | std::views::drop(1) | std::views::take(2))
            EXPECT_TRUE(names.contains(next.machine)) << next.machine;
    }
};

/// One kind of fault, for a while or for longer than the rollout waits.
struct absence {
    const char* name;
    fault what;
    bool is_too_long;
    bool is_daily;  ///< each kind of fault, and one that lasts; the others on demand
};
constexpr absence absences[] = {
    {"that_is_cut_off_for_a_while_finishes", fault::cut, false, true},
    {"that_is_frozen_for_a_while_finishes", fault::frozen, false, false},
    {"that_loses_its_power_for_a_while_finishes", fault::killed, false, true},
    {"that_is_cut_off_for_longer_is_passed_over", fault::cut, true, false},
    {"that_is_frozen_for_longer_is_passed_over", fault::frozen, true, true},
    {"that_loses_its_power_for_longer_is_passed_over", fault::killed, true, false},
};

class holder_in : public holder {
public:
    explicit holder_in(const absence& away) : away_(away) {}
    void TestBody() override
    {
        if (away_.is_too_long)
            is_back_too_late(away_.what);
        else
            is_back_in_time(away_.what);
    }

private:
    const absence& away_;
};

[[maybe_unused]] const bool all_are_registered = [] {
    const bool all = base::environment_variable("GANTRYD_LAB_HOLDERS") == "all";
    for (const auto& each : absences)
        if (each.is_daily || all)
            testing::RegisterTest("holder", each.name, nullptr, nullptr, __FILE__, __LINE__,
                [&each]() -> holder* { return new holder_in(each); });
    return true;
}();

}  // namespace
}  // namespace gantryd::integration
