// Work that moves from machine to machine while those end, start, and lose their way to the store.
#include "fleet.hpp"
#include "gremlin.hpp"

#include <gtest/gtest.h>

namespace gantryd::daemon {
namespace {

class random_drains : public testing::TestWithParam<unsigned> {};

/// Never fewer instances serve than there are machines, whatever is drained, brought back, updated, ended and
/// cut off; and when all that is over, each machine has its own again.
TEST_P(random_drains, cost_no_instance_and_end_with_one_each)
{
    SCOPED_TRACE(fmt::format("seed {}", GetParam()));
    running_fleet f(3 + static_cast<int>(GetParam() % 3), GetParam());
    f.always("as many serve as there are machines", [&] { return f.serving() >= f.size(); });
    gremlin trouble(f, GetParam());
    std::mt19937 dice(GetParam());
    std::vector<bool> drained(f.size() + 1);
    for (int i = 0; i < 30 && !HasFailure(); ++i) {
        f.run_for(trouble.pause(), 50ms);
        if (dice() % 2 == 0) {
            const auto who = 1 + dice() % f.size();
            drained[who] = !drained[who];
            f.set_drain(who, drained[who]);
        } else {
            trouble.meddle();
        }
    }
    for (std::size_t i = 1; i <= f.size(); ++i) {
        trouble.mend(i);
        if (drained[i])
            f.set_drain(i, false);
    }
    const auto last = trouble.tag();
    ASSERT_TRUE(f.run_until([&] { return f.is_over(last) && f.nobody_is_marked(); }, 15min, 100ms))
        << "release " << last << "\n"
        << f.describe();
    f.expect_quiet(10s, 100ms);
    for (std::size_t i = 1; i <= f.size(); ++i)
        EXPECT_EQ(f.serving_on(i), 1U) << f.at(i).id << "\n" << f.describe();
}

INSTANTIATE_TEST_SUITE_P(seeds, random_drains, testing::Range(1U, 21U));

}  // namespace
}  // namespace gantryd::daemon
