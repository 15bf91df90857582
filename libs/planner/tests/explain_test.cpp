// One test per reason: what is told, since when, until when, what then, and what to type.
#include "scene.hpp"

#include <gtest/gtest.h>

using namespace gantryd::planner;
namespace model = gantryd::model;
using namespace std::chrono_literals;
using model::release_outcome;

namespace {

const model::component_name web("web");

model::component_spec two()
{
    auto spec = scene::web();
    spec.instances = 2;
    return spec;
}

}  // namespace

TEST(explain, nothing_when_all_is_well)
{
    const auto s = running_well();
    EXPECT_EQ(s.planned().conditions, std::vector<condition>{});
    EXPECT_EQ(s.summary_of_web(), (summary{"running", model::release_number(1)}));
}

TEST(explain, no_release)
{
    scene s;
    auto told = s.because(reason::no_release);
    EXPECT_EQ(told.component, web);
    EXPECT_EQ(told.instance, "");
    EXPECT_EQ(told.text, "the component was never released");
    EXPECT_EQ(told.then, "nothing is started or stopped; containers that run go on serving");
    EXPECT_EQ(told.command, "gantryd update shop -c web");
    s.of().wanted = model::release_number(7);
    told = s.because(reason::no_release);
    EXPECT_EQ(told.text, "the store does not know release 7");
    s.of().intent = model::intent::stopped;
    EXPECT_FALSE(s.is_told(reason::no_release));
}

TEST(explain, release_failed_with_an_older_one_that_serves)
{
    auto s = running_well();
    s.release(2, release_outcome::pending);
    s.of().crashes[model::release_number(2)] = {1, s.w.now, {.reason = "exited with code 3"}};
    const auto told = s.because(reason::release_failed);
    EXPECT_EQ(told.text, "release 2 failed: exited with code 3");
    EXPECT_EQ(told.then, "release 1 goes on serving");
    EXPECT_EQ(told.command, "gantryd update shop -c web");
    EXPECT_EQ(s.summary_of_web().state, "running");
}

TEST(explain, release_failed_with_the_evidence_that_the_store_keeps)
{
    scene s;
    s.release(1, release_outcome::failed);
    auto kept = std::make_shared<model::release>(*s.of().releases.at(model::release_number(1)));
    kept->why_failed = model::evidence{.reason = "not ready within 10s"};
    s.of().releases[model::release_number(1)] = kept;
    const auto told = s.because(reason::release_failed);
    EXPECT_EQ(told.text, "release 1 failed: not ready within 10s");
    EXPECT_EQ(told.then, "nothing runs: there is no earlier release that was live");
    EXPECT_EQ(s.summary_of_web(), (summary{"failed", std::nullopt}));
}

TEST(explain, creating)
{
    scene s;
    s.release(1, release_outcome::pending);
    s.does();
    const auto told = s.because(reason::creating);
    EXPECT_EQ(told.instance, "shop-web-1-1");
    EXPECT_EQ(told.text, "Docker creates and starts the container");
    EXPECT_EQ(told.command, "systemctl status docker");
    EXPECT_EQ(s.summary_of_web().state, "starting");
}

TEST(explain, waiting_ready)
{
    scene s;
    s.release(1, release_outcome::pending);
    s.does();
    s.starts("shop-web-1-1");
    auto told = s.because(reason::waiting_ready);
    EXPECT_EQ(told.instance, "shop-web-1-1");
    EXPECT_EQ(told.text, "its ready checks have not passed yet");
    EXPECT_EQ(told.since, s.w.now);
    EXPECT_EQ(told.until, s.w.now + 10s);
    EXPECT_EQ(told.then, "it is stopped, and the release counts as failed unless it was live before");
    EXPECT_EQ(told.command, "gantryd stop shop -c web") << "there is no release to go back to";
    s.at("shop-web-1-1").check = "up";
    s.at("shop-web-1-1").answer = "connection refused";
    told = s.because(reason::waiting_ready);
    EXPECT_EQ(told.text, "its ready check \"up\" does not pass: connection refused");
}

TEST(explain, a_release_on_trial_is_ended_by_a_rollback_to_what_was_live)
{
    auto s = running_well();
    s.release(2, release_outcome::pending, two());
    s.does();
    s.starts("shop-web-2-1");
    EXPECT_EQ(s.because(reason::waiting_ready).command, "gantryd rollback shop -c web");
    EXPECT_EQ(s.because(reason::trial).command, "gantryd rollback shop -c web");
}

TEST(explain, a_rollback_needs_a_live_release_that_is_not_the_same)
{
    auto s = running_well();
    s.release(2, release_outcome::pending);
    s.does();
    s.starts("shop-web-2-1");
    ASSERT_TRUE(s.of().releases.at(model::release_number(2))->image ==
                s.of().releases.at(model::release_number(1))->image);
    EXPECT_EQ(s.because(reason::waiting_ready).command, "gantryd stop shop -c web");
}

TEST(explain, crash_loop_of_a_release_with_one_before_it)
{
    scene s;
    s.release(1, release_outcome::live, two());
    s.release(2, release_outcome::live);
    s.of().crashes[model::release_number(2)] = {3, s.w.now - 500ms, {.reason = "exited with code 139"}};
    EXPECT_EQ(s.because(reason::crash_loop).command, "gantryd rollback shop -c web");
}

TEST(explain, waiting_proxy)
{
    auto s = running_well();
    s.release(2, release_outcome::pending);
    s.ready(2, 1);
    const auto told = s.because(reason::waiting_proxy);
    EXPECT_EQ(told.instance, "shop-web-2-1");
    EXPECT_EQ(told.text, "HAProxy does not confirm yet that it sends it traffic");
    EXPECT_EQ(s.summary_of_web(), (summary{"updating", model::release_number(1)}));
}

TEST(explain, port_taken)
{
    auto s = running_well();
    auto api = scene::web();
    api.name = model::component_name("api");
    api.ports = {{.external = 9999, .container = 80}};
    s.release(1, release_outcome::pending, api);
    s.ready(1, 1, "api");
    s.w.proxy.refused[model::route_id("api_9999")] = "port 9999 is taken by nginx (pid 4711)";
    const auto told = s.because(reason::port_taken);
    EXPECT_EQ(told.component.text(), "api") << "and not web";
    EXPECT_EQ(told.text, "port 9999 is taken by nginx (pid 4711)");
    EXPECT_EQ(told.then, "the port is asked for again every 2 seconds; everything else goes on");
    EXPECT_FALSE(s.is_told(reason::waiting_proxy)) << "it is not the proxy that is late";
}

TEST(explain, unhealthy)
{
    auto s = running_well();
    s.falls_sick("shop-web-1-1");
    const auto told = s.because(reason::unhealthy);
    EXPECT_EQ(told.instance, "shop-web-1-1");
    EXPECT_EQ(told.text, "its health check \"ok\" fails: status 500");
    EXPECT_EQ(told.then, "a replacement is started; this one is drained when the replacement serves");
    EXPECT_EQ(told.command, "docker logs shop-web-1-1");
    EXPECT_EQ(s.summary_of_web(), (summary{"degraded", model::release_number(1)}));
}

TEST(explain, dependency_suspected)
{
    scene s;
    s.release(1, release_outcome::live, two());
    s.serving(1, 1);
    s.serving(1, 2);
    s.settle_proxy();
    s.falls_sick("shop-web-1-1");
    s.later(3s);
    s.falls_sick("shop-web-1-2");
    const auto told = s.because(reason::dependency_suspected);
    EXPECT_EQ(told.text, "all 2 instances fail the check \"ok\": status 500");
    EXPECT_EQ(told.since, s.w.now);
    EXPECT_EQ(told.until, s.w.now + 5min);
    EXPECT_EQ(told.then, "one replacement is tried; until then all are left as they are, and asked again");
    EXPECT_EQ(s.because(reason::unhealthy).then, "it is left as it is while a dependency is suspected");
}

TEST(explain, unhealthy_in_a_trial_promises_no_replacement)
{
    scene s;
    s.release(1, release_outcome::pending);
    s.serving(1, 1);
    s.falls_sick("shop-web-1-1");
    EXPECT_EQ(s.because(reason::unhealthy).then, "the release is not live before its checks pass");
}

TEST(explain, crash_loop)
{
    scene s;
    s.release(1, release_outcome::live);
    s.of().crashes[model::release_number(1)] = {3, s.w.now - 500ms, {.reason = "exited with code 139"}};
    const auto told = s.because(reason::crash_loop);
    EXPECT_EQ(told.text, "3 failures in a row, the last: exited with code 139");
    EXPECT_EQ(told.since, s.w.now - 500ms);
    EXPECT_EQ(told.until, s.w.now + 1500ms);
    EXPECT_EQ(told.then, "it is started again");
    EXPECT_EQ(told.command, "gantryd update shop -c web");
    s.later(1500ms);
    EXPECT_FALSE(s.is_told(reason::crash_loop));
}

TEST(explain, no_crash_loop_while_nothing_is_missing)
{
    auto s = running_well();
    s.of().crashes[model::release_number(1)] = {3, s.w.now, {.reason = "exited with code 139"}};
    EXPECT_FALSE(s.is_told(reason::crash_loop));
}

TEST(explain, docker_unreachable)
{
    auto s = running_well();
    s.w.docker = {true, false, s.w.now - 5s, "connect /var/run/docker.sock: connection refused"};
    const auto told = s.because(reason::docker_unreachable);
    EXPECT_EQ(told.text, "connect /var/run/docker.sock: connection refused");
    EXPECT_EQ(told.since, s.w.now - 5s);
    EXPECT_EQ(told.then, "what runs is left as it is; work goes on when the engine answers");
    EXPECT_EQ(told.command, "systemctl status docker");
}

TEST(explain, proxy_failed)
{
    auto s = running_well();
    s.w.haproxy = {true, false, s.w.now - 5s, "haproxy: no such program"};
    const auto told = s.because(reason::proxy_failed);
    EXPECT_EQ(told.text, "haproxy: no such program");
    EXPECT_EQ(told.since, s.w.now - 5s);
    EXPECT_EQ(told.then, "it is tried again with growing pauses");
}

TEST(explain, too_few_serving)
{
    scene s;
    s.release(1, release_outcome::live, two());
    s.serving(1, 1);
    s.settle_proxy();
    const auto told = s.because(reason::too_few_serving);
    EXPECT_EQ(told.text, "1 of 2 instances serve");
    EXPECT_EQ(told.then, "missing instances are started");
    EXPECT_EQ(s.summary_of_web().state, "degraded");
}

TEST(explain, pulling)
{
    scene s;
    s.release(1, release_outcome::pending);
    s.does();
    auto& i = s.at("shop-web-1-1");
    i.pulling = pull{"web:1", "", s.w.now - 2s, s.w.now + 15min};
    auto told = s.because(reason::pulling);
    EXPECT_EQ(told.instance, "shop-web-1-1");
    EXPECT_EQ(told.text, "image web:1 is not on this machine and is fetched");
    EXPECT_EQ(told.since, s.w.now - 2s);
    EXPECT_EQ(told.until, s.w.now + 15min);
    EXPECT_EQ(told.command, "docker pull web:1");
    i.pulling->progress = "3f4a: Downloading 4.2 MB of 9.0 MB";
    told = s.because(reason::pulling);
    EXPECT_TRUE(told.text.ends_with("fetched: 3f4a: Downloading 4.2 MB of 9.0 MB")) << told.text;
    EXPECT_FALSE(s.is_told(reason::creating));
}

TEST(explain, retrying_while_the_action_is_still_to_be_done)
{
    scene s;
    s.release(1, release_outcome::pending);
    s.w.setbacks.push_back(
        {web, "shop-web-1-1", "create shop-web-1-1", "connection refused", 3, s.w.now - 5s, s.w.now + 1s});
    const auto told = s.because(reason::retrying);
    EXPECT_EQ(told.instance, "shop-web-1-1");
    EXPECT_EQ(told.text, "create shop-web-1-1 failed 3 times in a row: connection refused");
    EXPECT_EQ(told.since, s.w.now - 5s);
    EXPECT_EQ(told.until, s.w.now + 1s);
    EXPECT_EQ(told.then, "it is tried again");
    EXPECT_EQ(told.command, "gantryd events shop -c web");
    s.of().intent = model::intent::stopped;
    EXPECT_FALSE(s.is_told(reason::retrying)) << "nobody wants it any more";
}

TEST(explain, retrying_to_record_a_release)
{
    scene s;
    s.release(1, release_outcome::pending);
    s.serving(1, 1);
    s.settle_proxy();
    s.w.setbacks.push_back({web, "", "record release 1 as live", "disk full", 1, s.w.now, s.w.now + 250ms});
    EXPECT_EQ(s.because(reason::retrying).text, "record release 1 as live failed once: disk full");
    s.w.setbacks.front().component = model::component_name("api");
    EXPECT_FALSE(s.is_told(reason::retrying)) << "another component's";
}

TEST(explain, trial)
{
    scene s;
    s.release(1, release_outcome::pending, two());
    s.does();
    const auto told = s.because(reason::trial);
    EXPECT_EQ(told.text, "release 1 is tried with the first of 2 instances");
    EXPECT_EQ(told.then, "the others follow when it serves");
    EXPECT_EQ(told.command, "gantryd stop shop -c web");
    s.starts("shop-web-1-1");
    s.passes("shop-web-1-1");
    for (int i = 0; i < 5; ++i)
        s.does();
    EXPECT_FALSE(s.is_told(reason::trial));
}

TEST(explain, held_and_not_that_it_was_never_released)
{
    scene s;
    s.of().hold = true;
    const auto told = s.because(reason::held);
    EXPECT_EQ(told.text, "the store has no readable state for it");
    EXPECT_EQ(told.then, "its containers and its traffic are left as they are");
    EXPECT_EQ(told.command, "gantryd update shop -c web");
    EXPECT_FALSE(s.is_told(reason::no_release));
}

TEST(explain, an_order_that_names_an_image_and_no_release)
{
    scene s;
    s.of().asked_image = model::image_id("sha256:7");
    const auto ordered = [&] {
        return std::ranges::count_if(
            make_plan(s.w).actions, [](const action& a) { return std::holds_alternative<release_order>(a); });
    };
    EXPECT_EQ(s.because(reason::no_release).text,
        "the order names an image and no release; one is made of the stored config");
    EXPECT_EQ(ordered(), 0) << "the store does not answer";
    s.w.store = {true, true, s.w.now, ""};
    EXPECT_EQ(ordered(), 1);
    s.of().intent = model::intent::stopped;
    EXPECT_EQ(ordered(), 0);
}

TEST(explain, sources_that_have_not_spoken_yet)
{
    scene s;
    s.release(1, release_outcome::live);
    s.w.docker = {};
    s.w.haproxy = {};
    EXPECT_EQ(s.because(reason::docker_unreachable).text, "it has not answered yet");
    EXPECT_EQ(s.because(reason::proxy_failed).text, "it has not answered yet");
    EXPECT_FALSE(s.is_told(reason::store_unreachable)) << "gantry has none";
}

TEST(explain, store_unreachable_and_state_unwritable)
{
    auto s = running_well();
    s.w.store = {true, false, s.w.now - 5s, "connection refused"};
    EXPECT_EQ(s.because(reason::store_unreachable).text, "connection refused");
    EXPECT_EQ(s.because(reason::store_unreachable).since, s.w.now - 5s);
    s.w.desired_as_of = "2026-11-21T03:14:19.123Z";
    EXPECT_EQ(s.because(reason::store_unreachable).text,
        "connection refused; gantryd goes by the copy that it kept, of 2026-11-21T03:14:19.123Z");
    s.w.ledger = {true, false, s.w.now - 3s, "disk is full"};
    auto told = s.because(reason::state_unwritable);
    EXPECT_EQ(told.text, "disk is full");
    EXPECT_EQ(told.since, s.w.now - 3s);
    EXPECT_EQ(told.command, "df -h");
    s.w.ledger = {true, true, s.w.now, ""};
    EXPECT_FALSE(s.is_told(reason::state_unwritable));
    s.w.store_writes = {true, false, s.w.now - 1s, "read-only"};
    EXPECT_EQ(s.because(reason::state_unwritable).text, "read-only");
}

TEST(explain, waiting_ready_without_checks_or_address)
{
    scene s;
    auto spec = scene::web();
    spec.ready_checks.clear();
    s.release(1, release_outcome::pending, spec);
    s.does();
    s.starts("shop-web-1-1");
    EXPECT_EQ(s.because(reason::waiting_ready).text, "it has no ready checks, and has to run for 1.0s");
    s.at("shop-web-1-1").address.clear();
    EXPECT_EQ(s.because(reason::waiting_ready).text, "it has no network address");
}
