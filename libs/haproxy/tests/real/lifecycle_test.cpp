#include "rig.hpp"

#include <gantryd/runtime/process.hpp>
#include <gantryd/runtime/task_scope.hpp>

#include <boost/asio/this_coro.hpp>
#include <gtest/gtest.h>

#include <csignal>

#include <sys/stat.h>
#include <unistd.h>

using namespace gantryd::haproxy;
using namespace std::chrono_literals;
using gantryd::haproxy_config::slot_mode;
using gantryd::model::port_kind;
using speaks = test_server::speaks;
namespace asio = boost::asio;
namespace runtime = gantryd::runtime;

namespace {

unsigned mode_of(const std::string& path)
{
    struct stat found{};
    return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 0777u : 0u;
}

ino_t inode_of(const std::string& path)
{
    struct stat found{};
    return ::stat(path.c_str(), &found) == 0 ? found.st_ino : 0;
}

asio::awaitable<bool> wait_for_exit(proxy& of)
{
    co_await of.wait_for_exit();
    co_return true;
}

/// A waiter that its owner gives up.
asio::awaitable<bool> wait_and_give_up(proxy& of)
{
    runtime::task_scope tasks(co_await asio::this_coro::executor);
    tasks.spawn("wait", of.wait_for_exit());
    tasks.stop();
    co_await tasks.join();
    co_return true;
}

}  // namespace

TEST(haproxy_lifecycle, looking_at_nothing_finds_nothing_and_makes_nothing)
{
    rig r;
    const auto view = r.look();
    ASSERT_TRUE(view);
    EXPECT_EQ(*view, proxy_view{});
    EXPECT_EQ(mode_of(r.directory), 0u);
}

TEST(haproxy_lifecycle, it_starts_serves_and_keeps_its_files_to_itself)
{
    rig r;
    test_server web(speaks::http, "web");
    const auto route =
        route_on("web_1", free_port(), port_kind::http, {serving(web.port()), draining(web.port()), {}});
    const auto view = r.update({route});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_TRUE(view->running);
    EXPECT_TRUE(runtime::is_alive(view->master));
    EXPECT_NE(view->version.find('.'), std::string::npos) << view->version;
    EXPECT_TRUE(view->refused.empty());
    const auto& servers = view->routes.at(route.id);
    ASSERT_EQ(servers.size(), 3u);
    EXPECT_EQ(servers[0], (server_view{slot_mode::serving, true, "127.0.0.1", web.port(), 0, 0}));
    EXPECT_EQ(servers[1], (server_view{slot_mode::draining, false, "127.0.0.1", web.port(), 0, 0}));
    EXPECT_EQ(servers[2], (server_view{slot_mode::empty, false, "127.0.0.1", 1, 0, 0}));
    EXPECT_EQ(test_client(route.port).request(), "200 web");

    EXPECT_EQ(mode_of(r.directory), 0700u);
    for (const char* name : {"haproxy.cfg", "admin.sock", "master.sock"})
        EXPECT_EQ(mode_of(r.path(name)), 0600u) << name;
    EXPECT_EQ(r.look().value(), *view);
}

TEST(haproxy_lifecycle, haproxy_finds_nothing_to_say_about_the_file)
{
    rig r;
    test_server web(speaks::http, "web");
    auto v6 = route_on("six.and-more_1", free_port(), port_kind::tcp, {serving(web.port()), {}});
    v6.bind = "::1";
    v6.slots[1] = {.mode = slot_mode::serving, .address = "::1", .port = 9};
    const auto v4 =
        route_on("web_1", free_port(), port_kind::http, {serving(web.port()), draining(1234), {}});
    const auto none = route_on("none_1", free_port(), port_kind::http, {});
    ASSERT_TRUE(r.update({v6, v4, none}));
    std::vector<std::string> command{"haproxy", "-c", "-f", r.path("haproxy.cfg")};
    const auto said = r.run(runtime::run_process(*r.clock, command, r.soon()));
    ASSERT_TRUE(said);
    EXPECT_EQ(said->exit_code, 0);
    EXPECT_EQ(said->output, "Configuration file is valid\n");
}

TEST(haproxy_lifecycle, what_the_runtime_api_can_change_is_not_reloaded)
{
    rig r;
    test_server a(speaks::http, "a");
    test_server b(speaks::http, "b");
    auto route = route_on("web_1", free_port(), port_kind::http, {serving(a.port()), {}, {}});
    ASSERT_TRUE(r.update({route}));
    const auto worker = r.worker();
    r.log.lines.clear();

    route.slots = {{}, serving(b.port()), draining(a.port())};
    const auto view = r.update({route});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_EQ(view->routes.at(route.id)[0].mode, slot_mode::empty);
    EXPECT_EQ(view->routes.at(route.id)[0].port, 1);
    EXPECT_EQ(view->routes.at(route.id)[1].port, b.port());
    EXPECT_EQ(view->routes.at(route.id)[2].mode, slot_mode::draining);
    EXPECT_EQ(test_client(route.port).request(), "200 b");
    EXPECT_EQ(r.worker(), worker);
    EXPECT_TRUE(r.log.lines.empty());
    EXPECT_EQ(gantryd::haproxy_config::routes_in(r.text_of("haproxy.cfg")), std::vector{route});
}

TEST(haproxy_lifecycle, an_update_that_changes_nothing_does_nothing)
{
    rig r;
    test_server a(speaks::http, "a");
    const auto route = route_on("web_1", free_port(), port_kind::http, {serving(a.port()), draining(7), {}});
    ASSERT_TRUE(r.update({route}));
    const auto worker = r.worker();
    const auto file = inode_of(r.path("haproxy.cfg"));
    r.log.lines.clear();
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(r.update({route}));
    EXPECT_EQ(r.worker(), worker);
    EXPECT_EQ(inode_of(r.path("haproxy.cfg")), file);
    EXPECT_TRUE(r.log.lines.empty());
}

TEST(haproxy_lifecycle, what_somebody_else_changed_at_run_time_is_put_right)
{
    rig r;
    test_server a(speaks::http, "a");
    const auto route = route_on("web_1", free_port(), port_kind::http, {serving(a.port()), {}});
    ASSERT_TRUE(r.update({route}));
    const auto worker = r.worker();
    (void)r.ask("admin.sock", "set server be_web_1/s1 state maint;set server be_web_1/s2 state ready");
    EXPECT_FALSE(r.look()->routes.at(route.id)[0].up);
    const auto view = r.update({route});
    ASSERT_TRUE(view);
    EXPECT_TRUE(view->routes.at(route.id)[0].up);
    EXPECT_FALSE(view->routes.at(route.id)[1].up);
    EXPECT_EQ(r.worker(), worker);
}

TEST(haproxy_lifecycle, the_next_gantryd_finds_it_and_goes_on)
{
    rig r;
    test_server a(speaks::http, "a");
    auto route = route_on("web_1", free_port(), port_kind::http, {serving(a.port()), {}});
    const auto first = r.update({route});
    ASSERT_TRUE(first);
    const auto worker = r.worker();

    r.haproxy = r.another_proxy();
    const auto seen = r.look();
    ASSERT_TRUE(seen);
    EXPECT_EQ(*seen, *first);
    route.slots[1] = serving(a.port());
    const auto second = r.update({route});
    ASSERT_TRUE(second) << second.error().context();
    EXPECT_EQ(second->master, first->master);
    EXPECT_EQ(r.worker(), worker);
    EXPECT_TRUE(r.log.has("found haproxy running pid=" + std::to_string(first->master)));
}

TEST(haproxy_lifecycle, it_finds_it_without_the_pid_file_too)
{
    rig r;
    const auto route = route_on("web_1", free_port(), port_kind::http, {{}});
    const auto first = r.update({route});
    ASSERT_TRUE(first);
    ::unlink(r.path("haproxy.pid").c_str());
    r.haproxy = r.another_proxy();
    const auto second = r.update({route});
    ASSERT_TRUE(second);
    EXPECT_EQ(second->master, first->master);
}

TEST(haproxy_lifecycle, a_crash_wakes_the_waiter_and_the_next_update_starts_it_again)
{
    rig r;
    test_server a(speaks::http, "a");
    const auto route = route_on("web_1", free_port(), port_kind::http, {serving(a.port())});
    const auto first = r.update({route});
    ASSERT_TRUE(first);
    ::kill(first->master, SIGKILL);
    EXPECT_TRUE(r.run(wait_for_exit(*r.haproxy)));
    const auto gone = r.look();
    ASSERT_TRUE(gone) << gone.error().context();
    EXPECT_FALSE(gone->running);

    const auto second = r.update({route});
    ASSERT_TRUE(second) << second.error().context();
    EXPECT_NE(second->master, first->master);
    EXPECT_TRUE(second->refused.empty());
    EXPECT_EQ(test_client(route.port).request(), "200 a");
}

TEST(haproxy_lifecycle, the_end_of_its_worker_is_the_end_of_all)
{
    rig r;
    const auto route = route_on("web_1", free_port(), port_kind::http, {{}});
    ASSERT_TRUE(r.update({route}));
    ::kill(r.worker(), SIGKILL);
    EXPECT_TRUE(r.run(wait_for_exit(*r.haproxy)));
    const auto again = r.update({route});
    ASSERT_TRUE(again) << again.error().context();
    EXPECT_TRUE(again->running);
}

TEST(haproxy_lifecycle, a_waiter_is_woken_by_the_start_and_by_the_stop)
{
    rig r;
    const auto route = route_on("web_1", free_port(), port_kind::http, {{}});
    int woken = 0;
    const auto count = [&](std::exception_ptr, bool) { ++woken; };
    asio::co_spawn(r.loop, wait_for_exit(*r.haproxy), count);
    ASSERT_TRUE(r.look());
    r.loop.poll();
    EXPECT_EQ(woken, 0);
    ASSERT_TRUE(r.update({route}));
    r.loop.poll();
    EXPECT_EQ(woken, 1);
    asio::co_spawn(r.loop, wait_for_exit(*r.haproxy), count);
    ASSERT_TRUE(r.update({route}));
    r.loop.poll();
    EXPECT_EQ(woken, 1);
    ASSERT_TRUE(r.update({}));
    r.loop.run_for(1s);  // the wait for the process is given up first
    EXPECT_EQ(woken, 2);
}

TEST(haproxy_lifecycle, without_routes_it_stops_and_lets_connections_finish)
{
    rig r;
    test_server db(speaks::lines, "db");
    const auto route = route_on("db_1", free_port(), port_kind::tcp, {serving(db.port())});
    const auto first = r.update({route});
    ASSERT_TRUE(first);
    {
        test_client client(route.port);
        ASSERT_EQ(client.say("one"), "db: one");
        const auto stopped = r.update({});
        ASSERT_TRUE(stopped) << stopped.error().context();
        EXPECT_FALSE(stopped->running);
        EXPECT_FALSE(r.look()->running);
        EXPECT_EQ(test_client(route.port).say("new"), "");
        EXPECT_EQ(client.say("two"), "db: two");
        for (const char* name : {"admin.sock", "master.sock", "haproxy.pid"})
            EXPECT_EQ(mode_of(r.path(name)), 0u) << name;

        const auto again = r.update({route});  // while the old one still finishes
        ASSERT_TRUE(again) << again.error().context();
        EXPECT_NE(again->master, first->master);
        EXPECT_EQ(test_client(route.port).say("new"), "db: new");
        EXPECT_EQ(client.say("three"), "db: three");
    }
    for (const auto until = r.soon(); runtime::is_alive(first->master) && r.clock->now() < until;)
        std::this_thread::sleep_for(10ms);
    EXPECT_FALSE(runtime::is_alive(first->master));
    EXPECT_TRUE(r.look()->running);
}

TEST(haproxy_lifecycle, a_waiter_can_be_cancelled_and_follows_nobody_then)
{
    rig r;
    EXPECT_TRUE(r.run(wait_and_give_up(*r.haproxy)));
    ASSERT_TRUE(r.update({route_on("web_1", free_port(), port_kind::http, {{}})}));
    EXPECT_TRUE(r.run(wait_and_give_up(*r.haproxy)));
    EXPECT_TRUE(r.run(wait_and_give_up(*r.haproxy)));
    ASSERT_TRUE(r.update({}));
}
