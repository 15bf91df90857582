#include "fleet.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace gantryd::daemon {
namespace {

using model::release_outcome;

model::component_spec web_with(model::rollout_policy policy)
{
    auto out = machine::web();
    out.rollout = policy;
    return out;
}

/// Containers of this image end by themselves after that time.
auto exits_after(const std::string& image, runtime::duration time)
{
    return [image, time](const docker::fake_container& container) {
        docker::fake_run run;
        if (container.details.image.text() == image) {
            run.exits_after = time;
            run.exit_code = 3;
        }
        return run;
    };
}

void expect_quiet(fleet& f)
{
    f.run_for(15s, 20ms);
    const auto before = f.changes();
    f.run_for(2min, 100ms);
    EXPECT_EQ(f.changes(), before) << "and then it is quiet";
    EXPECT_TRUE(f.slots().empty());
}

/// Machines that have ever started a container of the release.
int machines_that_tried(fleet& f, int release)
{
    int out = 0;
    for (std::size_t i = 1; i <= f.size(); ++i)
        out += std::ranges::any_of(f.at(i).docker.calls, [&](const std::string& call) {
            return call.starts_with(fmt::format("start shop-web-{}-", release));
        });
    return out;
}

TEST(a_rollout, goes_from_machine_to_machine)
{
    running_fleet f(3);
    std::set<std::string> holders;
    f.always("one machine changes at a time", [&] {
        if (const auto now = f.holder(); !now.empty())
            holders.insert(now);
        return f.in_change() <= 1 && f.slots().size() <= 1;
    });
    f.always("every machine serves", [&] { return f.all_serve(); });
    const auto two = f.release("2");
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::live; }));
    EXPECT_EQ(holders, (std::set<std::string>{"m1", "m2", "m3"}));
    ASSERT_TRUE(f.run_until([&] { return f.all_run(two); }));
    EXPECT_EQ(f.record()->verdict, model::rollout_verdict::done);
    expect_quiet(f);
    EXPECT_EQ(f.at(2).told("slot_taken").back(), "slot 1 of 1 for release 2");
    EXPECT_EQ(f.at(2).told("slot_freed").back(), "slot 1 of 1; release 2 runs here");
}

TEST(a_rollout, is_no_news_to_those_who_wait_when_the_turn_passes_on)
{
    running_fleet f(4);
    (void)f.release(web_with({.min_healthy_time = 10s}), "2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m1"; }, 5s));
    f.run_for(3s);
    const auto& last = f.at(4);
    const auto key =
        records::report_key(last.project, model::machine_id(last.id), model::component_name("web"));
    const auto reported = [&] {
        auto found = f.sim.outcome_after(0ms, f.books->get(key, f.sim.clock.now() + 5s));
        return found->value()->modified;
    };
    const auto before = reported();
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m2"; }, 30s));
    f.run_for(3s);
    EXPECT_EQ(reported(), before);
    EXPECT_TRUE(f.at(4).reason("waiting_slot")) << f.describe();
}

TEST(a_rollout, changes_as_many_machines_at_once_as_it_may)
{
    running_fleet f(5);
    int most = 0;
    f.always("two machines change at a time", [&] {
        most = std::max(most, f.in_change());
        return f.in_change() <= 2 && f.slots().size() <= 2;
    });
    const auto two = f.release(web_with({.max_parallel = {40, true}}), "2");
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::live && f.all_run(two); }));
    EXPECT_EQ(most, 2);
    expect_quiet(f);
}

TEST(a_rollout, of_a_release_that_exits_at_once_ends_on_the_first_machine)
{
    running_fleet f(3);
    f.always("the old one serves everywhere", [&] { return f.all_serve(); });
    const auto two = f.release("2");
    for (std::size_t i = 1; i <= 3; ++i)
        f.at(i).docker.on_start = exits_after(f.at(1).release_in_store(two).image.text(), 20ms);
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::failed; }));
    expect_quiet(f);
    EXPECT_TRUE(f.all_run(1));
    EXPECT_EQ(machines_that_tried(f, two), 1);
    EXPECT_EQ(f.at(1).release_in_store(two).why_failed->exit_code, 3);
    EXPECT_EQ(f.record()->verdict, model::rollout_verdict::failed);
    EXPECT_EQ(f.record()->machine.text(), "m1");
    EXPECT_TRUE(f.at(3).reason("release_failed"));
}

TEST(a_rollout, of_a_release_that_dies_early_ends_on_the_first_machine_and_nobody_notices)
{
    running_fleet f(3);
    f.always("release 1 serves everywhere", [&] {
        return f.running_on(1).contains(1) && f.running_on(2).contains(1) && f.running_on(3).contains(1);
    });
    const auto two = f.release(web_with({.min_healthy_time = 10s}), "2");
    const auto image = f.at(1).release_in_store(two).image.text();
    for (std::size_t i = 1; i <= 3; ++i)
        f.at(i).docker.on_start = exits_after(image, 5s);
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::failed; }));
    expect_quiet(f);
    EXPECT_TRUE(f.all_run(1));
    EXPECT_EQ(machines_that_tried(f, two), 1);
}

TEST(a_rollout, that_fails_on_a_later_machine_brings_the_earlier_ones_back_one_by_one)
{
    running_fleet f(3);
    f.always("one machine changes at a time", [&] { return f.in_change() <= 1; });
    f.always("every machine serves", [&] { return f.all_serve(); });
    const auto two = f.release("2");
    f.at(3).docker.on_start = exits_after(f.at(1).release_in_store(two).image.text(), 20ms);
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::failed; }));
    EXPECT_EQ(machines_that_tried(f, two), 3);
    ASSERT_TRUE(f.run_until([&] { return f.all_run(1); }));
    expect_quiet(f);
}

TEST(a_rollout, stands_still_after_a_failure_where_its_rule_says_so)
{
    running_fleet f(3);
    const auto two = f.release(web_with({.on_failure = model::failure_action::pause}), "2");
    f.at(2).docker.on_start = exits_after(f.at(1).release_in_store(two).image.text(), 20ms);
    ASSERT_TRUE(
        f.run_until([&] { return f.record() && f.record()->verdict == model::rollout_verdict::paused; }));
    expect_quiet(f);
    EXPECT_EQ(f.running_on(1), std::set<int>{two});
    EXPECT_EQ(f.running_on(2), std::set<int>{1});
    EXPECT_EQ(f.running_on(3), std::set<int>{1});
    EXPECT_EQ(f.outcome_of(two), release_outcome::pending);
    for (std::size_t i = 1; i <= 3; ++i)
        ASSERT_TRUE(f.at(i).reason("rollout_paused")) << i;
    EXPECT_EQ(f.at(2).told("rollout_halted").size(), 1U);

    for (std::size_t i = 1; i <= 3; ++i)
        f.at(i).docker.on_start = nullptr;
    const auto three = f.release("3");
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(three) == release_outcome::live && f.all_run(three); }))
        << "a new release takes its place";
}

TEST(a_rollout, that_is_superseded_midway_gives_way_to_the_new_release)
{
    running_fleet f(3);
    f.always("one machine changes at a time", [&] { return f.slots().size() <= 1; });
    f.always("every machine serves", [&] { return f.all_serve(); });
    const auto two = f.release("2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m2"; }));
    const auto token = f.slots().at(0).created;
    const auto three = f.release("3");
    ASSERT_TRUE(
        f.run_until([&] { return f.record()->release == static_cast<model::release_number>(three); }));
    EXPECT_EQ(f.slots().at(0).created, token) << "the slot is passed on";
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(three) == release_outcome::live; }));
    EXPECT_EQ(f.at(1).shown_outcome_of(two), release_outcome::superseded);
    ASSERT_TRUE(f.run_until([&] { return f.all_run(three); }));
    expect_quiet(f);
}

TEST(a_rollout, that_is_stopped_keeps_its_slot_until_a_start_is_answered)
{
    running_fleet f(2);
    f.may_stop_serving = true;
    f.at(1).docker.latency["start"] = 3s;
    f.release("2");
    ASSERT_TRUE(f.run_until([&] { return f.at(1).is_running("shop-web-2-1"); }));
    f.set_intent(model::intent::stopped);
    f.run_for(2s);
    EXPECT_EQ(f.holder(), "m1");
    EXPECT_TRUE(f.run_until([&] { return f.slots().empty(); }));
}

TEST(a_rollout, does_not_hold_up_a_stop)
{
    running_fleet f(3);
    f.release("2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m1"; }));
    f.set_intent(model::intent::stopped);
    ASSERT_TRUE(f.run_until(
        [&] {
            return f.at(1).containers().empty() && f.at(2).containers().empty() &&
                   f.at(3).containers().empty() && f.slots().empty();
        },
        5s));
}

TEST(a_rollout, pauses_between_machines)
{
    running_fleet f(3);
    const auto two = f.release(web_with({.pause = 20s}), "2");
    const auto began = f.sim.clock.now();
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::live; }));
    EXPECT_GE(f.sim.clock.now() - began, 40s);
    EXPECT_LE(f.sim.clock.now() - began, 45s);
}

TEST(a_machine, that_joins_in_a_rollout_starts_with_the_good_release)
{
    running_fleet f(3);
    const auto two = f.release(web_with({.min_healthy_time = 10s}), "2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m2"; }));
    auto& late = f.add("m4");
    late.add_image(machine::web(), "1");
    late.add_image(machine::web(), "2");
    late.start();
    ASSERT_TRUE(f.run_until([&] { return late.serving() == names{"shop-web-1-1"}; }, 2s));
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::live; }));
    EXPECT_TRUE(f.run_until([&] { return f.all_run(two); })) << "it was waited for";

    auto& later = f.add("m5");
    later.add_image(machine::web(), "2");
    later.start();
    ASSERT_TRUE(f.run_until([&] { return later.serving() == names{"shop-web-2-1"}; }, 2s));
    expect_quiet(f);
    EXPECT_TRUE(later.told("slot_taken").empty()) << "what is live needs no slot on an empty machine";
}

TEST(a_machine, of_its_own_is_not_slower_for_the_slot)
{
    running_fleet f(1);
    auto& m = f.at(1);
    const auto before = m.docker.calls.size();
    f.release("2");
    ASSERT_TRUE(f.run_until([&] { return m.docker.calls.size() > before; }, 60ms))
        << "the slot is one transaction, and a watch in this test looks every 50 ms";
    EXPECT_TRUE(std::ranges::any_of(
        m.docker.calls, [](const std::string& call) { return call == "create shop-web-2-1"; }));
}

TEST(machines, with_one_id_are_refused_and_do_not_share_slots)
{
    fleet f(2);
    f.start_all();
    f.make_live("1");
    auto& twin = f.add("m1");
    twin.host = "gamma";
    twin.add_image(machine::web(), "1");
    twin.start();
    f.run_for(30s);
    EXPECT_EQ(twin.serving(), names{"shop-web-1-1"}) << "what is live it runs all the same";
    EXPECT_EQ(twin.log_lines.count(base::log_level::warning, "machine id refused"), 1U);
    const auto two = f.release("2");
    twin.add_image(machine::web(), "2");
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::live; }));
    f.run_for(30s);
    f.crash(1);
    ASSERT_TRUE(f.run_until([&] { return twin.serving() == names{"shop-web-2-1"}; }))
        << "it takes the place when the other one has gone";
}

}  // namespace
}  // namespace gantryd::daemon
