#include <gantryd/store/rules.hpp>

#include <gtest/gtest.h>

namespace store = gantryd::store;
using gantryd::base::errc;
using namespace std::chrono_literals;

TEST(rules, the_end_of_a_prefix_is_the_first_key_behind_it)
{
    EXPECT_EQ(store::end_of_prefix("a"), "b");
    EXPECT_EQ(store::end_of_prefix("a/"), "a0");
    EXPECT_EQ(store::end_of_prefix("a\xff\xff"), "b");
    EXPECT_EQ(store::end_of_prefix("\x7f"), "\x80");
    EXPECT_EQ(store::end_of_prefix(std::string("a\0", 2)), "a\x01");
}

TEST(rules, nothing_follows_the_empty_prefix_and_that_of_the_largest_bytes)
{
    EXPECT_EQ(store::end_of_prefix(""), std::nullopt);
    EXPECT_EQ(store::end_of_prefix("\xff\xff"), std::nullopt);
}

TEST(rules, a_refusal_names_the_key)
{
    store::transaction twice;
    twice.operations = {{.key = "web"}, {.key = "web"}};
    const auto refused = store::validate(twice);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::rejected);
    EXPECT_NE(refused.error().context().find("web"), std::string::npos);

    store::transaction large;
    large.operations = {{.key = "web", .value = std::string(store::largest_value + 1, 'x')}};
    const auto too_large = store::validate(large);
    ASSERT_FALSE(too_large);
    EXPECT_EQ(too_large.error(), errc::limit_exceeded);
    EXPECT_NE(too_large.error().context().find("1048577"), std::string::npos);
}

TEST(rules, the_longest_lease_still_has_an_end)
{
    EXPECT_TRUE(store::validate(store::longest_lease));
    EXPECT_FALSE(store::validate(store::longest_lease + 1s));
    EXPECT_FALSE(store::validate(0s));
}
