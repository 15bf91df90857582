#include "machine.hpp"

#include <gtest/gtest.h>

namespace gantryd::daemon {
namespace {

const names old_one{"shop-web-1-1"};

model::component_spec http_web()
{
    auto out = machine::web();
    out.ports.at(0).kind = model::port_kind::http;
    out.drain.timeout = 10min;
    return out;
}

model::component_spec without_ports()
{
    auto out = machine::web();
    out.ports.clear();
    out.ready_checks.clear();
    out.health_checks.clear();
    return out;
}

/// Runs release 1, and releases 2 while somebody holds a connection to the old instance. Returns when the old
/// one drains.
void begin_drain(machine& m, const std::function<void()>& hold)
{
    m.start();
    m.release(http_web(), "1");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1) == model::release_outcome::live; }));
    hold();
    m.release(http_web(), "2");
    ASSERT_TRUE(m.run_until([&] { return m.draining() == old_one; }));
}

std::optional<model::drain_numbers> numbers_of(machine& m)
{
    const auto report = m.report_on();
    if (report)
        for (const auto& i : report->instances)
            if (i.name.text() == "shop-web-1-1")
                return i.draining;
    return std::nullopt;
}

std::string explanation(machine& m)
{
    const auto report = m.report_on();
    if (report)
        for (const auto& c : report->conditions)
            if (c.instance == "shop-web-1-1")
                return c.text;
    return {};
}

socket_table::connection client(bool ours) { return {80, "10.0.0.1", 40'000, ours}; }

TEST(a_drain, waits_for_a_client_that_bypasses_the_proxy)
{
    machine m;
    m.make_slow();
    ASSERT_NO_FATAL_FAILURE(
        begin_drain(m, [&] { m.sockets.connections[m.id_of("shop-web-1-1")] = {client(false)}; }));
    m.run_for(1min, 20ms);
    EXPECT_EQ(m.draining(), old_one);
    EXPECT_EQ(m.docker.count_calls("stop"), 0U);
    EXPECT_EQ(numbers_of(m), (model::drain_numbers{0, 0, 0, 1}));
    EXPECT_TRUE(explanation(m).ends_with(": draining 1: 0 http, 0 tunnels, 0 via old worker, 1 direct"))
        << explanation(m);

    m.sockets.connections.clear();
    EXPECT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }, 5s));
}

TEST(a_drain, does_not_wait_for_idle_connections_of_the_proxy_and_for_probes)
{
    machine m;
    ASSERT_NO_FATAL_FAILURE(begin_drain(
        m, [&] { m.sockets.connections[m.id_of("shop-web-1-1")] = {client(true), client(true)}; }));
    EXPECT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }, 5s));
    EXPECT_GE(m.sockets.calls.size(), 1U);
}

TEST(a_drain, goes_on_with_two_witnesses_where_the_kernel_cannot_tell)
{
    machine m;
    m.sockets.failure = base::error(base::errc::rejected, "it shares the network of the host");
    ASSERT_NO_FATAL_FAILURE(begin_drain(m, [&] { m.proxy.sessions[m.endpoint_of("shop-web-1-1")] = 1; }));
    m.run_for(10s);
    EXPECT_EQ(m.draining(), old_one);
    EXPECT_TRUE(explanation(m).contains("direct ones not counted (it shares the network of the host)"))
        << explanation(m);
    const auto numbers = numbers_of(m);
    ASSERT_TRUE(numbers);
    EXPECT_EQ(numbers->direct, std::nullopt);
    EXPECT_EQ(m.log_lines.count(base::log_level::info, "direct connections cannot be counted"), 1U);
    m.proxy.sessions.clear();
    EXPECT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }, 5s));
}

TEST(a_drain, waits_for_a_kernel_that_will_answer_later)
{
    machine m;
    m.sockets.failure = base::error(base::errc::unavailable, "who holds its connections is being looked up");
    ASSERT_NO_FATAL_FAILURE(begin_drain(m, [] {}));
    m.run_for(10s);
    EXPECT_EQ(m.draining(), old_one);
    EXPECT_EQ(m.docker.count_calls("stop"), 0U);
    m.sockets.failure.reset();
    EXPECT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }, 5s));
}

TEST(a_drain, ends_at_its_deadline_whatever_the_kernel_says)
{
    machine m;
    m.sockets.failure = base::error(base::errc::unavailable, "not now");
    ASSERT_NO_FATAL_FAILURE(begin_drain(m, [] {}));
    EXPECT_FALSE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }, 9min));
    EXPECT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }, 2min));
}

TEST(a_drain, lets_go_of_the_containers_network_in_the_end)
{
    machine m;
    ASSERT_NO_FATAL_FAILURE(
        begin_drain(m, [&] { m.sockets.connections[m.id_of("shop-web-1-1")] = {client(false)}; }));
    m.run_for(1s);
    EXPECT_EQ(m.sockets.kept, std::set{m.id_of("shop-web-1-1")}) << "nobody else drains";
    m.sockets.connections.clear();
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }, 5s));
    m.run_for(10s);
    EXPECT_TRUE(m.sockets.kept.empty());
}

TEST(a_drain, of_a_component_without_ports_asks_the_kernel_all_the_same)
{
    machine m;
    auto spec = without_ports();
    m.start();
    m.release(spec, "1");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1) == model::release_outcome::live; }));
    m.sockets.connections[m.id_of("shop-web-1-1")] = {client(false)};
    m.set_intent("web", model::intent::stopped);
    m.run_for(5s);
    EXPECT_TRUE(m.is_running("shop-web-1-1"));
    m.sockets.connections.clear();
    EXPECT_TRUE(m.run_until([&] { return m.containers().empty(); }, 5s));
}

TEST(a_drain, without_ports_does_not_need_a_proxy_that_answers)
{
    machine m;
    auto spec = without_ports();
    m.start();
    m.release(spec, "1");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1) == model::release_outcome::live; }));
    m.proxy.reachable = false;
    m.run_for(10s);
    m.set_intent("web", model::intent::stopped);
    EXPECT_TRUE(m.run_until([&] { return m.containers().empty(); }, 25s));
}

TEST(a_drain, tells_requests_from_tunnels_and_asks_for_that_only_while_sessions_are_left)
{
    machine m;
    ASSERT_NO_FATAL_FAILURE(begin_drain(m, [&] {
        const auto where = m.endpoint_of("shop-web-1-1");
        m.proxy.sessions[where] = 12;
        m.proxy.old_sessions[where] = 2;
        m.proxy.tunnels[where] = 5;
        EXPECT_EQ(m.proxy.close_looks, 0) << "nothing drains";
    }));
    m.always("the tunnels do not change to and fro", [&, seen = false]() mutable {
        const auto numbers = numbers_of(m);
        seen = seen || (numbers && numbers->tunnels == 5);
        return !seen || !numbers || numbers->tunnels == 5;
    });
    m.run_for(10s);
    EXPECT_EQ(numbers_of(m), (model::drain_numbers{9, 5, 2, 0}));
    EXPECT_TRUE(explanation(m).ends_with(": draining 14: 9 http, 5 tunnels, 2 via old worker, 0 direct"))
        << explanation(m);
    EXPECT_GT(m.proxy.close_looks, 5);
    EXPECT_LE(m.proxy.close_looks, 25) << "two in a second are enough";
    m.always("", [] { return true; });

    m.proxy.sessions.clear();
    m.proxy.old_sessions.clear();
    m.proxy.tunnels.clear();
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }, 5s));
    const auto before = m.proxy.close_looks;
    m.run_for(1min, 50ms);
    EXPECT_EQ(m.proxy.close_looks, before);
}

TEST(a_refused_port, is_asked_for_again_also_while_something_drains)
{
    machine m;
    ASSERT_NO_FATAL_FAILURE(begin_drain(m, [&] { m.proxy.sessions[m.endpoint_of("shop-web-1-1")] = 1; }));
    m.proxy.taken_ports[9999] = "nginx (pid 4711)";
    m.release(machine::named("api", 9999), "1");
    ASSERT_TRUE(m.run_until([&] { return !m.containers().empty() && m.containers().size() == 3; }));
    m.run_for(5s);
    EXPECT_TRUE(m.serving("api").empty());
    const auto updates = m.proxy.updates;
    m.run_for(10s);
    EXPECT_GE(m.proxy.updates, updates + 4) << "every two seconds";
    EXPECT_LE(m.proxy.updates, updates + 6);
    m.proxy.taken_ports.clear();
    EXPECT_TRUE(m.run_until([&] { return m.serving("api") == names{"shop-api-1-1"}; }, 3s));
    EXPECT_EQ(m.draining(), old_one) << "all that while";
}

}  // namespace
}  // namespace gantryd::daemon
