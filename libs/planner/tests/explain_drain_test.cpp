// What is told of instances that go: their drain, their stop, their end.
#include "scene.hpp"

#include <gtest/gtest.h>

using namespace gantryd::planner;
namespace model = gantryd::model;
using namespace std::chrono_literals;
using model::release_outcome;

TEST(explain, draining)
{
    auto s = running_well();
    s.draining(1, 2, 3);
    s.slot("web_8888", 2).old_sessions = 1;
    const auto told = s.because(reason::draining);
    EXPECT_EQ(told.instance, "shop-web-1-2");
    EXPECT_EQ(told.text,
        "it is to go: draining 4: 0 http, 4 tunnels, 1 via old worker, direct ones not counted yet");
    EXPECT_EQ(told.since, s.w.now);
    EXPECT_EQ(told.until, s.w.now + 30s);
    EXPECT_EQ(told.then, "it is stopped, and connections that are left are cut");
    EXPECT_EQ(told.command, "docker kill shop-web-1-2") << "kill would end those that serve, too";
    EXPECT_EQ(s.summary_of_web().state, "updating");
    s.of().intent = model::intent::stopped;
    EXPECT_EQ(s.because(reason::draining).command, "gantryd kill shop -c web");
}

TEST(explain, draining_with_every_kind_of_connection)
{
    scene s;
    auto spec = scene::web();
    spec.ports.at(0).kind = model::port_kind::http;
    s.release(1, release_outcome::live, spec);
    s.serving(1, 1);
    auto& i = s.draining(1, 2, 12);
    s.slot("web_8888", 2).tunnels = 5;
    s.slot("web_8888", 2).old_sessions = 2;
    i.direct = 0;
    EXPECT_EQ(s.because(reason::draining).text,
        "it is to go: draining 14: 9 http, 5 tunnels, 2 via old worker, 0 direct");
    i.direct = 1;
    EXPECT_EQ(s.because(reason::draining).text,
        "it is to go: draining 15: 9 http, 5 tunnels, 2 via old worker, 1 direct");
    i.direct.reset();
    i.no_kernel_witness = "it shares the network of the host";
    EXPECT_EQ(s.because(reason::draining).text,
        "it is to go: draining 14: 9 http, 5 tunnels, 2 via old worker, direct ones not counted (it shares "
        "the network of the "
        "host)");
}

TEST(explain, drain_kept)
{
    scene s;
    auto spec = scene::web();
    spec.drain.on_timeout = model::drain_timeout_action::keep;
    s.release(1, release_outcome::live, spec);
    s.serving(1, 1);
    s.draining(1, 2, 3);
    EXPECT_EQ(s.because(reason::draining).then, "it is kept until they end");
    const auto began = s.w.now;
    s.later(30s);
    const auto told = s.because(reason::drain_kept);
    EXPECT_EQ(told.since, began);
    EXPECT_EQ(told.until, std::nullopt);
    EXPECT_EQ(told.then, "it is kept until they end");
    EXPECT_EQ(told.command, "docker kill shop-web-1-2");
    EXPECT_FALSE(s.is_told(reason::draining));
}

TEST(explain, stopping)
{
    auto s = running_well();
    auto& i = s.draining(1, 2, 0);
    i.stop_since = s.w.now - 1s;
    auto told = s.because(reason::stopping);
    EXPECT_EQ(told.instance, "shop-web-1-2");
    EXPECT_EQ(told.text, "it is to go");
    EXPECT_EQ(told.since, s.w.now - 1s);
    EXPECT_EQ(told.until, s.w.now + 9s);
    EXPECT_EQ(told.then, "SIGKILL");
    i.drain_since.reset();
    i.stop_since.reset();
    i.failure = model::evidence{.reason = "not ready within 10s"};
    told = s.because(reason::stopping);
    EXPECT_EQ(told.text, "not ready within 10s");
    EXPECT_EQ(told.until, std::nullopt);
    EXPECT_EQ(told.command, "docker kill shop-web-1-2");
}

TEST(explain, old_workers)
{
    auto s = running_well();
    s.slot("web_8888", 1).old_sessions = 2;
    const auto told = s.because(reason::old_workers);
    EXPECT_EQ(told.text, "2 connections are in older workers of HAProxy, which reloads left behind");
    EXPECT_EQ(told.command, "gantryd status shop -c web");
}

TEST(explain, removing)
{
    auto s = running_well();
    s.exits("shop-web-1-1", 3);
    auto told = s.because(reason::removing);
    EXPECT_EQ(told.instance, "shop-web-1-1");
    EXPECT_EQ(told.text, "it has ended; its exit code and last log lines are gathered");
    EXPECT_EQ(told.then, "it is removed, after its replacement has started");
    s.at("shop-web-1-1").failure = model::evidence{.reason = "exited with code 3"};
    EXPECT_EQ(s.because(reason::removing).text, "it has ended");
    s.of().hold = true;
    EXPECT_FALSE(s.is_told(reason::removing)) << "it is not";
}

TEST(explain, each_step_of_a_drain)
{
    scene s;
    auto spec = scene::web();
    spec.termination_signals.resize(2);
    spec.termination_checks.push_back({.kind = model::check_kind::exec, .id = "flushed"});
    s.release(1, release_outcome::live, spec);
    s.serving(1, 1);
    s.serving(1, 2);
    s.settle_proxy();
    auto& i = s.at("shop-web-1-2");
    i.drain_since = s.w.now;
    i.drain_reason = "one too many";
    const auto text = [&] { return s.because(reason::draining).text; };
    EXPECT_EQ(text(), "one too many: HAProxy does not confirm yet that it sends it no new traffic");
    s.settle_proxy();
    i.signals_begun = 1;
    EXPECT_EQ(text(), "one too many: its termination signals are sent, 1 of 2");
    i.signals_done = true;
    EXPECT_EQ(text(), "one too many: no connections; its termination checks have not passed yet");
    i.check = "flushed";
    i.answer = "exit code 1";
    i.idle_for = 1s;
    EXPECT_EQ(
        text(), "one too many: no connections; its termination check \"flushed\" does not pass: exit code 1");
    i.termination = verdict::passing;
    i.idle_for = 0ms;
    EXPECT_EQ(text(), "one too many: no connections; a second look confirms it");
    s.w.haproxy.reachable = false;
    EXPECT_EQ(text(), "one too many: its connections are not known now");
    s.w.haproxy.reachable = true;
    i.idle_for = 1s;
    EXPECT_FALSE(s.is_told(reason::draining));
    EXPECT_EQ(s.because(reason::stopping).text, "one too many");
}

TEST(explain, a_kill)
{
    auto s = running_well();
    s.of().intent = model::intent::killed;
    auto told = s.because(reason::stopping);
    EXPECT_EQ(told.instance, "shop-web-1-1");
    EXPECT_EQ(told.text, "the component is to be killed");
    EXPECT_EQ(told.then, "SIGKILL, and it is removed");
}
