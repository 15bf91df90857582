#include <gantryd/http/exchange.hpp>

#include <gtest/gtest.h>

namespace http = gantryd::http;

TEST(serialize, writes_a_get_without_a_body)
{
    http::request what;
    what.target = "/containers/json?all=1";
    what.host = "docker";
    what.headers = {{"Accept", "application/json"}};
    EXPECT_EQ(http::serialize(what),
        "GET /containers/json?all=1 HTTP/1.1\r\nHost: docker\r\nUser-Agent: gantryd\r\n"
        "Accept: application/json\r\nConnection: close\r\n\r\n");
}

TEST(serialize, tells_the_length_of_a_body_whatever_the_method)
{
    http::request what;
    what.method = "DELETE";
    what.host = "h";
    what.body = "{}";
    EXPECT_EQ(http::serialize(what), "DELETE / HTTP/1.1\r\nHost: h\r\nUser-Agent: gantryd\r\nConnection: "
                                     "close\r\nContent-Length: 2\r\n\r\n{}");
}

TEST(serialize, tells_the_length_of_an_empty_body_of_a_post_and_a_put)
{
    for (const auto* method : {"POST", "PUT"}) {
        http::request what;
        what.method = method;
        what.host = "h";
        EXPECT_TRUE(http::serialize(what).ends_with("\r\nContent-Length: 0\r\n\r\n")) << method;
    }
}

TEST(serialize, lets_the_caller_say_who_asks)
{
    http::request what;
    what.host = "h";
    what.headers = {{"user-agent", "gantryd-health"}};
    EXPECT_EQ(http::serialize(what),
        "GET / HTTP/1.1\r\nHost: h\r\nuser-agent: gantryd-health\r\nConnection: close\r\n\r\n");
}

#ifndef NDEBUG
TEST(serialize_death, refuses_whatever_could_inject_a_header)
{
    http::request good;
    good.host = "h";
    for (const std::string& evil :
        {std::string("a\r\nX: y"), std::string("a\nX: y"), std::string("a\0b", 3)}) {
        auto method = good;
        method.method = evil;
        EXPECT_DEATH((void)http::serialize(method), "is_one_line");
        auto target = good;
        target.target = evil;
        EXPECT_DEATH((void)http::serialize(target), "is_one_line");
        auto host = good;
        host.host = evil;
        EXPECT_DEATH((void)http::serialize(host), "inject");
        auto name = good;
        name.headers = {{evil, "v"}};
        EXPECT_DEATH((void)http::serialize(name), "inject");
        auto value = good;
        value.headers = {{"n", evil}};
        EXPECT_DEATH((void)http::serialize(value), "inject");
    }
    auto blank = good;
    blank.target = "/a b";
    EXPECT_DEATH((void)http::serialize(blank), "percent-encoded");
}
#endif

TEST(percent_encode, keeps_only_the_unreserved_characters)
{
    EXPECT_EQ(http::percent_encode("AZaz09-._~"), "AZaz09-._~");
    EXPECT_EQ(http::percent_encode("{\"label\":[\"a=b\"]}"), "%7B%22label%22%3A%5B%22a%3Db%22%5D%7D");
    EXPECT_EQ(http::percent_encode("a b/c+d%\xc3\xa4\r\n"), "a%20b%2Fc%2Bd%25%C3%A4%0D%0A");
    EXPECT_EQ(http::percent_encode(""), "");
}

TEST(response, finds_the_first_header_of_a_name_whatever_its_case)
{
    http::response got;
    got.headers = {{"Content-Type", "a"}, {"content-type", "b"}, {"X", ""}};
    EXPECT_EQ(got.header("CONTENT-TYPE"), "a");
    EXPECT_EQ(got.header("x"), "");
    EXPECT_EQ(got.header("content-typ"), "");
}
