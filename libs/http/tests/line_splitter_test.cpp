#include <gantryd/http/line_splitter.hpp>

#include <gtest/gtest.h>

namespace http = gantryd::http;
using gantryd::base::errc;
using lines = std::vector<std::string>;

namespace {

const std::string input = "{\"a\":1}\n\n{\"b\":2}\r\nx\ry\nrest";
const lines expected{"{\"a\":1}", "", "{\"b\":2}", "x\ry"};

}  // namespace

TEST(line_splitter, gives_the_same_records_for_every_way_to_cut_the_input_in_three)
{
    for (std::size_t first = 0; first <= input.size(); ++first) {
        for (std::size_t second = first; second <= input.size(); ++second) {
            http::line_splitter splitter(100);
            lines out;
            ASSERT_TRUE(splitter.feed(input.substr(0, first), out));
            ASSERT_TRUE(splitter.feed(input.substr(first, second - first), out));
            ASSERT_TRUE(splitter.feed(input.substr(second), out));
            ASSERT_EQ(out, expected) << first << " " << second;
            ASSERT_EQ(splitter.partial_record(), "rest");
        }
    }
}

TEST(line_splitter, gives_the_same_records_byte_by_byte)
{
    http::line_splitter splitter(100);
    lines out;
    for (const char c : input)
        ASSERT_TRUE(splitter.feed(std::string_view(&c, 1), out));
    EXPECT_EQ(out, expected);
    EXPECT_EQ(splitter.partial_record(), "rest");
}

TEST(line_splitter, appends_to_what_is_there)
{
    http::line_splitter splitter(10);
    lines out{"before"};
    ASSERT_TRUE(splitter.feed("a\nb\n", out));
    EXPECT_EQ(out, (lines{"before", "a", "b"}));
    EXPECT_EQ(splitter.partial_record(), "");
}

TEST(line_splitter, takes_a_record_of_the_largest_size_and_refuses_one_byte_more_however_it_is_cut)
{
    for (std::size_t cut = 0; cut <= 6; ++cut) {
        http::line_splitter fits(5);
        lines out;
        const std::string longest = "12345\n";
        ASSERT_TRUE(fits.feed(longest.substr(0, cut), out));
        ASSERT_TRUE(fits.feed(longest.substr(cut), out));
        EXPECT_EQ(out, lines{"12345"});

        http::line_splitter too_small(5);
        const std::string longer = "123456\n";
        auto first = too_small.feed(longer.substr(0, cut), out);
        auto last = first ? too_small.feed(longer.substr(cut), out) : first;
        ASSERT_FALSE(last);
        EXPECT_EQ(last.error(), errc::limit_exceeded);
        EXPECT_EQ(last.error().context(), "a record is longer than 5 bytes");
    }
}

TEST(line_splitter, refuses_a_record_without_an_end_as_soon_as_it_is_too_long)
{
    http::line_splitter splitter(5);
    lines out;
    ASSERT_TRUE(splitter.feed("ok\n12345", out));
    EXPECT_FALSE(splitter.feed("6", out));
    EXPECT_EQ(out, lines{"ok"});
}
