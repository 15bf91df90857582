#include <gantryd/daemon/happening.hpp>
#include <gantryd/planner/reasons.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

namespace gantryd::daemon {
namespace {

using codes = std::multiset<std::string>;

/// The codes in the first column of the document's table of events: "| `container_started` | .. |".
codes rows()
{
    std::ifstream file(GANTRYD_DOCS "/reason-codes.md");
    EXPECT_TRUE(file) << "no " GANTRYD_DOCS "/reason-codes.md";
    codes out;
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("| `"))
            out.insert(line.substr(3, line.find('`', 3) - 3));
    return out;
}

TEST(happenings, are_all_listed)
{
    // The enumerators are consecutive, so the first value without a text is one behind the last.
    EXPECT_EQ(text_of(static_cast<happening>(all_happenings.size())), "unknown");
    for (std::size_t i = 0; i < all_happenings.size(); ++i)
        EXPECT_EQ(all_happenings.at(i), static_cast<happening>(i));
}

TEST(happenings, are_documented_one_by_one_and_no_others_are)
{
    codes all;
    for (const auto what : all_happenings)
        all.insert(std::string(text_of(what)));
    EXPECT_EQ(rows(), all);
}

TEST(happenings, are_no_reasons)
{
    for (const auto what : all_happenings)
        for (const auto why : planner::all_reasons)
            EXPECT_NE(text_of(what), text_of(why)) << "a script could not tell them apart";
}

}  // namespace
}  // namespace gantryd::daemon
