// Rollouts that stand still after a failure, where the policy says so.
#include "plan_text.hpp"
#include "scene.hpp"

#include <gantryd/planner/rollout.hpp>

#include <gtest/gtest.h>

using namespace gantryd::planner;
namespace model = gantryd::model;
using namespace std::chrono_literals;
using model::release_outcome;

namespace {

constexpr auto one = static_cast<model::release_number>(1);
constexpr auto two = static_cast<model::release_number>(2);
const lines claim_and_make{"claim web release 2 slot 0 of 1", "create shop-web-2-1 ahead"};

/// "m1", one of three machines, has just taken its turn for release 2.
scene in_its_turn()
{
    auto s = running_in_fleet({"m2", "m3"});
    auto spec = scene::web();
    spec.rollout.on_failure = model::failure_action::pause;
    s.release(2, release_outcome::pending, spec);
    EXPECT_EQ(s.does(), claim_and_make);
    return s;
}

}  // namespace

TEST(rollout, stands_still_after_a_failure_where_the_policy_says_so)
{
    auto s = in_its_turn();
    EXPECT_EQ(s.does(), lines{});
    s.starts("shop-web-2-1");
    s.exits("shop-web-2-1", 3);
    (void)s.does();
    (void)s.does();
    EXPECT_EQ(s.does(), lines{});
    EXPECT_EQ(s.of().releases.at(two)->outcome, release_outcome::pending);
    EXPECT_TRUE(s.of().rollout.slots.empty());
    EXPECT_EQ(s.release_to_run(), one);
    EXPECT_TRUE(s.because(reason::rollout_paused).text.contains("exited with code 3"));
    s.later(10min);
    s.w.fleet->confirmed_at = s.w.now;
    EXPECT_EQ(s.does(), lines{});

    s.of().rollout.record->verdict = model::rollout_verdict::running;  // an operator goes on
    EXPECT_EQ(s.does(), claim_and_make) << "it is tried anew";
}

TEST(rollout, that_another_machine_has_halted_begins_nothing_with_a_slot_taken_just_before)
{
    auto s = in_its_turn();
    s.at("shop-web-2-1").now = phase::created;
    s.of().rollout.record->verdict = model::rollout_verdict::paused;
    EXPECT_EQ(s.release_to_run(), one);
    EXPECT_EQ(s.does(), (lines{"leave web release 0 slot 0 of 0",
                            "begin_drain shop-web-2-1: it was made for a turn that does not come now"}));
}

TEST(rollout, that_ends_waits_for_the_answer_to_a_start_before_the_slot_is_another_s)
{
    auto s = in_its_turn();
    auto& begun = s.at("shop-web-2-1");
    begun.now = phase::created;
    begun.made_ahead = false;
    begun.starting = true;
    for (const auto intent : {model::intent::stopped, model::intent::ready}) {
        s.of().intent = intent;
        s.of().rollout.record->verdict = model::rollout_verdict::paused;
        EXPECT_FALSE(has(texts(s.planned()), "leave web"));
        begun.starting = false;
        EXPECT_TRUE(has(texts(s.planned()), "leave web release 0 slot 0 of 0"));
        begun.starting = true;
    }
    s.of().rollout.record->verdict = model::rollout_verdict::running;
    s.later(30min);  // its deadline
    s.w.fleet->confirmed_at = s.w.now;
    EXPECT_FALSE(has(texts(s.planned()), "halt web"));
    begun.starting = false;
    EXPECT_TRUE(has(texts(s.planned()), "halt web"));
}
