// What an operator says during a rollout, and what the machines make of it.
#include "fleet.hpp"

#include <gantryd/control/rollouts.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace gantryd::daemon {
namespace {

using model::release_outcome;

const model::project_name shop("shop");
const model::component_name web("web");

template <class T>
T ask(fleet& f, boost::asio::awaitable<base::result<T>> op)
{
    auto answer = f.sim.outcome_after(0ms, std::move(op));
    if (!answer)
        throw std::logic_error("a memory store answers at once");
    if (!*answer)
        throw std::logic_error(answer->error().context());
    return std::move(**answer);
}

bool hold(fleet& f, bool held)
{
    return ask(
        f, control::hold_rollout(*f.books, shop, web, held, "ann@box", f.sim.clock, f.sim.clock.now() + 5s))
        .changed;
}

TEST(an_operator, pauses_a_rollout_and_lets_it_go_on)
{
    running_fleet f(3);
    f.always("every machine serves", [&] { return f.all_serve(); });
    const auto two = f.release("2");
    ASSERT_TRUE(f.run_until([&] { return f.holder() == "m1"; }));
    EXPECT_TRUE(hold(f, true));
    f.run_for(2min, 50ms);
    EXPECT_EQ(f.running_on(1), std::set<int>{two}) << "who changes goes on to the end";
    EXPECT_EQ(f.running_on(2), std::set<int>{1});
    EXPECT_EQ(f.running_on(3), std::set<int>{1});
    EXPECT_TRUE(f.slots().empty());
    ASSERT_TRUE(f.at(2).reason("rollout_paused"));
    EXPECT_EQ(f.at(2).reason("rollout_paused")->command, "gantryd resume shop -c web");
    EXPECT_EQ(f.at(2).reason("rollout_paused")->text, "ann@box has paused the rollout of release 2");
    EXPECT_TRUE(hold(f, false));
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }));
}

TEST(an_operator, pauses_a_rollout_before_any_machine_begins)
{
    running_fleet f(2);
    const auto two = f.release("2");
    EXPECT_TRUE(hold(f, true));
    f.run_for(30s, 20ms);
    EXPECT_EQ(f.running_on(1), std::set<int>{1});
    EXPECT_EQ(f.running_on(2), std::set<int>{1});
    EXPECT_TRUE(hold(f, false));
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }));
}

TEST(an_operator, lets_a_rollout_go_on_after_a_failure_that_halted_it)
{
    running_fleet f(3);
    auto spec = machine::web();
    spec.rollout.on_failure = model::failure_action::pause;
    const auto two = f.release(spec, "2");
    const auto image = f.at(1).release_in_store(two).image;
    f.at(2).docker.on_start = [&](const docker::fake_container& container) {
        docker::fake_run run;
        if (container.details.image == image) {
            run.exits_after = 20ms;
            run.exit_code = 3;
        }
        return run;
    };
    ASSERT_TRUE(
        f.run_until([&] { return f.record() && f.record()->verdict == model::rollout_verdict::paused; }));
    f.run_for(10s, 20ms);
    EXPECT_EQ(f.running_on(2), std::set<int>{1});

    EXPECT_TRUE(hold(f, false)) << "nothing was repaired";
    ASSERT_TRUE(f.run_until([&] { return f.record()->verdict == model::rollout_verdict::paused; }));
    EXPECT_TRUE(f.run_until([&] { return f.at(2).told("rollout_halted").size() == 2; }))
        << "it tried once more";
    EXPECT_EQ(f.running_on(3), std::set<int>{1});

    f.at(2).docker.on_start = nullptr;
    EXPECT_TRUE(hold(f, false));
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }));
}

TEST(an_operator, rolls_back_through_the_same_gates)
{
    running_fleet f(3);
    f.make_live("2");
    f.always("one machine changes at a time", [&] { return f.slots().size() <= 1; });
    f.always("every machine serves", [&] { return f.all_serve(); });
    const auto back = ask(f, control::roll_back(*f.books, shop, web, std::nullopt, false, "ann@alpha",
                                 f.sim.clock, f.sim.clock.now() + 5s));
    EXPECT_EQ(back.from.number, model::release_number(1));
    ASSERT_TRUE(f.run_until([&] { return f.is_over(3); }));
    EXPECT_EQ(f.at(1).release_in_store(3).image, f.at(1).release_in_store(1).image);
    EXPECT_FALSE(f.at(1).release_in_store(3).outcome_by.empty());
}

}  // namespace
}  // namespace gantryd::daemon
