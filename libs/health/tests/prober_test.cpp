#include "prober_fixture.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <optional>
#include <stdexcept>

namespace asio = boost::asio;
namespace base = gantryd::base;
namespace health = gantryd::health;
namespace model = gantryd::model;
namespace runtime = gantryd::runtime;
using base::errc;
using gantryd::http_testing::test_authority;
using namespace gantryd::health_tests;

TEST_F(prober, tcp_passes_on_a_connection_alone)
{
    const auto port = net.serve(until_it_closes);
    expect_pass(probe(check_kind::tcp, port), "connected");
}

TEST_F(prober, tcp_and_http_fail_on_a_closed_port)
{
    const auto port = net.closed_port();
    expect_fail(probe(check_kind::tcp, port), "connection refused");
    expect_fail(probe(check_kind::http, port), "connection refused");
    expect_fail(probe(check_kind::https, port), "connection refused");
}

TEST_F(prober, exec_passes_on_exit_code_0_and_hands_over_what_to_run)
{
    std::vector<std::string> asked;
    runtime::time_point deadline;
    health::probe_services::exec_outcome outcome{0, "ready\n"};
    services.exec = [&](model::container_id container, std::vector<std::string> command,
                        runtime::time_point until)
        -> asio::awaitable<base::result<health::probe_services::exec_outcome>> {
        asked = std::move(command);
        asked.push_back(container.text());
        deadline = until;
        co_return outcome;
    };
    const model::check_spec check{
        .kind = check_kind::exec, .command = {"pg_isready", "-q"}, .timeout = 3000ms};
    const auto before = net.clock->now();
    expect_pass(probe(check), "exit code 0: ready");
    EXPECT_EQ(asked, (std::vector<std::string>{"pg_isready", "-q", "c1"}));
    EXPECT_GE(deadline, before + 3s);
    EXPECT_LE(deadline, net.clock->now() + 3s);
    outcome = {1, "no such\ntable\n"};
    expect_fail(probe(check), "exit code 1: no such table");
    outcome = {2, ""};
    expect_fail(probe(check), "exit code 2");
}

TEST_F(prober, a_service_that_fails_hangs_or_throws_is_a_failed_probe)
{
    const model::check_spec exec{.kind = check_kind::exec, .command = {"x"}, .timeout = hasty};
    const model::check_spec connection{.kind = check_kind::connection, .timeout = hasty};

    expect_fail(probe(exec), "the probe failed: bad_function_call");

    using outcome = health::probe_services::exec_outcome;
    services.exec = [](auto, auto, auto) -> asio::awaitable<base::result<outcome>> {
        co_return base::fail(errc::not_found, "no such container");
    };
    services.connections = [](auto, auto) -> asio::awaitable<base::result<std::int64_t>> {
        co_return base::fail(errc::timed_out, "show stat");
    };
    expect_fail(probe(exec), "no such container");
    expect_fail(probe(connection), "no answer within 150ms");

    services.exec = [this](auto, auto, auto) -> asio::awaitable<base::result<outcome>> {
        co_await net.clock->sleep_until(net.clock->now() + 1h);
        co_return outcome{};
    };
    services.connections = [](auto, auto) -> asio::awaitable<base::result<std::int64_t>> {
        throw std::runtime_error("a bug");
        co_return 0;
    };
    expect_fail(probe(exec), "no answer within 150ms");
    expect_fail(probe(connection), "the probe failed: a bug");

    services.connections = [](auto, auto) -> asio::awaitable<base::result<std::int64_t>> {
        throw boost::system::system_error(asio::error::operation_aborted);  // but nobody cancelled us
        co_return 0;
    };
    EXPECT_FALSE(probe(connection).passed);
}

TEST_F(prober, connection_passes_when_nobody_is_connected)
{
    std::int64_t count = 0;
    services.connections = [&](model::container_id of,
                               runtime::time_point) -> asio::awaitable<base::result<std::int64_t>> {
        EXPECT_EQ(of.text(), "c1");
        co_return count;
    };
    const model::check_spec check{.kind = check_kind::connection};
    expect_pass(probe(check), "no connections");
    count = 1;
    expect_fail(probe(check), "1 connection");
    count = 12;
    expect_fail(probe(check), "12 connections");
}

TEST_F(prober, a_signal_is_a_post_with_an_empty_body)
{
    pages.pages["/quit"] = plain("202 Accepted");
    pages.pages["/moved"] = plain("302 Found", "", "Location: /quit\r\n");
    const auto port = net.serve(pages.script());
    model::signal_spec what{.kind = model::signal_kind::http, .port = port, .path = "/quit"};
    expect_pass(signal(what), "202 Accepted");
    ASSERT_EQ(pages.requests.size(), 1U);
    EXPECT_TRUE(pages.requests[0].starts_with("POST /quit HTTP/1.1\r\n"));
    EXPECT_TRUE(pages.requests[0].ends_with("\r\nContent-Length: 0\r\n\r\n"));
    what.path = "/moved";
    expect_fail(signal(what), "302 Found");
    EXPECT_EQ(net.connections, 2);
}

TEST_F(prober, a_signal_can_go_over_tls_or_be_a_command)
{
    test_authority nobody("nobody");
    pages.pages["/quit"] = plain("500 No");
    const auto port = net.serve_tls(pages.script(), nobody.self_signed("server", ""));
    expect_fail(signal({.kind = model::signal_kind::https, .port = port, .path = "/quit"}), "500 No");

    std::vector<std::string> asked;
    using outcome = health::probe_services::exec_outcome;
    services.exec = [&](auto, std::vector<std::string> command,
                        auto) -> asio::awaitable<base::result<outcome>> {
        asked = std::move(command);
        co_return outcome{};
    };
    expect_pass(
        signal({.kind = model::signal_kind::exec, .command = {"nginx", "-s", "quit"}}), "exit code 0");
    EXPECT_EQ(asked, (std::vector<std::string>{"nginx", "-s", "quit"}));
}

TEST_F(prober, a_cancelled_probe_throws)
{
    const auto port = net.serve(until_it_closes);
    auto subject = health::make_prober(*net.clock, services);
    std::optional<boost::system::error_code> thrown;
    const auto wait = [&]() -> asio::awaitable<void> {
        model::check_spec check{.kind = check_kind::http, .port = port, .timeout = patient};
        try {
            (void)co_await subject->probe(std::move(check), target);
        } catch (const boost::system::system_error& e) {
            thrown = e.code();
            throw;
        }
    };
    const auto cancel_it = [&]() -> asio::awaitable<int> {
        runtime::task_scope tasks(net.loop.get_executor());
        tasks.spawn("probe", wait());
        co_await net.clock->sleep_until(net.clock->now() + 20ms);
        tasks.stop();
        co_await tasks.join();
        co_return 0;
    };
    net.run(cancel_it());
    ASSERT_TRUE(thrown);
    EXPECT_EQ(*thrown, asio::error::operation_aborted);
}
