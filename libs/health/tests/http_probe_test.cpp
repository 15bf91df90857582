#include "prober_fixture.hpp"

#include <memory>

namespace asio = boost::asio;
namespace http = gantryd::http;
using gantryd::http_testing::answering;
using gantryd::http_testing::test_authority;
using namespace gantryd::health_tests;

TEST_F(prober, http_asks_for_the_path_of_the_container)
{
    pages.pages["/health?deep=1"] = plain("204 No Content");
    const auto port = net.serve(pages.script());
    expect_pass(probe({.kind = check_kind::http, .port = port, .path = "/health?deep=1"}), "204 No Content");
    ASSERT_EQ(pages.requests.size(), 1U);
    EXPECT_EQ(
        pages.requests[0], "GET /health?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                               "\r\nUser-Agent: gantryd-health\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}

TEST_F(prober, http_puts_an_ipv6_address_in_brackets)
{
    target.address = "::1";
    pages.pages["/"] = plain("200 OK", "ok");
    const auto port = net.serve(pages.script(), "::1");
    expect_pass(probe(check_kind::http, port), "200 OK");
    ASSERT_EQ(pages.requests.size(), 1U);
    EXPECT_TRUE(pages.requests[0].contains("\r\nHost: [::1]:" + std::to_string(port) + "\r\n"));
}

TEST_F(prober, http_fails_with_the_status_and_the_start_of_the_body)
{
    const auto down = net.serve(answering(plain("503 Service Unavailable", "db\r\ndown\x1b[0m\n")));
    expect_fail(probe(check_kind::http, down), "503 Service Unavailable: db down[0m");
    const auto bare = net.serve(answering(plain("500 ")));
    expect_fail(probe(check_kind::http, bare), "500 Internal Server Error");
    const auto unheard_of = net.serve(answering(plain("555 ")));
    expect_fail(probe(check_kind::http, unheard_of), "555");
    const auto talkative = net.serve(answering(plain("500 Oh No", std::string(5000, 'x'))));
    expect_fail(probe(check_kind::http, talkative), "500 Oh No: " + std::string(186, 'x') + "...");
}

TEST_F(prober, http_passes_on_2xx_whatever_its_body)
{
    const auto endless = net.serve([](http::byte_stream& stream) -> asio::awaitable<void> {
        (void)co_await read_request(stream);
        (void)co_await stream.write("HTTP/1.1 200 OK\r\n\r\n");
        for (;;) {
            const auto sent = co_await stream.write(std::string(10'000, 'x'));
            if (!sent)
                co_return;
        }
    });
    expect_pass(probe(check_kind::http, endless), "200 OK");
    const auto stuck = net.serve(holding("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"));
    expect_pass(probe(check_kind::http, stuck, hasty_with_an_answer), "200 OK");
    const auto cut = net.serve(answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"));
    expect_pass(probe(check_kind::http, cut), "200 OK");
    const auto broken = net.serve(answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz"));
    expect_pass(probe(check_kind::http, broken), "200 OK");
}

TEST_F(prober, http_keeps_the_status_of_a_failure_whose_body_never_ends)
{
    const auto port = net.serve(holding("HTTP/1.1 500 Oh No\r\nContent-Length: 100\r\n\r\nhalf of it"));
    expect_fail(probe(check_kind::http, port, hasty_with_an_answer), "500 Oh No: half of it");
}

TEST_F(prober, http_reads_no_more_than_64_kib_of_a_body)
{
    const auto written = std::make_shared<std::size_t>(0);  // the session may outlive this function
    const auto port = net.serve([written](http::byte_stream& stream) -> asio::awaitable<void> {
        (void)co_await read_request(stream);
        (void)co_await stream.write("HTTP/1.1 500 Oh No\r\nContent-Length: 1000000000\r\n\r\n");
        for (;;) {
            const auto sent = co_await stream.write(std::string(100'000, ' '));
            if (!sent)
                co_return;
            *written += 100'000;
        }
    });
    expect_fail(probe(check_kind::http, port), "500 Oh No");
    EXPECT_LT(*written, 50'000'000U);  // what the sockets' buffers took
}

TEST_F(prober, http_gives_up_on_a_server_that_never_answers)
{
    const auto port = net.serve(until_it_closes);
    const auto start = std::chrono::steady_clock::now();
    expect_fail(probe(check_kind::http, port, hasty), "no answer within 150ms");
    expect_fail(probe(check_kind::https, port, hasty), "no answer within 150ms");
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST_F(prober, http_gives_up_on_a_header_that_drips)
{
    const auto port = net.serve([&](http::byte_stream& stream) -> asio::awaitable<void> {
        (void)co_await stream.write("HTTP/1.1 200 OK\r\nX: ");
        for (;;) {
            co_await net.clock->sleep_until(net.clock->now() + 10ms);
            const auto sent = co_await stream.write("x");
            if (!sent)
                co_return;
        }
    });
    expect_fail(probe(check_kind::http, port, hasty), "no answer within 150ms");
}

TEST_F(prober, http_fails_on_what_is_no_http)
{
    const auto port = net.serve(holding("+PONG\r\n"));
    expect_fail(probe(check_kind::http, port), "the answer is no HTTP/1");
    const auto greeting = net.serve([](http::byte_stream& s) { return say_then_wait(s, "220 mail\r\n"); });
    expect_fail(probe(check_kind::http, greeting), "the answer is no HTTP/1");
}

TEST_F(prober, http_fails_on_a_server_that_closes_without_an_answer)
{
    const auto port = net.serve(
        [](http::byte_stream& stream) -> asio::awaitable<void> { (void)co_await read_request(stream); });
    expect_fail(probe(check_kind::http, port), "the peer closed the connection without an answer");
    const auto at_once = net.serve([](http::byte_stream&) -> asio::awaitable<void> { co_return; });
    EXPECT_FALSE(probe(check_kind::http, at_once).passed);
}

TEST_F(prober, http_follows_redirects_on_the_same_host_and_port)
{
    const auto port = net.serve(pages.script());
    pages.pages["/"] = plain("302 Found", "", "Location: /a\r\n");
    pages.pages["/a"] = plain("301 Moved", "", "Location: b?x=1\r\n");
    pages.pages["/b?x=1"] =
        plain("307 Moved", "", "Location: http://127.0.0.1:" + std::to_string(port) + "/c\r\n");
    pages.pages["/c"] = plain("308 Moved", "", "Location: ./d\r\n");
    pages.pages["/d"] = plain("303 See", "", "Location: /e\r\n");
    pages.pages["/e"] = plain("200 OK", "at last");
    expect_pass(probe(check_kind::http, port), "200 OK");
    EXPECT_EQ(net.connections, 6);
}

TEST_F(prober, http_does_not_follow_more_than_five_redirects)
{
    pages.pages["/"] = plain("302 Found", "", "Location: /\r\n");
    const auto port = net.serve(pages.script());
    expect_fail(probe(check_kind::http, port), "more than 5 redirects");
    EXPECT_EQ(net.connections, 6);
}

TEST_F(prober, http_does_not_follow_a_redirect_to_another_host_or_port)
{
    const auto port = net.serve(pages.script());
    pages.pages["/host"] = plain("302 Found", "", "Location: http://example.org/login\r\n");
    pages.pages["/port"] = plain("301 Moved", "", "Location: http://127.0.0.1:1/\r\n");
    pages.pages["/tls"] =
        plain("301 Moved", "", "Location: https://127.0.0.1:" + std::to_string(port) + "/\r\n");
    expect_fail(probe({.kind = check_kind::http, .port = port, .path = "/host"}),
        "302 redirect to another host (http://example.org/login)");
    expect_fail(probe({.kind = check_kind::http, .port = port, .path = "/port"}),
        "301 redirect to another host (http://127.0.0.1:1/)");
    expect_fail(probe({.kind = check_kind::http, .port = port, .path = "/tls"}),
        "301 redirect to another host (https://127.0.0.1:" + std::to_string(port) + "/)");
    EXPECT_EQ(net.connections, 3);
}

TEST_F(prober, http_fails_on_a_redirect_to_a_failure_and_on_one_to_nowhere)
{
    const auto port = net.serve(pages.script());
    pages.pages["/"] = plain("302 Found", "", "Location: /gone\r\n");
    expect_fail(probe(check_kind::http, port), "404 Not Found");
    pages.pages["/"] = plain("302 Found", "look elsewhere");
    expect_fail(probe(check_kind::http, port), "302 Found: look elsewhere");
}

TEST_F(prober, one_timeout_covers_all_redirects)
{
    const auto port = net.serve([&](http::byte_stream& stream) -> asio::awaitable<void> {
        (void)co_await read_request(stream);
        co_await net.clock->sleep_until(net.clock->now() + 60ms);
        (void)co_await stream.write(plain("302 Found", "", "Location: /\r\n"));
    });
    expect_fail(probe(check_kind::http, port, hasty), "no answer within 150ms");
    EXPECT_LE(net.connections, 3);
}

TEST_F(prober, https_accepts_a_self_signed_certificate)
{
    test_authority nobody("nobody");
    pages.pages["/"] = plain("302 Found", "", "Location: /ok\r\n");
    pages.pages["/ok"] = plain("200 OK", "ok");
    const auto port = net.serve_tls(pages.script(), nobody.self_signed("server", "DNS:elsewhere"));
    expect_pass(probe(check_kind::https, port), "200 OK");
}

TEST_F(prober, https_fails_on_a_server_without_tls)
{
    const auto port = net.serve([](http::byte_stream& stream) -> asio::awaitable<void> {
        (void)co_await stream.write(plain("400 Bad Request"));
    });
    expect_fail(probe(check_kind::https, port), "TLS: wrong version number");
}
