// The work of machines that are drained goes to others, and comes back.
#include "fleet.hpp"

#include <gantryd/records/keys.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace gantryd::daemon {
namespace {

using counts = std::vector<std::size_t>;

/// Instances that serve, machine by machine.
counts by_machine(fleet& f)
{
    counts out;
    for (std::size_t i = 1; i <= f.size(); ++i)
        out.push_back(f.serving_on(i));
    return out;
}

bool is_empty(fleet& f, std::size_t number) { return f.at(number).containers().empty(); }

bool is_one_each(fleet& f) { return by_machine(f) == counts(f.size(), 1) && f.nobody_is_marked(); }

std::string state_on(fleet& f, std::size_t number)
{
    const auto report = f.at(number).report_on();
    return report ? report->state : "nothing";
}

/// Release 1 runs on every machine, and never fewer instances serve than at first, unless a test takes some
/// away.
class crew : public running_fleet {
public:
    explicit crew(int machines) : running_fleet(machines)
    {
        always("as many serve as at first",
            [this, least = serving()] { return may_lose_instances || serving() >= least; });
    }

    bool may_lose_instances = false;

    /// Drains a machine, and waits until nothing is left there.
    testing::AssertionResult empties(std::size_t number)
    {
        set_drain(number, true);
        return gets_to([&] { return is_empty(*this, number); });
    }
    testing::AssertionResult gets_to(const std::function<bool()>& there)
    {
        return run_until(there) ? testing::AssertionSuccess() : testing::AssertionFailure() << describe();
    }
    /// The one of machines 1 and 3 that does the work of machine 2, too.
    std::size_t carrier() { return serving_on(1) == 2 ? 1 : 3; }
};

TEST(a_drained_machine, hands_its_work_over_and_gets_it_back)
{
    crew f(3);
    ASSERT_TRUE(f.empties(2));
    f.expect_quiet();
    EXPECT_EQ(f.serving(), 3U);
    EXPECT_EQ(state_on(f, 2), "drained");
    EXPECT_TRUE(f.at(2).reason("work_moved"));
    const auto carrier = f.carrier();
    EXPECT_EQ(f.serving_on(carrier), 2U);
    EXPECT_TRUE(f.at(carrier).reason("carrying"));
    EXPECT_EQ(state_on(f, carrier), "running");

    f.set_drain(2, false);
    ASSERT_TRUE(f.gets_to([&] { return is_one_each(f); }));
    f.expect_quiet();
    EXPECT_EQ(by_machine(f), counts(3, 1));
    EXPECT_FALSE(f.at(2).reason("work_returning"));
    EXPECT_FALSE(f.at(carrier).reason("carrying"));
}

TEST(a_drained_machine, is_passed_by_an_update_and_comes_back_with_the_new_release)
{
    crew f(3);
    ASSERT_TRUE(f.empties(2));
    const auto two = f.release("2");
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == model::release_outcome::live; }));
    f.expect_quiet();
    EXPECT_EQ(f.running_on(1), std::set<int>{two});
    EXPECT_EQ(f.running_on(3), std::set<int>{two});
    EXPECT_TRUE(is_empty(f, 2)) << "nothing of it was started here";
    EXPECT_EQ(f.at(2).docker.count_calls("create shop-web-2"), 0U);
    f.set_drain(2, false);
    ASSERT_TRUE(f.gets_to([&] { return is_one_each(f) && f.is_over(two); }));
    f.expect_quiet();
}

TEST(a_drained_machine, that_is_told_so_in_an_update_does_not_disturb_it)
{
    crew f(3);
    const auto two = f.release("2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m2"; }));
    f.set_drain(2, true);
    ASSERT_TRUE(f.gets_to([&] { return is_empty(f, 2) && f.slots().empty(); }));
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == model::release_outcome::live; }));
    f.set_drain(2, false);
    ASSERT_TRUE(f.gets_to([&] { return is_one_each(f) && f.is_over(two); }));
    f.expect_quiet();
}

TEST(a_drained_machine, that_changes_its_mind_has_lost_nothing)
{
    crew f(3);
    for (const auto pause : {0ms, 20ms, 60ms, 150ms, 400ms, 1500ms}) {
        f.set_drain(2, true);
        f.run_for(pause);
        f.set_drain(2, false);
        f.run_for(pause);
    }
    ASSERT_TRUE(f.gets_to([&] { return is_one_each(f); }));
    f.expect_quiet();
}

TEST(a_drained_machine, is_empty_still_after_a_restart_of_any_gantryd)
{
    crew f(3);
    ASSERT_TRUE(f.empties(2));
    f.run_for(1s);
    const auto before = f.changes();
    for (std::size_t i = 1; i <= 3; ++i) {
        f.crash(i);
        f.run_for(8s, 20ms);
        f.at(i).start();
        f.run_for(30s, 20ms);
        EXPECT_EQ(f.changes(), before) << "m" << i << "\n" << f.describe();
    }
    EXPECT_EQ(state_on(f, 2), "drained");
}

TEST(a_drained_machine, that_is_lost_leaves_its_work_with_the_others_until_it_is_forgotten)
{
    crew f(3);
    ASSERT_TRUE(f.empties(2));
    EXPECT_EQ(f.forget(2).error().code(), base::errc::rejected) << "it is there";
    f.crash(2);
    f.run_for(5min, 100ms);
    for (const std::size_t i : {1U, 3U}) {
        f.crash(i);
        f.at(i).start();
    }
    f.expect_quiet();
    EXPECT_EQ(f.serving(), 3U);
    EXPECT_EQ(f.forget(2), 4U) << "its report, its mark, its word on the release and what it changed to";
    f.always("as many serve as before", [&] { return f.serving() >= 2; });
}

TEST(a_drained_machine, that_is_forgotten_leaves_each_other_with_its_own)
{
    crew f(3);
    ASSERT_TRUE(f.empties(2));
    f.crash(2);
    f.run_for(20s, 100ms);
    f.may_lose_instances = true;
    EXPECT_TRUE(f.forget(2));
    ASSERT_TRUE(f.gets_to([&] { return f.serving() == 2; }));
    f.expect_quiet();
    EXPECT_EQ(by_machine(f), (counts{1, 0, 1}));
    f.at(2).start();
    ASSERT_TRUE(f.run_until([&] { return is_one_each(f); })) << "it is a new machine then";
    f.expect_quiet();
}

TEST(a_carrier, that_is_lost_is_replaced)
{
    crew f(3);
    ASSERT_TRUE(f.empties(2));
    const auto carrier = f.carrier();
    const std::size_t other = 4 - carrier;
    f.crash(carrier);
    ASSERT_TRUE(f.gets_to([&] { return f.serving_on(other) == 2; }));
    f.run_for(2min, 50ms);
    EXPECT_TRUE(is_empty(f, 2)) << "what it took back meanwhile went to the other one\n" << f.describe();
    f.at(carrier).start();
    ASSERT_TRUE(f.gets_to([&] { return f.serving() == 3; }));
    f.expect_quiet();
    EXPECT_TRUE(is_empty(f, 2));
}

TEST(a_carrier, that_dies_with_all_it_has_is_no_end_while_the_drained_machine_is_there)
{
    crew f(2);
    ASSERT_TRUE(f.empties(2));
    EXPECT_EQ(f.serving_on(1), 2U);
    f.may_lose_instances = true;
    f.crash(1);
    f.at(1).docker.restart();
    ASSERT_TRUE(f.run_until([&] { return f.serving_on(2) == 1; }, 45s)) << f.describe();
    f.run_for(2min, 50ms);
    EXPECT_EQ(f.serving_on(2), 1U);
    f.at(1).start();
    ASSERT_TRUE(f.gets_to([&] { return is_empty(f, 2); }));
    EXPECT_EQ(f.serving_on(1), 2U);
    f.expect_quiet();
}

/// From now on no container can be made on the machine.
void refuse_containers(machine& on)
{
    on.docker.on_call = [](const std::string& call) -> std::optional<base::error> {
        if (call.starts_with("create "))
            return base::error(base::errc::rejected, "no such device");
        return std::nullopt;
    };
}

/// Machine 2 is drained, and one of the instances on the machine that carries its work crashes, after
/// `before` was done to that machine. Which one it is.
std::size_t carrier_with_a_crash(crew& f, const std::function<void(machine&)>& before = [](machine&) {})
{
    EXPECT_TRUE(f.empties(2));
    const auto carrier = f.carrier();
    auto& m = f.at(carrier);
    before(m);
    f.may_lose_instances = true;
    m.docker.die(m.id_of(*m.serving().rbegin()), 1);
    return carrier;
}

TEST(a_carrier, whose_instances_crash_heals_them_alone)
{
    crew f(3);
    const auto carrier = carrier_with_a_crash(f);
    ASSERT_TRUE(f.run_until([&] { return f.serving_on(carrier) == 2; }));
    EXPECT_EQ(f.at(2).docker.count_calls("create "), 1U) << "the drained machine did not come back for it";
    f.expect_quiet();
}

/// Machine 2 of three is drained, while one of the others cannot make containers. True when that one was
/// asked first.
bool is_asked_first(std::size_t broken)
{
    crew f(3);
    const std::size_t other = 4 - broken;
    refuse_containers(f.at(broken));
    f.set_drain(2, true);
    f.run_for(10s);
    const bool asked = !is_empty(f, 2);
    if (asked) {
        const auto told = f.at(2).reason("waiting_carrier");
        EXPECT_TRUE(told && told->text.contains(" serves 1 of 2: ") && told->text.contains("no such device"))
            << f.describe();
        EXPECT_EQ(f.serving_on(2), 1U);
    }
    EXPECT_TRUE(f.gets_to([&] { return is_empty(f, 2) && f.serving_on(other) == 2; }));
    f.expect_quiet();
    const auto failures = f.at(2).told("carrier_failed");
    EXPECT_EQ(failures.size(), asked ? 1U : 0U);
    for (const auto& failure : failures)
        EXPECT_TRUE(failure.contains("no such device")) << failure;
    EXPECT_FALSE(f.at(broken).reason("crash_loop")) << "it is not asked any more";

    f.set_drain(2, false);
    EXPECT_TRUE(f.gets_to([&] { return is_one_each(f); }));
    f.expect_quiet();
    return asked;
}

TEST(a_carrier, that_cannot_start_is_passed_over)
{
    const bool one = is_asked_first(1);
    const bool three = is_asked_first(3);
    EXPECT_NE(one, three) << "one of the two is first";
}

TEST(a_carrier, that_cannot_start_and_is_the_only_one_leaves_the_work_where_it_is)
{
    crew f(2);
    refuse_containers(f.at(1));
    f.set_drain(2, true);
    f.run_for(30min, 100ms);
    EXPECT_EQ(by_machine(f), counts(2, 1));
    EXPECT_TRUE(f.at(2).reason("waiting_carrier")->text.contains("no such device"));
    EXPECT_TRUE(f.at(2).told("carrier_failed").empty()) << "there is nobody else";
    f.at(1).docker.on_call = nullptr;
    const auto has_moved = [&] { return is_empty(f, 2) && f.serving_on(1) == 2; };
    ASSERT_TRUE(f.run_until(has_moved, 10min, 100ms)) << "it is tried every five minutes\n" << f.describe();
    f.expect_quiet();
}

TEST(a_carrier, that_cannot_start_is_asked_again_when_no_other_can_either)
{
    crew f(3);
    for (const std::size_t i : {1U, 3U})
        refuse_containers(f.at(i));
    f.set_drain(2, true);
    f.run_for(1h, 100ms);
    EXPECT_EQ(by_machine(f), counts(3, 1));
    const auto failures = f.at(2).told("carrier_failed").size();
    EXPECT_GE(failures, 8U);
    EXPECT_LE(failures, 20U) << "less and less often";
    f.at(1).docker.on_call = nullptr;
    ASSERT_TRUE(f.run_until([&] { return is_empty(f, 2); }, 30min, 100ms)) << f.describe();
    EXPECT_EQ(f.serving_on(1), 2U);
    f.expect_quiet();
}

TEST(a_carrier, that_fails_after_the_work_was_handed_over_is_passed_over_too)
{
    crew f(3);
    const std::size_t other = 4 - carrier_with_a_crash(f, refuse_containers);
    ASSERT_TRUE(f.gets_to([&] { return f.serving_on(other) == 2; }));
    f.run_for(1min, 20ms);
    EXPECT_TRUE(is_empty(f, 2)) << f.describe();
    EXPECT_EQ(f.at(2).told("carrier_failed").size(), 1U);
}

TEST(machines, that_are_drained_together_leave_all_to_the_last_one)
{
    crew f(3);
    f.set_drain(2, true);
    f.set_drain(1, true);
    ASSERT_TRUE(f.gets_to([&] { return is_empty(f, 1) && is_empty(f, 2); }));
    f.expect_quiet();
    EXPECT_EQ(by_machine(f), (counts{0, 0, 3}));
    f.set_drain(3, true);
    f.expect_quiet();
    EXPECT_EQ(f.serving_on(3), 3U) << "nobody can take it";
    EXPECT_TRUE(f.at(3).reason("no_carrier"));
    for (std::size_t i = 1; i <= 3; ++i)
        f.set_drain(i, false);
    ASSERT_TRUE(f.gets_to([&] { return is_one_each(f); }));
    f.expect_quiet();
}

TEST(machines, that_are_drained_one_after_the_other_hand_on_what_they_carry)
{
    crew f(4);
    for (const std::size_t i : {4U, 3U, 2U}) {
        ASSERT_TRUE(f.empties(i));
    }
    f.expect_quiet();
    EXPECT_EQ(by_machine(f), (counts{4, 0, 0, 0}));
    for (const std::size_t i : {4U, 3U, 2U}) {
        f.set_drain(i, false);
        ASSERT_TRUE(f.gets_to([&] { return f.serving_on(i) >= 1; }));
    }
    ASSERT_TRUE(f.gets_to([&] { return is_one_each(f); }));
    f.expect_quiet();
}

TEST(machines, that_are_all_drained_stay_as_they_are)
{
    crew f(2);
    f.run_for(1s);
    const auto before = f.changes();
    f.set_drain(1, true);
    f.set_drain(2, true);
    f.run_for(2min, 20ms);
    // The first may have begun to move in the moment between the two.
    EXPECT_LE(f.changes(), before + 2) << f.describe();
    EXPECT_GE(f.serving(), 2U);
    EXPECT_TRUE(f.at(1).reason("no_carrier") && f.at(2).reason("no_carrier"));
    f.set_drain(1, false);
    f.set_drain(2, false);
    ASSERT_TRUE(f.gets_to([&] { return is_one_each(f); }));
}

TEST(a_machine, that_is_alone_goes_on_when_it_is_drained)
{
    crew f(1);
    f.run_for(1s);
    const auto before = f.changes();
    f.set_drain(1, true);
    f.run_for(1min, 20ms);
    EXPECT_EQ(f.changes(), before);
    EXPECT_TRUE(f.at(1).reason("no_carrier"));
    f.set_drain(1, false);
    ASSERT_TRUE(f.run_until([&] { return f.nobody_is_marked(); }, 1s));
    EXPECT_EQ(f.changes(), before);
}

TEST(a_machine, that_is_stopped_while_it_is_drained_stops_everywhere)
{
    crew f(3);
    ASSERT_TRUE(f.empties(2));
    f.may_lose_instances = true;
    f.set_intent(model::intent::stopped);
    ASSERT_TRUE(
        f.run_until([&] { return is_empty(f, 1) && is_empty(f, 3) && state_on(f, 2) == "stopped"; }, 10s));
    f.set_drain(2, false);
    ASSERT_TRUE(f.run_until([&] { return f.nobody_is_marked(); }, 5s)) << "nothing is to run";
    f.set_intent(model::intent::ready);
    ASSERT_TRUE(f.run_until([&] { return is_one_each(f); }));
}

TEST(a_machine, that_was_forgotten_while_it_was_cut_off_tells_everything_anew)
{
    crew f(2);
    f.link(2).cut();
    f.run_for(30s, 20ms);
    ASSERT_TRUE(f.forget(2));
    f.run_for(10s, 20ms);
    EXPECT_FALSE(f.at(2).report_on());
    f.link(2).heal();
    ASSERT_TRUE(f.run_until([&] { return f.at(2).report_on().has_value(); }, 1min));
    f.expect_quiet();
}

}  // namespace
}  // namespace gantryd::daemon
