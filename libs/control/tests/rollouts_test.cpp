// Rollbacks and pauses, on hand-written releases and rollouts.
#include "control_fixture.hpp"

#include <gantryd/control/rollouts.hpp>

namespace gantryd::control {
namespace {

using outcome = model::release_outcome;
using verdict = model::rollout_verdict;

model::release_number number(int n) { return static_cast<model::release_number>(n); }

class rollouts : public control_test {
protected:
    base::result<rolled_back> back(std::optional<int> asked = std::nullopt, bool also_failed = false)
    {
        const auto wanted = asked ? std::optional(number(*asked)) : std::nullopt;
        return ask(roll_back(
            store_, shop_, web_, wanted, also_failed, "bob@beta", sim_.clock, sim_.clock.now() + 5s));
    }
    /// The sentence of the refusal; "" when there was none.
    std::string refusal(std::optional<int> asked = std::nullopt, bool also_failed = false)
    {
        const auto done = back(asked, also_failed);
        return done ? std::string() : done.error().context();
    }
    base::result<hold_change> hold(bool held)
    {
        return ask(hold_rollout(store_, shop_, web_, held, "ann@box", sim_.clock, sim_.clock.now() + 5s));
    }
    void release_and_settle(const std::string& tag, outcome how)
    {
        const auto made = release_web(tag);
        settle(static_cast<int>(made.first), how);
    }
    void put_rollout(const model::rollout& rollout)
    {
        put(records::rollout_key(shop_, web_), records::encode(rollout));
    }
    model::rollout stored_rollout()
    {
        auto found = records::decode_rollout(value_of(records::rollout_key(shop_, web_)).value_or(""));
        if (!found)
            throw std::logic_error(found.error().context());
        return std::move(*found);
    }
    static model::rollout rollout_of(int release, verdict how)
    {
        model::rollout out;
        out.release = number(release);
        out.slots = 1;
        out.verdict = how;
        return out;
    }
};

TEST_F(rollouts, a_rollback_is_a_new_release_of_what_was_live_before)
{
    release_and_settle("a", outcome::live);
    release_and_settle("b", outcome::live);
    const auto done = back();
    ASSERT_TRUE(done) << done.error().context();
    EXPECT_EQ(done->number, number(3));
    EXPECT_EQ(done->from.number, number(1));
    const auto made = stored_release(3);
    EXPECT_EQ(made.spec, request("web", "a").spec);
    EXPECT_EQ(made.image.text(), "sha256:a");
    EXPECT_EQ(made.created_by, "bob@beta");
    EXPECT_EQ(made.outcome, outcome::pending);
    EXPECT_EQ(stored_state().release, number(3));
    EXPECT_EQ(stored_state().image.text(), "sha256:a");
    EXPECT_EQ(stored_release(2).outcome, outcome::live);
}

TEST_F(rollouts, a_second_rollback_does_not_take_the_same_content_for_another_release)
{
    release_and_settle("a", outcome::live);
    release_and_settle("b", outcome::live);
    release_and_settle("b2", outcome::failed);
    release_and_settle("b", outcome::live);
    const auto done = back();
    ASSERT_TRUE(done) << done.error().context();
    EXPECT_EQ(done->from.number, number(1)) << "2 is what 4 is";
}

TEST_F(rollouts, a_rollback_supersedes_a_release_that_is_under_way_and_passes_over_failures)
{
    release_and_settle("a", outcome::live);
    release_and_settle("b", outcome::failed);
    EXPECT_TRUE(release_web("c").second);
    const auto done = back();
    ASSERT_TRUE(done) << done.error().context();
    EXPECT_EQ(done->from.number, number(1));
    EXPECT_EQ(shown_release(3).outcome, outcome::superseded);
}

TEST_F(rollouts, a_rollback_refuses_what_makes_no_sense_and_says_why)
{
    EXPECT_EQ(refusal(), "project shop has no component web");
    release_and_settle("a", outcome::live);
    EXPECT_EQ(refusal(), "component web: nothing to go back to: no other release was live before release 1");
    EXPECT_EQ(refusal(7), "component web: no release 7 is known; `history` lists those that are kept");
    EXPECT_EQ(refusal(1), "component web: release 1 is the present one");
    EXPECT_TRUE(release_web("b").second);
    auto failed = stored_release(2);
    failed.outcome = outcome::failed;
    failed.why_failed = model::evidence{.reason = "exited with code 3"};
    put(release_key(2), records::encode(failed));
    release_and_settle("a", outcome::live);
    EXPECT_EQ(
        refusal(2), "component web: release 2 failed: exited with code 3; --force takes it all the same");
    EXPECT_EQ(
        refusal(1), "component web: release 3, the present one, has the same spec and image as release 1");
    EXPECT_EQ(stored_state().release, number(3));
    EXPECT_FALSE(value_of(release_key(4)));
}

TEST_F(rollouts, a_failed_release_is_taken_when_that_is_asked_for)
{
    release_and_settle("a", outcome::live);
    release_and_settle("b", outcome::failed);
    release_and_settle("c", outcome::live);
    const auto done = back(2, true);
    ASSERT_TRUE(done) << done.error().context();
    EXPECT_EQ(stored_release(4).image.text(), "sha256:b");
    EXPECT_EQ(stored_release(2).outcome, outcome::failed);
}

TEST_F(rollouts, the_present_release_is_taken_again_when_it_has_failed_and_that_is_asked_for)
{
    release_and_settle("a", outcome::live);
    release_and_settle("b", outcome::failed);
    EXPECT_EQ(
        refusal(2), "component web: release 2 failed: no evidence was kept; --force takes it all the same");
    const auto done = back(2, true);
    ASSERT_TRUE(done) << done.error().context();
    EXPECT_EQ(done->number, number(3));
    EXPECT_EQ(stored_release(3).image.text(), "sha256:b");
}

TEST_F(rollouts, what_runs_is_released_again_after_a_failure)
{
    release_and_settle("a", outcome::live);
    release_and_settle("b", outcome::failed);
    const auto done = back();
    ASSERT_TRUE(done) << done.error().context();
    EXPECT_EQ(done->number, number(3));
    EXPECT_EQ(done->from.number, number(1));
}

TEST_F(rollouts, a_rollback_meets_rivals)
{
    release_and_settle("a", outcome::live);
    release_and_settle("b", outcome::live);
    put(records::state_key(shop_, web_), records::encode(model::component_state{
                                             model::intent::ready, model::image_id("sha256:b"), number(2)}));
    rival_writes(model::component_state{model::intent::stopped, model::image_id("sha256:b"), number(2)});
    store_.rivals = 2;
    const auto done = back();
    ASSERT_TRUE(done) << done.error().context();
    EXPECT_EQ(store_.rivals, 0);
    EXPECT_EQ(stored_state().status, model::intent::ready);

    store_.rivals = 100;
    const auto refused = back();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), base::errc::conflict);
}

TEST_F(rollouts, a_pause_before_any_machine_has_begun_makes_the_record)
{
    release_and_settle("a", outcome::live);
    EXPECT_TRUE(release_web("b").second);
    const auto done = hold(true);
    ASSERT_TRUE(done) << done.error().context();
    EXPECT_EQ(done->release, number(2));
    EXPECT_TRUE(done->changed);
    EXPECT_EQ(stored_rollout().release, number(2));
    EXPECT_EQ(stored_rollout().slots, 0) << "the first machine decides";
    EXPECT_EQ(stored_rollout().verdict, verdict::running);
    EXPECT_TRUE(stored_rollout().held);
    EXPECT_EQ(stored_rollout().held_by, "ann@box");

    EXPECT_FALSE(hold(true)->changed);
    EXPECT_TRUE(hold(false)->changed);
    EXPECT_FALSE(stored_rollout().held);
    EXPECT_EQ(stored_rollout().held_by, "");
    EXPECT_FALSE(hold(false)->changed);
}

TEST_F(rollouts, a_pause_keeps_what_the_record_says_and_replaces_that_of_an_older_release)
{
    release_and_settle("a", outcome::live);
    EXPECT_TRUE(release_web("b").second);
    auto before = rollout_of(2, verdict::running);
    before.slots = 3;
    put_rollout(before);
    ASSERT_TRUE(hold(true));
    before.held = true;
    before.held_by = "ann@box";
    EXPECT_EQ(stored_rollout(), before);

    EXPECT_TRUE(release_web("c").second);
    ASSERT_TRUE(hold(true));
    EXPECT_EQ(stored_rollout().release, number(3));
    EXPECT_EQ(stored_rollout().slots, 0);
}

TEST_F(rollouts, a_resumed_failure_begins_anew)
{
    release_and_settle("a", outcome::live);
    EXPECT_TRUE(release_web("b").second);
    auto halted = rollout_of(2, verdict::paused);
    halted.slots = 2;
    halted.held = true;
    halted.machine = model::machine_id("m1");
    halted.why = "exited with code 3";
    halted.ended_at = base::wall_time(5s);
    put_rollout(halted);
    EXPECT_FALSE(hold(true)->changed) << "it is halted already";
    const auto done = hold(false);
    ASSERT_TRUE(done && done->changed);
    auto expected = rollout_of(2, verdict::running);
    expected.slots = 2;
    expected.began_at = stored_rollout().began_at;
    EXPECT_EQ(stored_rollout(), expected);
    EXPECT_GT(stored_rollout().began_at, halted.began_at);
}

TEST_F(rollouts, the_hold_of_a_failed_rollout_can_be_ended_so_that_machines_go_back)
{
    release_and_settle("a", outcome::live);
    release_and_settle("b", outcome::failed);
    auto failed = rollout_of(2, verdict::failed);
    failed.held = true;
    put_rollout(failed);
    ASSERT_TRUE(hold(false).has_value());
    EXPECT_FALSE(stored_rollout().held);
    EXPECT_EQ(stored_rollout().verdict, verdict::failed);
    EXPECT_EQ(hold(false).error().context(),
        "component web: release 2 has failed and is not tried again; `update` or `rollback` makes a new one");
    EXPECT_EQ(
        hold(true).error().context(), "component web: release 2 has failed; machines that have it go back");
}

TEST_F(rollouts, only_a_rollout_that_is_under_way_is_paused)
{
    EXPECT_EQ(hold(true).error().code(), base::errc::not_found);
    release_and_settle("a", outcome::live);
    EXPECT_EQ(hold(true).error().context(),
        "component web: release 1 is live on every machine; no rollout is under way");
    EXPECT_TRUE(release_web("b").second);
    ASSERT_TRUE(set(model::intent::stopped));
    EXPECT_EQ(hold(true).error().context(), "component web: it is stopped; no rollout is under way");
    EXPECT_FALSE(value_of(records::rollout_key(shop_, web_)));
}

TEST_F(rollouts, a_pause_is_written_again_when_a_machine_was_faster)
{
    release_and_settle("a", outcome::live);
    EXPECT_TRUE(release_web("b").second);
    auto claimed = rollout_of(2, verdict::running);
    claimed.slots = 4;
    rival_writes(records::rollout_key(shop_, web_), records::encode(claimed));
    store_.rivals = 1;
    ASSERT_TRUE(hold(true));
    claimed.held = true;
    claimed.held_by = "ann@box";
    EXPECT_EQ(stored_rollout(), claimed);
    rival_writes(records::rollout_key(shop_, web_), records::encode(claimed));
    store_.rivals = 100;
    const auto refused = hold(false);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), base::errc::conflict);
}

}  // namespace
}  // namespace gantryd::control
