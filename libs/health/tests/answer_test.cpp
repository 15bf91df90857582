#include "../src/answer.hpp"

#include <gtest/gtest.h>

namespace health = gantryd::health;
using health::readable;
using namespace std::chrono_literals;

TEST(readable, makes_one_line_of_many)
{
    EXPECT_EQ(readable("  no such\r\n\r\n\ttable \n"), "no such table");
    EXPECT_EQ(readable(""), "");
    EXPECT_EQ(readable("\n"), "");
}

TEST(readable, drops_control_characters)
{
    EXPECT_EQ(readable(std::string_view("a\0b\x1b[31mc\x7f\x07", 11)), "ab[31mc");
    EXPECT_EQ(readable("a\xc2\x9b"
                       "31mb\xc2\x80\xc2\xa0"),
        "a31mb\xc2\xa0");  // C1, then a no-break space
}

TEST(readable, keeps_utf8_and_marks_what_is_none)
{
    const std::string good = "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80";
    EXPECT_EQ(readable(good), good);
    EXPECT_EQ(readable("a\xff\xc3"), "a??");
    EXPECT_EQ(readable("\xc0\xaf"), "??");            // not the shortest form
    EXPECT_EQ(readable("\xed\xa0\x80"), "???");       // a surrogate
    EXPECT_EQ(readable("\xf4\x90\x80\x80"), "????");  // above U+10FFFF
    EXPECT_EQ(readable("\xe2\x82"), "??");            // cut off
}

TEST(readable, cuts_at_200_characters_and_shows_that_it_did)
{
    const std::string fits(200, 'x');
    EXPECT_EQ(readable(fits), fits);
    EXPECT_EQ(readable(fits + " \n"), fits);
    EXPECT_EQ(readable(fits + "y"), std::string(197, 'x') + "...");
    EXPECT_EQ(readable(std::string(196, 'x') + " " + std::string(50, 'y')), std::string(196, 'x') + "...");
    std::string wide;
    for (int i = 0; i < 200; ++i)
        wide += "\xe2\x82\xac";
    EXPECT_EQ(readable(wide), wide);
    EXPECT_EQ(readable(wide + "x"), wide.substr(0, 197UL * 3) + "...");
}

TEST(with_details, leaves_out_what_is_not_there)
{
    EXPECT_EQ(
        health::with_details("503 Service Unavailable", "db down\n"), "503 Service Unavailable: db down");
    EXPECT_EQ(health::with_details("exit code 1", " \n"), "exit code 1");
}

TEST(no_answer_within, speaks_the_project_files_language)
{
    EXPECT_EQ(health::no_answer_within(2000ms), "no answer within 2s");
    EXPECT_EQ(health::no_answer_within(1500ms), "no answer within 1500ms");
}
