#include "../src/redirect.hpp"

#include <gtest/gtest.h>

namespace health = gantryd::health;

namespace {

const health::http_place from{"http", "10.0.0.2:8080", "/a/b?x=1"};

/// The target it leads to; "-" when it leads away.
std::string target(std::string_view location, const health::http_place& start = from)
{
    const auto next = health::follow(start, location);
    if (!next)
        return "-";
    EXPECT_EQ(next->scheme, start.scheme);
    EXPECT_EQ(next->authority, start.authority);
    return next->target;
}

}  // namespace

TEST(follow, takes_a_relative_location_from_where_it_stands)
{
    EXPECT_EQ(target("/login"), "/login");
    EXPECT_EQ(target("/login?next=/a"), "/login?next=/a");
    EXPECT_EQ(target("c"), "/a/c");
    EXPECT_EQ(target("c/"), "/a/c/");
    EXPECT_EQ(target("./c"), "/a/c");
    EXPECT_EQ(target("../c"), "/c");
    EXPECT_EQ(target("../../../c"), "/c");
    EXPECT_EQ(target(".."), "/");
    EXPECT_EQ(target("."), "/a/");
    EXPECT_EQ(target("/x/../y/./z"), "/y/z");
    EXPECT_EQ(target("?y=2"), "/a/b?y=2");
    EXPECT_EQ(target("#top"), "/a/b?x=1");
    EXPECT_EQ(target("/c#top"), "/c");
    EXPECT_EQ(target("c?u=http://other/"), "/a/c?u=http://other/");
}

TEST(follow, takes_an_absolute_location_of_the_same_host_and_port)
{
    EXPECT_EQ(target("http://10.0.0.2:8080/c"), "/c");
    EXPECT_EQ(target("HTTP://10.0.0.2:8080"), "/");
    EXPECT_EQ(target("http://10.0.0.2:8080?q"), "/?q");
    EXPECT_EQ(target("//10.0.0.2:8080/c"), "/c");
}

TEST(follow, knows_the_schemes_own_port)
{
    const health::http_place plain{"http", "10.0.0.2:80", "/"};
    EXPECT_EQ(target("http://10.0.0.2/c", plain), "/c");
    EXPECT_EQ(target("http://10.0.0.2:/c", plain), "/c");
    const health::http_place secured{"https", "[fd00::2]:443", "/"};
    EXPECT_EQ(target("https://[FD00::2]/c", secured), "/c");
    EXPECT_EQ(target("https://[fd00::2]:443/c", secured), "/c");
    EXPECT_EQ(target("https://[fd00::2]:80/c", secured), "-");
}

TEST(follow, does_not_leave_the_host_the_port_or_the_scheme)
{
    EXPECT_EQ(target("http://10.0.0.3:8080/c"), "-");
    EXPECT_EQ(target("http://10.0.0.2:8081/c"), "-");
    EXPECT_EQ(target("http://10.0.0.2/c"), "-");
    EXPECT_EQ(target("https://10.0.0.2:8080/c"), "-");
    EXPECT_EQ(target("//other/c"), "-");
    EXPECT_EQ(target("http://10.0.0.2:8080@other/c"), "-");
    EXPECT_EQ(target("mailto:me"), "-");
    EXPECT_EQ(target("http:c"), "-");
}

TEST(target_of, is_safe_in_a_request_line)
{
    EXPECT_EQ(health::target_of("/ok"), "/ok");
    EXPECT_EQ(health::target_of("ok"), "/ok");
    EXPECT_EQ(health::target_of(""), "/");
    EXPECT_EQ(health::target_of("/a b\r\nX: y\x7f\xc3\xa4?q=%20"), "/a%20b%0D%0AX:%20y%7F%C3%A4?q=%20");
    EXPECT_EQ(target("/a b\tc"), "/a%20b%09c");
}
