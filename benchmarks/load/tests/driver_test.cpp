#include "bad_server.hpp"
#include "load/driver.hpp"

#include <gtest/gtest.h>

#include <atomic>

// A zero means something only when the driver sees everything that can go wrong: one server for each.

namespace gantryd::load {
namespace {

using namespace std::chrono_literals;

const std::string good = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nv1\n";
const std::string upgraded = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n";

report load_on(std::uint16_t port, std::int64_t count, milliseconds answer_within = 5s)
{
    options what;
    what.port = port;
    what.requests.rate = 500;
    what.requests.connections = 4;
    what.requests.count = count;
    what.requests.answer_within = answer_within;
    what.duration = 60s;
    return run(what, false);
}

void serve_well(peer client)
{
    while (!client.read_request().empty())
        client.write(good);
}

/// Every one of 20 requests failed, as this and nothing else.
void expect_all(const report& of, failure kind)
{
    EXPECT_EQ(of.requests.sent, 20);
    EXPECT_EQ(of.requests.answered, 0);
    EXPECT_EQ(of.requests.all_failed(), 20);
    EXPECT_EQ(of.requests.failed.contains(kind) ? of.requests.failed.at(kind) : 0, 20) << table_of(of);
    EXPECT_FALSE(problems_in(of).empty());
    EXPECT_EQ(of.failures.size(), 20U);
}

TEST(driver, counts_what_a_good_server_answers)
{
    bad_server server(serve_well);
    const auto seen = load_on(server.port(), 200);
    EXPECT_TRUE(problems_in(seen).empty()) << table_of(seen);
    EXPECT_EQ(seen.requests.sent, 200);
    EXPECT_EQ(seen.requests.answered, 200);
    EXPECT_EQ(seen.requests.latency.count(), 200);
    ASSERT_TRUE(seen.requests.versions.contains("v1"));
    EXPECT_EQ(seen.requests.versions.at("v1").answers, 200);
    EXPECT_GE(seen.took, 390ms) << "199 pauses of 2 ms";
}

TEST(driver, sends_half_of_them_over_kept_connections)
{
    std::atomic<int> connections = 0;
    bad_server server([&](peer client) {
        ++connections;
        serve_well(client);
    });
    load_on(server.port(), 100);
    EXPECT_GE(connections, 51) << "a new one for each of 50, and at least one that is kept";
    EXPECT_LE(connections, 100);
}

TEST(driver, sees_that_nobody_listens) { expect_all(load_on(closed_port(), 20), failure::refused); }

TEST(driver, sees_a_connection_closed_before_the_answer)
{
    bad_server server([](peer client) { client.read_request(); });
    expect_all(load_on(server.port(), 20), failure::closed);
}

TEST(driver, sees_a_reset)
{
    bad_server server([](peer client) {
        client.read_request();
        client.reset();
    });
    expect_all(load_on(server.port(), 20), failure::reset);
}

TEST(driver, sees_an_answer_that_is_cut)
{
    bad_server server([](peer client) {
        client.read_request();
        client.write(good.substr(0, good.size() - 1));
    });
    expect_all(load_on(server.port(), 20), failure::cut);
}

TEST(driver, sees_a_status_that_is_not_2xx)
{
    bad_server server([](peer client) {
        while (!client.read_request().empty())
            client.write("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    });
    expect_all(load_on(server.port(), 20), failure::status);
}

TEST(driver, sees_bytes_that_are_no_answer)
{
    bad_server server([](peer client) {
        client.read_request();
        client.write("SSH-2.0-OpenSSH\r\n\r\n");
        client.be_silent();
    });
    expect_all(load_on(server.port(), 20), failure::malformed);
}

TEST(driver, sees_more_bytes_than_the_answer_has)
{
    bad_server server([](peer client) {
        client.read_request();
        client.write(good + "more");
        client.be_silent();
    });
    expect_all(load_on(server.port(), 20), failure::malformed);
}

TEST(driver, sees_that_no_answer_comes)
{
    bad_server server([](peer client) { client.be_silent(); });
    expect_all(load_on(server.port(), 20, 200ms), failure::timed_out);
}

TEST(driver, counts_a_slow_answer_from_the_moment_its_request_was_due)
{
    bad_server server([](peer client) {
        while (!client.read_request().empty()) {
            std::this_thread::sleep_for(50ms);
            client.write(good);
        }
    });
    options what;
    what.port = server.port();
    what.requests = {.rate = 200, .connections = 4, .late_after = 20ms, .count = 40};
    const auto seen = run(what, false);
    EXPECT_TRUE(problems_in(seen).empty()) << table_of(seen);
    EXPECT_EQ(seen.requests.late, 40);
    EXPECT_GE(seen.requests.latency.percentile(1), 50ms);
    EXPECT_LT(seen.took, 2s) << "40 requests one after the other would need at least 2 s";
}

TEST(driver, takes_a_kept_connection_that_is_closed_between_two_requests_for_no_failure)
{
    bad_server server([](peer client) {
        client.read_request();
        client.write(good);
        std::this_thread::sleep_for(1ms);  // so that it is closed while it is idle, not with the answer
    });
    options what;
    what.port = server.port();
    what.requests = {.rate = 20, .keep_alive_percent = 100, .connections = 2, .count = 12};
    const auto seen = run(what, false);  // each is used again 100 ms after it was closed
    EXPECT_TRUE(problems_in(seen).empty()) << table_of(seen);
    EXPECT_EQ(seen.requests.answered, 12);
}

TEST(driver, sees_an_outage_as_a_gap)
{
    std::atomic<int> answered = 0;
    bad_server server([&](peer client) {
        while (!client.read_request().empty()) {
            if (answered++ >= 50)
                client.be_silent();
            client.write(good);
        }
    });
    const auto seen = load_on(server.port(), 150, 100ms);
    EXPECT_EQ(seen.requests.failed.at(failure::timed_out), 100);
    EXPECT_GE(seen.requests.longest_gap, 150ms) << "from the 50th request to the last one are 200 ms";
    EXPECT_GE(seen.requests.longest_gap_at, 90ms);
}

TEST(driver, ends_when_it_is_stopped)
{
    bad_server server(serve_well);
    options what;
    what.port = server.port();
    what.duration = 0ms;
    std::atomic<bool> stop = false;
    report seen;
    std::thread loading([&] { seen = run(what, stop); });
    std::this_thread::sleep_for(100ms);
    stop = true;
    loading.join();
    EXPECT_GT(seen.requests.sent, 0);
    EXPECT_TRUE(problems_in(seen).empty()) << table_of(seen);
}

TEST(driver, posts)
{
    std::atomic<int> whole = 0;
    bad_server server([&](peer client) {
        const auto head = client.read_request();
        whole += head.starts_with("POST / HTTP/1.1\r\n") && head.contains("Content-Length: 5\r\n") ? 1 : 0;
        client.write(good);
    });
    options what;
    what.port = server.port();
    what.requests = {.keep_alive_percent = 0, .post_bytes = 5, .count = 10};
    const auto seen = run(what, false);
    EXPECT_EQ(whole, 10);
    EXPECT_EQ(seen.requests.sent, 10);
}

/// Two streams of the kind for 300 ms.
report stream_on(const bad_server& server, bool upgrade, milliseconds echo_within = 5s)
{
    options what;
    what.port = server.port();
    what.requests.rate = 0;
    what.streams = {.tcp = upgrade ? 0 : 2,
        .tcp_port = server.port(),
        .upgraded = upgrade ? 2 : 0,
        .pause = 5ms,
        .echo_within = echo_within};
    what.duration = 300ms;
    return run(what, false);
}

void echo(peer client)
{
    for (auto bytes = client.read_some(); !bytes.empty(); bytes = client.read_some())
        client.write(bytes);
}

TEST(driver, verifies_streams_that_echo)
{
    bad_server raw(echo);
    const auto tcp = stream_on(raw, false);
    EXPECT_TRUE(problems_in(tcp).empty()) << table_of(tcp);
    EXPECT_EQ(tcp.tcp.opened, 2);
    EXPECT_EQ(tcp.tcp.ended, 2);
    EXPECT_GE(tcp.tcp.bytes, 2 * 512 * 10);

    bad_server http([](peer client) {
        if (client.read_request().contains("\r\nUpgrade: echo\r\n"))
            client.write(upgraded);
        echo(client);
    });
    const auto over_http = stream_on(http, true);
    EXPECT_TRUE(problems_in(over_http).empty()) << table_of(over_http);
    EXPECT_EQ(over_http.upgraded.ended, 2);
    EXPECT_GE(over_http.upgraded.bytes, 2 * 512 * 10);
}

TEST(driver, opens_another_stream_when_one_has_lived_long_enough)
{
    bad_server raw(echo);
    options what;
    what.requests.rate = 0;
    what.streams = {.tcp = 2, .tcp_port = raw.port(), .pause = 5ms, .life = 50ms};
    what.duration = 400ms;
    const auto seen = run(what, false);
    EXPECT_TRUE(problems_in(seen).empty()) << table_of(seen);
    EXPECT_GE(seen.tcp.opened, 6);
    EXPECT_EQ(seen.tcp.ended, seen.tcp.opened);
}

TEST(driver, sees_a_stream_that_is_cut)
{
    bad_server server([](peer client) {
        client.write(client.read_some());
        client.read_some();
    });
    const auto seen = stream_on(server, false);
    EXPECT_GE(seen.tcp.cut, 2);
    EXPECT_FALSE(problems_in(seen).empty());
}

TEST(driver, sees_a_wrong_byte)
{
    bad_server server([](peer client) {
        for (int i = 0;; ++i) {
            auto bytes = client.read_some();
            if (bytes.empty())
                return;
            if (i == 3)
                bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
            client.write(bytes);
        }
    });
    const auto seen = stream_on(server, false);
    EXPECT_GE(seen.tcp.corrupted, 2);
    EXPECT_FALSE(problems_in(seen).empty());
}

TEST(driver, sees_a_byte_that_nobody_sent)
{
    bad_server server([](peer client) {
        client.write(client.read_some() + "x");
        client.be_silent();
    });
    EXPECT_GE(stream_on(server, false).tcp.corrupted, 2);
}

TEST(driver, sees_bytes_that_do_not_come_back)
{
    bad_server server([](peer client) { client.be_silent(); });
    const auto seen = stream_on(server, false, 50ms);
    EXPECT_GE(seen.tcp.stalled, 2);
    EXPECT_FALSE(problems_in(seen).empty());
}

TEST(driver, sees_that_an_upgrade_is_refused)
{
    bad_server server(serve_well);
    const auto seen = stream_on(server, true);
    EXPECT_GE(seen.upgraded.refused, 2);
    EXPECT_EQ(seen.upgraded.opened, 0);
    EXPECT_FALSE(problems_in(seen).empty());
}

}  // namespace
}  // namespace gantryd::load
