#include <gantryd/planner/reasons.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

using namespace gantryd::planner;

namespace {

/// The codes that the document has a heading for: "## waiting_ready".
std::multiset<std::string> headings()
{
    std::ifstream file(GANTRYD_DOCS "/reason-codes.md");
    EXPECT_TRUE(file) << "no " GANTRYD_DOCS "/reason-codes.md";
    std::multiset<std::string> out;
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("## "))
            out.insert(line.substr(3));
    return out;
}

/// The codes in the first column of its table: "| [waiting_ready](#waiting_ready) | .. |".
std::multiset<std::string> rows()
{
    std::ifstream file(GANTRYD_DOCS "/reason-codes.md");
    std::multiset<std::string> out;
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("| ["))
            out.insert(line.substr(3, line.find(']') - 3));
    return out;
}

std::multiset<std::string> codes()
{
    std::multiset<std::string> out;
    for (const auto code : all_reasons)
        out.insert(std::string(text_of(code)));
    return out;
}

}  // namespace

TEST(reasons, have_texts_of_their_own)
{
    const auto all = codes();
    EXPECT_EQ(std::set(all.begin(), all.end()).size(), all_reasons.size());
    for (const auto& text : all) {
        const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
        EXPECT_TRUE(!text.empty() && std::ranges::all_of(text, fits)) << text;
    }
}

TEST(reasons, are_all_listed)
{
    // The enumerators are consecutive, so the first value without a text is one behind the last.
    EXPECT_EQ(text_of(static_cast<reason>(all_reasons.size())), "unknown");
    for (std::size_t i = 0; i < all_reasons.size(); ++i)
        EXPECT_EQ(all_reasons.at(i), static_cast<reason>(i));
}

TEST(reasons, are_documented_one_by_one_and_no_others_are)
{
    EXPECT_EQ(headings(), codes());
    EXPECT_EQ(rows(), codes());
}
