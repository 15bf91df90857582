#include "rig.hpp"

#include "../../src/supervisor.hpp"

#include <gantryd/runtime/process.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace gantryd::haproxy;
using gantryd::base::errc;
using gantryd::model::port_kind;
using gantryd::model::route_id;
using speaks = test_server::speaks;
namespace runtime = gantryd::runtime;

namespace {

/// A program that has nothing to do with HAProxy.
class bystander {
public:
    bystander()
    {
        std::string name = "/bin/sleep", time = "600";
        char* arguments[] = {name.data(), time.data(), nullptr};
        if (::posix_spawn(&pid, name.c_str(), nullptr, nullptr, arguments, environ) != 0)
            throw std::runtime_error("spawn");
    }
    bystander(const bystander&) = delete;
    bystander& operator=(const bystander&) = delete;
    ~bystander()
    {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    pid_t pid = 0;
};

void write_program(const std::string& path, const std::string& text)
{
    std::ofstream(path) << text;
    ::chmod(path.c_str(), 0700);
}

}  // namespace

TEST(haproxy_trouble, a_taken_port_is_refused_by_name_and_served_once_it_is_free)
{
    rig r;
    test_server a(speaks::http, "a");
    std::uint16_t port = 0;
    std::optional<socket_fd> holder(listen_on(0, port));
    const auto good = route_on("good_1", free_port(), port_kind::http, {serving(a.port())});
    const auto taken = route_on("taken_1", port, port_kind::http, {serving(a.port())});
    auto view = r.update({good, taken});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_EQ(view->refused.at(taken.id), "port " + std::to_string(port) +
                                              " is taken by haproxy_real_te (pid " +
                                              std::to_string(::getpid()) + ")");
    EXPECT_FALSE(view->routes.contains(taken.id));
    EXPECT_EQ(test_client(good.port).request(), "200 a");
    EXPECT_EQ(r.look()->refused, view->refused);
    const auto warnings = r.log.lines.size();
    ASSERT_TRUE(r.update({good, taken}));
    EXPECT_EQ(r.log.lines.size(), warnings);  // said once

    holder.reset();
    view = r.update({good, taken});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_TRUE(view->refused.empty());
    EXPECT_EQ(test_client(taken.port).request(), "200 a");
}

TEST(haproxy_trouble, two_routes_on_one_port_are_one_too_many)
{
    rig r;
    test_server a(speaks::http, "a");
    const auto first = route_on("first_1", free_port(), port_kind::http, {serving(a.port())});
    auto second = first;
    second.id = route_id("second_1");
    const auto view = r.update({first, second});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_EQ(view->refused.size(), 1u);
    EXPECT_TRUE(view->refused.contains(second.id));
    EXPECT_EQ(test_client(first.port).request(), "200 a");
}

TEST(haproxy_trouble, a_port_may_go_from_one_route_to_another)
{
    rig r;
    test_server a(speaks::http, "a");
    test_server b(speaks::http, "b");
    const auto first = route_on("first_1", free_port(), port_kind::http, {serving(a.port())});
    ASSERT_TRUE(r.update({first}));
    const auto second = route_on("second_1", first.port, port_kind::http, {serving(b.port())});
    const auto view = r.update({second});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_TRUE(view->refused.empty());
    EXPECT_FALSE(view->routes.contains(first.id));
    EXPECT_EQ(test_client(first.port).request(), "200 b");
}

TEST(haproxy_trouble, a_newcomer_gets_the_port_of_what_is_served_when_that_only_drains)
{
    rig r;
    test_server a(speaks::http, "a");
    test_server b(speaks::http, "b");
    auto present = route_on("web_1", free_port(), port_kind::http, {serving(a.port())});
    ASSERT_TRUE(r.update({present}));
    const auto newcomer = route_on("api_1", present.port, port_kind::http, {serving(b.port())});
    auto view = r.update({newcomer, present});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_EQ(view->refused.at(newcomer.id),
        "port " + std::to_string(present.port) + " is used by route web_1 of this machine");
    EXPECT_EQ(test_client(present.port).request(), "200 a");

    present.slots = {draining(a.port())};
    view = r.update({newcomer, present});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_TRUE(view->refused.contains(present.id));
    EXPECT_EQ(test_client(present.port).request(), "200 b");
}

TEST(haproxy_trouble, a_file_that_cannot_be_written_does_not_keep_requests_from_a_new_server)
{
    rig r;
    test_server a(speaks::http, "a");
    test_server b(speaks::http, "b");
    auto route = route_on("web_1", free_port(), port_kind::http, {serving(a.port())});
    ASSERT_TRUE(r.update({route}));
    const auto in_the_way = r.path("haproxy.cfg.tmp");
    ASSERT_EQ(::mkdir(in_the_way.c_str(), 0700), 0);
    route.slots = {serving(b.port())};
    const auto failed = r.update({route});
    ASSERT_FALSE(failed);
    EXPECT_TRUE(failed.error().context().contains("haproxy.cfg.tmp")) << failed.error().context();
    EXPECT_EQ(test_client(route.port).request(), "200 b");

    ASSERT_EQ(::rmdir(in_the_way.c_str()), 0);
    const auto view = r.update({route});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_FALSE(view->file_edited);
    EXPECT_TRUE(r.text_of("haproxy.cfg").contains(std::to_string(b.port())));
}

TEST(haproxy_trouble, a_program_that_is_not_there_is_said_so)
{
    rig r;
    r.haproxy = r.another_proxy("/no/such/haproxy");
    const auto view = r.update({route_on("web_1", free_port(), port_kind::http, {{}})});
    ASSERT_FALSE(view);
    EXPECT_EQ(view.error(), errc::unavailable);
    EXPECT_EQ(view.error().context(), "HAProxy cannot be run: /no/such/haproxy: No such file or directory");
}

TEST(haproxy_trouble, a_pid_file_that_names_another_process_does_it_no_harm)
{
    rig r;
    const bystander innocent;
    const auto route = route_on("web_1", free_port(), port_kind::http, {{}});
    ASSERT_EQ(::mkdir(r.directory.c_str(), 0700), 0);
    std::ofstream(r.path("haproxy.pid")) << innocent.pid << "\n";
    EXPECT_FALSE(r.look()->running);
    ASSERT_TRUE(r.update({}));
    EXPECT_TRUE(runtime::is_alive(innocent.pid));

    std::ofstream(r.path("haproxy.pid")) << innocent.pid << "\n";
    const auto view = r.update({route});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_TRUE(view->running);
    EXPECT_NE(view->master, innocent.pid);

    std::ofstream(r.path("haproxy.pid")) << innocent.pid << "\n";
    ASSERT_TRUE(r.update({}));
    EXPECT_TRUE(runtime::is_alive(innocent.pid));
    EXPECT_FALSE(r.look()->running);
}

TEST(haproxy_trouble, a_file_that_haproxy_refuses_changes_nothing)
{
    rig r;
    test_server a(speaks::http, "a");
    const auto program = r.parent + "/haproxy.sh";
    write_program(program, "#!/bin/sh\nexec haproxy \"$@\"\n");
    r.haproxy = r.another_proxy(program);
    const auto route = route_on("web_1", free_port(), port_kind::http, {serving(a.port())});
    ASSERT_TRUE(r.update({route}));
    const auto worker = r.worker();
    const auto text = r.text_of("haproxy.cfg");

    write_program(
        program, "#!/bin/sh\necho '[NOTICE] (1) : x'\necho '[ALERT] (1) : config : no such thing'\nexit 1\n");
    const auto view = r.update({route, route_on("web_2", free_port(), port_kind::http, {{}})});
    ASSERT_FALSE(view);
    EXPECT_EQ(view.error(), errc::rejected);
    EXPECT_EQ(view.error().context(), "HAProxy refuses the configuration: config : no such thing");
    EXPECT_EQ(r.text_of("haproxy.cfg"), text);
    EXPECT_EQ(r.worker(), worker);
    EXPECT_EQ(test_client(route.port).request(), "200 a");
}

TEST(haproxy_trouble, a_file_that_somebody_edited_is_seen_and_made_good)
{
    rig r;
    test_server a(speaks::http, "a");
    const auto route = route_on("web_1", free_port(), port_kind::http, {serving(a.port())});
    ASSERT_TRUE(r.update({route}));
    EXPECT_FALSE(r.look()->file_edited);
    const auto text = r.text_of("haproxy.cfg");
    auto edited = text;
    edited.replace(edited.find("balance roundrobin"), 18, "balance leastconn");
    for (const bool after_a_restart : {false, true}) {
        std::ofstream(r.path("haproxy.cfg")) << edited;
        if (after_a_restart)
            r.haproxy = r.another_proxy();
        EXPECT_TRUE(r.look()->file_edited);
        const auto worker = r.worker();
        (void)r.ask("master.sock", "reload");  // whoever edits it does that next
        r.look_until([&](const proxy_view&) { return r.worker() != worker; });
        const auto edited_worker = r.worker();
        const auto view = r.update({route});
        ASSERT_TRUE(view) << view.error().context();
        EXPECT_FALSE(view->file_edited);
        EXPECT_EQ(r.text_of("haproxy.cfg"), text);
        EXPECT_NE(r.worker(), edited_worker) << "it had read what somebody wrote";
        EXPECT_EQ(test_client(route.port).request(), "200 a");
        EXPECT_TRUE(r.log.has("somebody changed haproxy.cfg"));
        r.log.lines.clear();
    }
    std::ofstream(r.path("haproxy.cfg")) << "no such thing\n";
    ASSERT_TRUE(r.update({route}));
    EXPECT_EQ(r.text_of("haproxy.cfg"), text);
}

TEST(haproxy_trouble, a_weight_or_a_frontend_that_somebody_changed_is_seen_and_made_good)
{
    rig r;
    test_server a(speaks::http, "a");
    const auto route = route_on("web_1", free_port(), port_kind::http, {serving(a.port())});
    ASSERT_TRUE(r.update({route}));
    (void)r.ask("admin.sock", "set server be_web_1/s1 weight 0");
    EXPECT_TRUE(r.look()->routes.at(route.id).at(0).other_weight);
    ASSERT_TRUE(r.update({route}));
    EXPECT_FALSE(r.look()->routes.at(route.id).at(0).other_weight);
    for (const std::string verb : {"disable", "shutdown"}) {
        (void)r.ask("admin.sock", verb + " frontend fe_web_1");
        EXPECT_EQ(r.look()->closed_frontends, std::vector<std::string>{"fe_web_1"}) << verb;
        ASSERT_TRUE(r.update({route})) << verb;
        EXPECT_TRUE(r.look()->closed_frontends.empty()) << verb;
        EXPECT_EQ(test_client(route.port).request(), "200 a") << verb;
    }
    EXPECT_TRUE(r.log.has("somebody closed fe_web_1"));
}

TEST(haproxy_trouble, a_reload_that_fails_goes_back_to_the_good_file)
{
    rig r;
    test_server a(speaks::http, "a");
    const auto route = route_on("web_1", free_port(), port_kind::http, {serving(a.port())});
    ASSERT_TRUE(r.update({route}));
    const auto worker = r.worker();
    const auto text = r.text_of("haproxy.cfg");

    // A file that was fine when it was checked, and is not any more.
    supervisor s({.directory = r.directory}, *r.clock);
    const auto before = r.run(s.observe(r.soon()));
    ASSERT_TRUE(before && *before);
    std::ofstream(r.path("haproxy.cfg.new")) << text << "nonsense\n";
    ASSERT_TRUE(s.install());
    const auto reloaded = r.run(s.reload((*before)->processes, "other", r.soon()));
    ASSERT_FALSE(reloaded);
    EXPECT_EQ(reloaded.error(), errc::rejected);
    EXPECT_EQ(r.text_of("haproxy.cfg"), text);
    EXPECT_EQ(r.worker(), worker);
    EXPECT_EQ(test_client(route.port).request(), "200 a");

    // A later good one works, and counts as good.
    const auto more = route_on("web_2", free_port(), port_kind::http, {serving(a.port())});
    const auto view = r.update({route, more});
    ASSERT_TRUE(view) << view.error().context();
    EXPECT_EQ(test_client(more.port).request(), "200 a");
}

TEST(haproxy_trouble, one_that_does_not_answer_any_more_is_replaced_and_may_finish)
{
    rig r;
    test_server db(speaks::lines, "db");
    const auto route = route_on("db_1", free_port(), port_kind::tcp, {serving(db.port())});
    const auto first = r.update({route});
    ASSERT_TRUE(first);
    test_client client(route.port);
    ASSERT_EQ(client.say("one"), "db: one");
    ::unlink(r.path("admin.sock").c_str());

    const auto failed = r.update({route});
    ASSERT_FALSE(failed);  // once may be an accident
    EXPECT_EQ(failed.error(), errc::unavailable);
    const auto second = r.update({route});
    ASSERT_TRUE(second) << second.error().context();
    EXPECT_NE(second->master, first->master);
    EXPECT_TRUE(second->refused.empty());
    EXPECT_EQ(test_client(route.port).say("new"), "db: new");
    EXPECT_EQ(client.say("two"), "db: two");
}

TEST(haproxy_trouble, values_that_could_be_commands_do_not_get_in)
{
    rig r;
    auto route = route_on("web;1", free_port(), port_kind::http, {{}});
    EXPECT_EQ(r.update({route}).error(), errc::rejected);
    route = route_on("web_1", free_port(), port_kind::http, {{}});
    route.slots[0].address = "127.0.0.1;disable frontend fe_web_1";
    EXPECT_EQ(r.update({route}).error(), errc::rejected);
    EXPECT_FALSE(r.look()->running);
}

TEST(haproxy_trouble, a_deadline_that_has_passed_is_kept)
{
    rig r;
    const auto route = route_on("web_1", free_port(), port_kind::http, {{}});
    const auto view = r.run(r.haproxy->update({route}, r.clock->now()));
    ASSERT_FALSE(view);
    EXPECT_EQ(view.error(), errc::timed_out);
    EXPECT_TRUE(r.update({route}));
}
