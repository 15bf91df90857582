#include "crash_points.hpp"
#include "life.hpp"
#include "planted.hpp"

#include <gtest/gtest.h>

namespace gantryd::simulation {
namespace {

std::vector<std::string> story_of(std::uint64_t seed)
{
    tally counts;
    std::vector<std::string> out;
    EXPECT_EQ(live_once(seed, counts, &out), "");
    return out;
}

TEST(a_life, is_the_same_each_time)
{
    for (const std::uint64_t seed : {1U, 2U}) {
        const auto first = story_of(seed);
        EXPECT_GT(first.size(), 20U);
        EXPECT_EQ(first, story_of(seed)) << "seed " << seed;
    }
}

TEST(a_life, is_another_one_for_another_seed) { EXPECT_NE(story_of(1), story_of(2)); }

TEST(a_life, is_the_same_whether_its_story_is_kept_or_not)
{
    tally told;
    tally silent;
    std::vector<std::string> story;
    EXPECT_EQ(live_once(4, told, &story), "");
    EXPECT_EQ(live_once(4, silent, nullptr), "");
    EXPECT_EQ(told.faults, silent.faults);
    EXPECT_EQ(told.plans, silent.plans);
    EXPECT_EQ(told.checks, silent.checks);
}

class a_planted_fault : public testing::TestWithParam<planted_fault> {
protected:
    void TearDown() override { pull_out(); }
};

TEST_P(a_planted_fault, is_found_within_300_lives)
{
    ASSERT_TRUE(plant(GetParam().name));
    tally counts;
    std::uint64_t seed = 1;
    while (seed <= 300 && live_once(seed, counts, nullptr).empty())
        ++seed;
    EXPECT_LE(seed, 300U) << GetParam().what;
    RecordProperty("found_by_seed", std::to_string(seed));
}

INSTANTIATE_TEST_SUITE_P(of_all, a_planted_fault, testing::ValuesIn(planted_faults()),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace gantryd::simulation
