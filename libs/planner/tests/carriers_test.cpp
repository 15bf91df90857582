// Machines that are to do the work of a drained one, and cannot.
#include "moving_scene.hpp"
#include "plan_text.hpp"

#include <algorithm>
#include <optional>

using namespace gantryd::planner;
namespace model = gantryd::model;
using namespace std::chrono_literals;

namespace {

const auto taken = "port 8888 is taken by nc (pid 7)";

std::string carrier_of_m1(scene& s) { return carriers_of(s.w, s.of()).begin()->first.text(); }

std::string other_than(const std::string& name) { return name == "m2" ? "m3" : "m2"; }

std::string called(const std::string& name) { return "host-" + name + " (" + name + ")"; }

/// The machine was told of the drain, and says that it cannot.
void is_stuck(scene& s, const std::string& name)
{
    reports(s, name,
        {.carries = 1, .asked = 2, .serving = 0, .obstacle = taken, .remedy = "ss -ltnp 'sport = :8888'"});
}

void serves_all(scene& s, const std::string& name)
{
    s.w.fleet->confirmed_at = s.w.now;
    reports(s, name, {.carries = 1, .asked = 2, .serving = 2});
}

lines passes_over(const std::string& name) { return {"pass over " + name + " for web: " + taken}; }

/// m1, which is drained, and the one that is to do its work and cannot.
struct stuck_fleet {
    scene s = fleet_of({"m2", "m3"});
    std::string first;
    std::string second;

    stuck_fleet()
    {
        machine(s, "m1").drains = true;
        first = carrier_of_m1(s);
        second = other_than(first);
        is_stuck(s, first);
    }
};

/// After how long the carrier of the moment is passed over; nothing within an hour.
std::optional<std::chrono::seconds> patience(scene& s)
{
    const auto carrier = carrier_of_m1(s);
    is_stuck(s, carrier);
    for (auto waited = 0s; waited <= 1h; waited += 1s) {
        const auto now = s.does();
        if (now == passes_over(carrier))
            return waited;
        EXPECT_EQ(now, lines{});
        s.later(1s);
    }
    return std::nullopt;
}

}  // namespace

TEST(a_carrier_that_cannot, is_named_at_once_with_its_reason)
{
    stuck_fleet f;
    EXPECT_EQ(f.s.does(), lines{}) << "and the drained machine serves on";
    const auto told = f.s.because(reason::waiting_carrier);
    EXPECT_EQ(told.text, "the machine is drained; " + called(f.first) + " serves 0 of 2: " + taken);
    EXPECT_EQ(told.until, f.s.w.now + carrier_patience);
    EXPECT_EQ(told.then, "another machine is asked for it; it goes on here until others serve its work");
    EXPECT_EQ(told.command, "on " + called(f.first) + ": ss -ltnp 'sport = :8888'");
    EXPECT_EQ(f.s.planned().wake_at, f.s.w.now + carrier_patience);
}

TEST(a_carrier_that_cannot, is_named_before_it_has_heard_of_the_drain)
{
    stuck_fleet f;
    reports(f.s, f.first, {.carries = 0, .asked = 1, .serving = 0, .obstacle = taken});
    EXPECT_EQ(f.s.does(), lines{});
    EXPECT_EQ(f.s.because(reason::waiting_carrier).text,
        "the machine is drained; " + called(f.first) + " has not begun: " + taken);
    EXPECT_EQ(f.s.because(reason::waiting_carrier).command, "gantryd status shop -c web");
}

TEST(a_carrier_that_cannot, is_passed_over_and_another_one_takes_the_work)
{
    stuck_fleet f;
    (void)f.s.does();
    f.s.later(carrier_patience);
    EXPECT_EQ(f.s.does(), passes_over(f.first));
    EXPECT_EQ(carrier_of_m1(f.s), f.second);
    EXPECT_EQ(f.s.does(), lines{}) << "start first, there too";
    EXPECT_EQ(f.s.because(reason::waiting_carrier).text, "the machine is drained; " + called(f.second) +
                                                             " has not begun; " + called(f.first) +
                                                             " was passed over: " + taken);
    serves_all(f.s, f.second);
    EXPECT_EQ(f.s.does(),
        (lines{"begin_drain shop-web-1-1: the machine is drained; its work is on " + called(f.second)}));
}

TEST(a_carrier_that_cannot, is_the_same_for_every_machine_and_until_the_work_is_back)
{
    stuck_fleet f;
    f.s.w.fleet->machines.at(id("m1")).failed[web][id(f.first)] = {1, taken};
    f.s.w.fleet->me = id(f.first);
    EXPECT_EQ(carrier_of_m1(f.s), f.second);
    f.s.w.fleet->me = id(f.second);
    EXPECT_EQ(carrier_of_m1(f.s), f.second);
    machine(f.s, "m1").drains = false;
    machine(f.s, "m1").returns = true;
    EXPECT_EQ(carrier_of_m1(f.s), f.second);
}

TEST(a_carrier_that_cannot, is_asked_again_when_the_others_cannot_either_less_and_less_often)
{
    auto s = fleet_of({"m2", "m3"});
    machine(s, "m1").drains = true;
    const auto first = carrier_of_m1(s);
    std::vector<std::chrono::seconds> waited;
    for (int i = 0; i < 16; ++i) {
        EXPECT_EQ(carrier_of_m1(s), i % 2 == 0 ? first : other_than(first));
        const auto next = patience(s);
        ASSERT_TRUE(next);
        waited.push_back(*next);
    }
    EXPECT_EQ(waited, (std::vector{20s, 20s, 40s, 40s, 80s, 80s, 160s, 160s, 320s, 320s, 640s, 640s, 640s,
                          640s, 640s, 640s}));
    EXPECT_EQ(s.w.instances.size(), 1U);
    EXPECT_FALSE(s.of().task->away);
    serves_all(s, carrier_of_m1(s));
    EXPECT_EQ(s.does().size(), 1U) << "it is never too late";
}

TEST(a_carrier_that_cannot, keeps_the_work_while_there_is_no_other)
{
    auto s = fleet_of({"m2"});
    machine(s, "m1").drains = true;
    EXPECT_EQ(patience(s), std::nullopt);
    const auto told = s.because(reason::waiting_carrier);
    EXPECT_EQ(told.text, "the machine is drained; host-m2 (m2) serves 0 of 2: " + std::string(taken));
    EXPECT_EQ(told.then, "it goes on here until others serve its work");
    EXPECT_EQ(told.until, std::nullopt);
    EXPECT_EQ(told.command, "on host-m2 (m2): ss -ltnp 'sport = :8888'");
    EXPECT_EQ(s.w.instances.size(), 1U);
    serves_all(s, "m2");
    EXPECT_EQ(s.does().size(), 1U);
}

TEST(a_carrier_that_cannot, is_not_one_that_takes_its_time)
{
    stuck_fleet f;
    reports(f.s, f.first, {.carries = 1, .asked = 2, .serving = 1});
    for (int i = 0; i < 30; ++i) {
        EXPECT_EQ(f.s.does(), lines{});
        f.s.later(1min);
    }
    EXPECT_EQ(carrier_of_m1(f.s), f.first) << "pulling, say";
    is_stuck(f.s, f.first);
    EXPECT_EQ(f.s.does(), passes_over(f.first));
}

TEST(a_carrier_that_cannot, is_not_one_that_could_meanwhile)
{
    stuck_fleet f;
    (void)f.s.does();
    f.s.later(carrier_patience - 1s);
    auto spec = scene::web();
    spec.rollout.min_healthy_time = 1min;
    f.s.release(1, model::release_outcome::live, spec);
    serves_all(f.s, f.first);
    EXPECT_EQ(f.s.does(), lines{});
    is_stuck(f.s, f.first);
    f.s.later(2s);
    EXPECT_EQ(f.s.does(), lines{});
    f.s.later(carrier_patience - 1s);
    EXPECT_EQ(f.s.does(), lines{}) << "it counts anew";
    f.s.later(1s);
    EXPECT_EQ(f.s.does(), passes_over(f.first));
}

TEST(a_carrier_that_cannot, is_not_one_that_changes_or_is_away)
{
    stuck_fleet f;
    f.s.takes_slot(f.first, 0, 1);
    f.s.later(5min);
    EXPECT_EQ(f.s.does(), lines{});
    f.s.of().rollout.slots.clear();
    machine(f.s, f.first).present = false;
    machine(f.s, f.first).gone_since = f.s.w.now;
    EXPECT_EQ(f.s.does(), lines{});
    f.s.later(30s);
    EXPECT_EQ(f.s.does(), lines{}) << "what it said is old";
    machine(f.s, f.first).present = true;
    EXPECT_EQ(f.s.does(), lines{});
    f.s.later(carrier_patience);
    EXPECT_EQ(f.s.does(), passes_over(f.first));
}

TEST(a_carrier_that_cannot, leaves_its_part_to_the_one_that_has_the_other)
{
    auto s = fleet_of({"m2", "m3"}, 2);
    machine(s, "m1").drains = true;
    reports(s, "m2", {.carries = 1, .asked = 3, .serving = 2, .obstacle = taken});
    reports(s, "m3", {.carries = 1, .asked = 3, .serving = 3});
    EXPECT_EQ(s.does(), lines{});
    s.later(carrier_patience);
    EXPECT_EQ(s.does(), passes_over("m2"));
    EXPECT_EQ(carriers_of(s.w, s.of()), (shares{{id("m3"), 2}}));
    EXPECT_EQ(s.does(), lines{});
    s.w.fleet->confirmed_at = s.w.now;
    reports(s, "m3", {.carries = 2, .asked = 4, .serving = 4});
    EXPECT_EQ(s.does().size(), 2U);
}

TEST(an_obstacle, is_what_waiting_does_not_remove)
{
    for (const auto code : {reason::port_taken, reason::crash_loop, reason::wrong_architecture,
             reason::pull_failed, reason::docker_disk_full, reason::docker_unreachable, reason::retrying})
        EXPECT_TRUE(is_obstacle(text_of(code))) << text_of(code);
    for (const auto code : {reason::creating, reason::pulling, reason::waiting_ready, reason::waiting_proxy,
             reason::too_few_serving, reason::draining, reason::old_workers, reason::carrying,
             reason::store_unreachable})
        EXPECT_FALSE(is_obstacle(text_of(code))) << text_of(code);
    EXPECT_FALSE(is_obstacle("of a newer gantryd"));
}
