#include "control_fixture.hpp"

namespace gantryd::control {
namespace {

using outcome = model::release_outcome;
using made = std::pair<std::int64_t, bool>;

TEST_F(control_test, releases_are_numbered_from_one)
{
    EXPECT_EQ(release_web("a"), made(1, true));
    EXPECT_EQ(release_web("b"), made(2, true));

    const auto second = stored_release(2);
    EXPECT_EQ(second.spec, request("web", "b").spec);
    EXPECT_EQ(second.image.text(), "sha256:b");
    EXPECT_EQ(second.created_by, "ann@alpha");
    EXPECT_EQ(second.outcome, outcome::pending);
    const auto state = stored_state();
    EXPECT_EQ(state.status, model::intent::ready);
    EXPECT_EQ(state.image.text(), "sha256:b");
    EXPECT_EQ(state.release, model::release_number(2));
}

TEST_F(control_test, a_number_is_not_used_again_when_its_release_cannot_be_read)
{
    EXPECT_EQ(release_web("a"), made(1, true));
    put(release_key(7), "nonsense");
    EXPECT_EQ(release_web("b"), made(8, true));
}

TEST_F(control_test, the_same_release_is_used_again_and_set_to_ready)
{
    EXPECT_EQ(release_web("a"), made(1, true));
    settle(1, outcome::live);
    ASSERT_TRUE(set(model::intent::stopped));
    EXPECT_EQ(release_web("a"), made(1, false));
    EXPECT_EQ(stored_state().status, model::intent::ready);
    EXPECT_EQ(stored_release(1).outcome, outcome::live);
    EXPECT_FALSE(value_of(release_key(2)));
}

TEST_F(control_test, the_same_is_released_anew_when_that_is_asked_for)
{
    EXPECT_EQ(release_web("a"), made(1, true));
    settle(1, outcome::live);
    std::vector<release_request> requests{request("web", "a")};
    requests.front().again = true;
    const auto done = release(std::move(requests));
    ASSERT_TRUE(done);
    EXPECT_EQ(done->front().number, model::release_number(2));
    EXPECT_TRUE(done->front().is_new);
    EXPECT_EQ(stored_release(2).spec_hash, stored_release(1).spec_hash);
    EXPECT_EQ(stored_state().release, model::release_number(2));
}

TEST_F(control_test, another_image_under_the_same_tag_is_another_release)
{
    EXPECT_EQ(release_web("a"), made(1, true));
    std::vector<release_request> requests{request("web", "a")};
    requests.front().image = model::image_id("sha256:rebuilt");
    const auto done = release(std::move(requests));
    ASSERT_TRUE(done);
    EXPECT_EQ(done->front().number, model::release_number(2));
}

TEST_F(control_test, a_failed_release_is_not_used_again)
{
    EXPECT_EQ(release_web("a"), made(1, true));
    settle(1, outcome::failed);
    EXPECT_EQ(release_web("a"), made(2, true));
    EXPECT_EQ(stored_release(1).outcome, outcome::failed);
}

TEST_F(control_test, a_pending_release_is_superseded_by_the_next_and_a_live_one_is_not)
{
    EXPECT_EQ(release_web("a"), made(1, true));
    settle(1, outcome::live);
    EXPECT_EQ(release_web("b"), made(2, true));
    EXPECT_EQ(release_web("c"), made(3, true));
    EXPECT_EQ(shown_release(1).outcome, outcome::live);
    EXPECT_EQ(shown_release(2).outcome, outcome::superseded);
    EXPECT_EQ(shown_release(2).outcome_at, shown_release(3).created_at);
    EXPECT_EQ(shown_release(3).outcome, outcome::pending);
}

TEST_F(control_test, an_order_does_not_write_the_release_before_it_again)
{
    EXPECT_EQ(release_web("a"), made(1, true));
    const auto before = ask(store_.get(release_key(1), sim_.clock.now() + 5s)).value();
    EXPECT_EQ(release_web("b"), made(2, true));
    const auto after = ask(store_.get(release_key(1), sim_.clock.now() + 5s)).value();
    EXPECT_EQ(after->modified, before->modified) << "every machine is sent what is written";
}

TEST_F(control_test, a_release_that_is_wanted_is_not_superseded_by_one_that_is_not)
{
    EXPECT_EQ(release_web("a"), made(1, true));
    EXPECT_EQ(release_web("b"), made(2, true));
    put(records::state_key(shop_, web_),
        records::encode(model::component_state{model::intent::ready, {}, model::release_number{1}}));
    EXPECT_EQ(shown_release(1).outcome, outcome::pending);
    EXPECT_EQ(shown_release(2).outcome, outcome::pending) << "nothing came after it";
}

TEST_F(control_test, old_history_is_dropped_but_not_the_live_release)
{
    EXPECT_EQ(release_web("a"), made(1, true));
    settle(1, outcome::live);
    for (int number = 2; number <= 60; ++number)
        EXPECT_EQ(release_web(std::to_string(number)), made(number, true));
    EXPECT_TRUE(value_of(release_key(1)));
    EXPECT_FALSE(value_of(release_key(2)));
    EXPECT_TRUE(value_of(release_key(59)));
}

TEST_F(control_test, a_release_keeps_what_is_known_of_its_image)
{
    std::vector<release_request> requests{request("web", "a")};
    requests[0].digest = "r:5000/web@sha256:1234";
    requests[0].architecture = "arm64";
    ASSERT_TRUE(release(std::move(requests)));
    EXPECT_EQ(stored_release(1).digest, "r:5000/web@sha256:1234");
    EXPECT_EQ(stored_release(1).architecture, "arm64");
    EXPECT_EQ(release_web("b"), made(2, true));
    EXPECT_EQ(stored_release(2).digest, "") << "not known, as in records of older versions";
}

TEST_F(control_test, several_components_are_released_at_once_or_not_at_all)
{
    std::vector<release_request> requests{request("api", "a"), request("web", "a")};
    store_.rivals = 100;
    const auto refused = release(requests);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), base::errc::conflict);
    EXPECT_LT(store_.rivals, 100);
    EXPECT_FALSE(value_of(records::state_key(shop_, model::component_name("api"))));

    store_.rivals = 0;
    const auto done = release(std::move(requests));
    ASSERT_TRUE(done);
    ASSERT_EQ(done->size(), 2U);
    EXPECT_EQ(stored_state("api").release, model::release_number(1));
    EXPECT_EQ(stored_state("web").release, model::release_number(1));
}

TEST_F(control_test, a_lost_race_is_run_again)
{
    store_.rivals = 2;
    EXPECT_EQ(release_web("a"), made(1, true));
    EXPECT_EQ(store_.rivals, 0);
    EXPECT_EQ(stored_state().status, model::intent::ready);

    store_.rivals = 2;
    ASSERT_TRUE(set(model::intent::killed));
    EXPECT_EQ(stored_state().status, model::intent::killed);
}

TEST_F(control_test, an_intent_changes_nothing_but_the_status)
{
    EXPECT_EQ(release_web("a"), made(1, true));
    ASSERT_TRUE(set(model::intent::stopped));
    auto state = stored_state();
    EXPECT_EQ(state.status, model::intent::stopped);
    EXPECT_EQ(state.release, model::release_number(1));
    EXPECT_EQ(state.image.text(), "sha256:a");
}

TEST_F(control_test, an_intent_gives_a_component_without_a_state_one)
{
    ASSERT_TRUE(set(model::intent::stopped));
    EXPECT_EQ(stored_state().status, model::intent::stopped);
    EXPECT_FALSE(stored_state().release);
}

TEST_F(control_test, an_intent_meets_too_many_rivals)
{
    store_.rivals = 100;
    const auto done = set(model::intent::killed);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), base::errc::conflict);
}

}  // namespace
}  // namespace gantryd::control
