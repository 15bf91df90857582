#include <gantryd/health_policy/judgement.hpp>

#include <gtest/gtest.h>

#include <array>

namespace model = gantryd::model;
using namespace gantryd::health_policy;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{1h};

model::check_spec check(int rise, int fall)
{
    model::check_spec out;
    out.rise = rise;
    out.fall = fall;
    return out;
}

judgement after(const model::check_spec& c, std::string_view answers)
{
    judgement j;
    auto now = start;
    for (const char answer : answers)
        j = judge(j, c, answer == '+', std::string(1, answer), start, now += 1s);
    return j;
}

}  // namespace

TEST(judgement, rise_and_fall_count_answers_in_a_row)
{
    const auto c = check(2, 3);
    EXPECT_EQ(after(c, "").now, verdict::undecided);
    EXPECT_EQ(after(c, "+").now, verdict::undecided);
    EXPECT_EQ(after(c, "+-+").now, verdict::undecided);
    EXPECT_EQ(after(c, "++").now, verdict::passing);
    EXPECT_EQ(after(c, "++--").now, verdict::passing);
    EXPECT_EQ(after(c, "++--+--").now, verdict::passing);
    EXPECT_EQ(after(c, "++---").now, verdict::failing);
    EXPECT_EQ(after(c, "++---+").now, verdict::failing);
    EXPECT_EQ(after(c, "++---++").now, verdict::passing);
}

TEST(judgement, since_is_when_the_verdict_changed_and_the_answer_is_the_last)
{
    const auto j = after(check(1, 2), "+++-");
    EXPECT_EQ(j.since, start + 1s);
    EXPECT_EQ(j.answer, "-");
    EXPECT_EQ(j.failures, 1);
}

TEST(judgement, failures_within_the_grace_do_not_count_but_passes_do)
{
    auto c = check(1, 2);
    c.grace = 10s;
    EXPECT_EQ(after(c, "--------").now, verdict::undecided);
    EXPECT_EQ(after(c, "-----------").now, verdict::failing);
    EXPECT_EQ(after(c, "---+").now, verdict::passing);
}

TEST(judgement, quick_while_undecided_then_the_interval)
{
    auto c = check(1, 3);
    c.interval = 10s;
    judgement j;
    duration waited{};
    int tries = 0;
    for (; waited < 10s; ++tries) {
        j = judge(j, c, false, "refused", start, start + waited);
        const auto pause = pause_after(j, c);
        EXPECT_LE(pause, 2ms + waited / 8);
        waited += pause;
    }
    EXPECT_LT(tries, 100);
    EXPECT_EQ(pause_after(after(c, "+"), c), 10s);
    EXPECT_EQ(pause_after(after(c, "+-"), c), 5s);
    c.interval = 1ms;
    EXPECT_EQ(pause_after(after(c, "-"), c), 1ms);
}

TEST(judgement, together_the_worst_counts)
{
    using enum verdict;
    EXPECT_EQ(together({}), passing);
    EXPECT_EQ(together(std::array{passing, undecided}), undecided);
    EXPECT_EQ(together(std::array{undecided, failing, passing}), failing);
    EXPECT_EQ(together(std::array{passing, passing}), passing);
}
