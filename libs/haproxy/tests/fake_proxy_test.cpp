#include <gantryd/haproxy/fake_proxy.hpp>

#include <gantryd/runtime/simulation.hpp>

#include <gtest/gtest.h>

using namespace gantryd::haproxy;
using namespace std::chrono_literals;
using gantryd::base::errc;
using gantryd::haproxy_config::route;
using gantryd::haproxy_config::slot;
using gantryd::haproxy_config::slot_mode;
using gantryd::model::route_id;
using gantryd::runtime::simulation;
namespace asio = boost::asio;
namespace base = gantryd::base;

namespace {

route web(std::vector<slot> slots)
{
    return {.id = route_id("web_8888"), .port = 8888, .slots = std::move(slots)};
}
const slot serving{slot_mode::serving, "10.0.0.1", 80};
const slot draining{slot_mode::draining, "10.0.0.1", 80};

base::result<proxy_view> update(simulation& sim, fake_proxy& proxy, std::vector<route> routes)
{
    return sim.outcome_after(0s, proxy.update(std::move(routes), sim.clock.now() + 1s)).value();
}

base::result<proxy_view> look(simulation& sim, fake_proxy& proxy)
{
    return sim.outcome_after(0s, proxy.look(sim.clock.now() + 1s)).value();
}

asio::awaitable<void> count_exits(proxy& of, int& count)
{
    co_await of.wait_for_exit();
    ++count;
}

}  // namespace

TEST(fake_proxy, decides_between_start_change_and_reload_as_the_real_one)
{
    simulation sim;
    fake_proxy proxy(sim.clock);
    EXPECT_FALSE(look(sim, proxy)->running);
    ASSERT_TRUE(update(sim, proxy, {web({serving, {}})}));
    EXPECT_EQ(proxy.starts, 1);
    ASSERT_TRUE(update(sim, proxy, {web({draining, {}})}));
    EXPECT_EQ(proxy.changes, 1);
    EXPECT_EQ(proxy.reloads, 0);
    ASSERT_TRUE(update(sim, proxy, {web({draining, {}})}));
    EXPECT_EQ(proxy.changes, 1);
    ASSERT_TRUE(update(sim, proxy, {web({draining, {}, {}})}));
    EXPECT_EQ(proxy.reloads, 1);
    EXPECT_FALSE(update(sim, proxy, {})->running);
    EXPECT_EQ(proxy.starts, 1);
    EXPECT_EQ(proxy.updates, 5);
}

TEST(fake_proxy, shows_slots_with_their_scripted_sessions)
{
    simulation sim;
    fake_proxy proxy(sim.clock);
    proxy.sessions["10.0.0.1:80"] = 3;
    proxy.old_sessions["10.0.0.1:80"] = 2;
    const auto view = update(sim, proxy, {web({serving, {}})});
    ASSERT_TRUE(view);
    const auto& servers = view->routes.at(route_id("web_8888"));
    EXPECT_EQ(servers[0], (server_view{slot_mode::serving, true, "10.0.0.1", 80, 3, 2}));
    EXPECT_EQ(servers[1], (server_view{slot_mode::empty, false, "127.0.0.1", 1, 0, 0}));
    EXPECT_EQ(view->old_workers, 1);
    EXPECT_EQ(*look(sim, proxy), *view);
}

TEST(fake_proxy, leaves_taken_ports_out)
{
    simulation sim;
    fake_proxy proxy(sim.clock);
    proxy.taken_ports[8888] = "nginx (pid 4711)";
    const auto view = update(sim, proxy, {web({serving})});
    ASSERT_TRUE(view);
    EXPECT_FALSE(view->running);
    EXPECT_EQ(view->refused.at(route_id("web_8888")), "port 8888 is taken by nginx (pid 4711)");
    proxy.taken_ports.clear();
    EXPECT_TRUE(update(sim, proxy, {web({serving})})->refused.empty());
}

TEST(fake_proxy, refuses_and_fails_when_told_to)
{
    simulation sim;
    fake_proxy proxy(sim.clock);
    ASSERT_TRUE(update(sim, proxy, {web({serving})}));
    proxy.refusal = "no such keyword";
    EXPECT_EQ(update(sim, proxy, {web({serving, {}})}).error(), errc::rejected);
    EXPECT_TRUE(update(sim, proxy, {web({draining})}));  // needs no reload
    EXPECT_EQ(look(sim, proxy)->routes.at(route_id("web_8888")).size(), 1u);
    proxy.reachable = false;
    EXPECT_EQ(look(sim, proxy).error(), errc::unavailable);
    EXPECT_EQ(update(sim, proxy, {}).error(), errc::unavailable);
}

TEST(fake_proxy, takes_its_time_and_keeps_deadlines)
{
    simulation sim;
    fake_proxy proxy(sim.clock);
    proxy.latency = 100ms;
    EXPECT_FALSE(sim.outcome_after(99ms, proxy.look(sim.clock.now() + 1s)));
    sim.clock.advance(1s);
    EXPECT_TRUE(sim.outcome_after(100ms, proxy.look(sim.clock.now() + 1s)).value());
    EXPECT_EQ(sim.outcome_after(50ms, proxy.look(sim.clock.now() + 50ms)).value().error(), errc::timed_out);
}

TEST(fake_proxy, wakes_its_waiter_at_the_start_and_at_the_end)
{
    simulation sim;
    fake_proxy proxy(sim.clock);
    int woken = 0;
    sim.start(count_exits(proxy, woken));
    sim.clock.settle();
    EXPECT_EQ(woken, 0);
    ASSERT_TRUE(update(sim, proxy, {web({serving})}));
    sim.clock.settle();
    EXPECT_EQ(woken, 1);
    sim.start(count_exits(proxy, woken));
    sim.clock.settle();
    EXPECT_EQ(woken, 1);
    proxy.kill();
    sim.clock.settle();
    EXPECT_EQ(woken, 2);
    EXPECT_FALSE(proxy.running);
    sim.start(count_exits(proxy, woken));  // running is what the last caller saw
    sim.clock.settle();
    EXPECT_EQ(woken, 3);
}
