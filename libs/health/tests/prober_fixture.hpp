#pragma once
#include <gantryd/health/prober.hpp>
#include <gantryd/http/loopback.hpp>

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

/// A prober and scripted servers on this machine.
namespace gantryd::health_tests {

namespace asio = boost::asio;
using http_testing::loopback;
using http_testing::session;
using model::check_kind;
using namespace std::chrono_literals;

inline constexpr auto patient = 10'000ms;
inline constexpr auto hasty = 150ms;
inline constexpr auto hasty_with_an_answer = 700ms;  // the answer must come in time on a busy machine

inline std::string plain(
    const std::string& status, const std::string& body = "", const std::string& more = "")
{
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more +
           "\r\n" + body;
}

inline asio::awaitable<std::string> read_request(http::byte_stream& stream)
{
    std::string out;
    std::array<char, 4096> buffer{};
    while (!out.contains("\r\n\r\n")) {
        const auto n = co_await stream.read_some(buffer);
        if (!n || *n == 0)
            co_return out;
        out.append(buffer.data(), *n);
    }
    co_return out;
}

inline asio::awaitable<void> until_it_closes(http::byte_stream& stream)
{
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto n = co_await stream.read_some(buffer);
        if (!n || *n == 0)
            co_return;
    }
}

inline asio::awaitable<void> say_then_wait(http::byte_stream& stream, std::string bytes)
{
    (void)co_await read_request(stream);
    (void)co_await stream.write(std::move(bytes));
    co_await until_it_closes(stream);
}

/// A server that says this and keeps the connection open.
inline session holding(std::string bytes)
{
    return [bytes](http::byte_stream& stream) { return say_then_wait(stream, bytes); };
}

/// One site: the answer to each path; everything else is 404.
struct site {
    std::map<std::string, std::string> pages;
    std::vector<std::string> requests;

    asio::awaitable<void> serve(http::byte_stream& stream)
    {
        auto request = co_await read_request(stream);
        requests.push_back(request);
        const auto start = request.find(' ') + 1;
        const auto path = request.substr(start, request.find(' ', start) - start);
        const auto page = pages.find(path);
        auto answer = page == pages.end() ? plain("404 Not Found") : page->second;
        (void)co_await stream.write(std::move(answer));
    }
    session script()
    {
        return [this](http::byte_stream& stream) { return serve(stream); };
    }
};

class prober : public testing::Test {
protected:
    health::probe_result probe(model::check_spec check)
    {
        auto subject = health::make_prober(*net.clock, services);
        auto result = net.run(subject->probe(std::move(check), target));
        EXPECT_LE(result.answer.size(), 600U);
        return result;
    }
    health::probe_result probe(
        check_kind kind, std::uint16_t port, std::chrono::milliseconds timeout = patient)
    {
        return probe({.kind = kind, .port = port, .timeout = timeout});
    }
    health::probe_result signal(model::signal_spec what)
    {
        auto subject = health::make_prober(*net.clock, services);
        return net.run(subject->signal(std::move(what), target));
    }
    void expect_fail(const health::probe_result& got, const std::string& answer)
    {
        EXPECT_FALSE(got.passed);
        EXPECT_EQ(got.answer, answer);
    }
    void expect_pass(const health::probe_result& got, const std::string& answer)
    {
        EXPECT_TRUE(got.passed);
        EXPECT_EQ(got.answer, answer);
    }

    site pages;  // outlives the sessions
    health::probe_services services;
    health::probe_target target{model::container_id("c1"), "127.0.0.1"};
    loopback net;
};

}  // namespace gantryd::health_tests
