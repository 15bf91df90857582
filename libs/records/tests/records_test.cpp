#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace base = gantryd::base;
namespace model = gantryd::model;
namespace records = gantryd::records;
using namespace std::chrono_literals;

namespace {

const model::project_name shop("shop");
const model::component_name web("web");
constexpr model::release_number seven{7};
const base::wall_time noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 12h;

model::evidence sample_evidence()
{
    return {.reason = "exited with code 3 before it was ready",
        .instance = "shop-web-7-1",
        .exit_code = 3,
        .oom_killed = true,
        .last_log_lines = {"starting", "no \"database\""},
        .check = "http",
        .last_answer = "connection refused"};
}

}  // namespace

TEST(keys, are_those_that_old_tools_know)
{
    EXPECT_EQ(records::config_key(shop), "/gantryd/projects/shop/config");
    EXPECT_EQ(records::state_key(shop, web), "/gantryd/projects/shop/components/web/state");
    EXPECT_EQ(records::release_key(shop, web, seven), "/gantryd/projects/shop/components/web/releases/7");
}

TEST(keys, parse_what_they_write_and_nothing_else)
{
    const auto state = records::parse_component_key(shop, records::state_key(shop, web));
    ASSERT_TRUE(state);
    EXPECT_EQ(state->component, web);
    EXPECT_FALSE(state->release);
    const auto release = records::parse_component_key(shop, records::release_key(shop, web, seven));
    ASSERT_TRUE(release);
    EXPECT_EQ(release->release, seven);
    for (const auto* other : {"/gantryd/projects/shop/config", "/gantryd/projects/shop/components/web",
             "/gantryd/projects/shop/components/web/releases/x",
             "/gantryd/projects/shop/components/web/releases/0",
             "/gantryd/projects/shop/components/web/rollout",
             "/gantryd/projects/shopping/components/web/state"})
        EXPECT_FALSE(records::parse_component_key(shop, other)) << other;
    EXPECT_TRUE(records::is_report_key(shop, records::report_key(shop, model::machine_id("m1"), web)));
    EXPECT_FALSE(records::is_report_key(shop, records::machine_key(shop, model::machine_id("m1"))));
}

TEST(keys, that_others_made_up_are_of_nothing)
{
    const std::string prefix = "/gantryd/projects/shop/";
    for (const std::string bad : {"components/a\nb/state", "components/../state", "components//state",
             "components/a/releases/03", "components/a/releases/+3", "components/-x/releases/3"})
        EXPECT_FALSE(records::parse_component_key(shop, prefix + bad)) << bad;
    for (const std::string bad : {"components/a/slots/00", "components/a/slots/-1", "components/a/steps/../m",
             "components/a/steps/", "preflights/a/m\x1b", "preflights/a b/m"})
        EXPECT_FALSE(records::parse_rollout_key(shop, prefix + bad)) << bad;
    EXPECT_FALSE(records::parse_machine_key(shop, prefix + "fleet/m;n/drain"));
    EXPECT_FALSE(records::parse_event_key(shop, "/gantryd/events/shop/m/1"));
    EXPECT_TRUE(records::parse_event_key(shop, "/gantryd/events/shop/m/1000000000000000000"));
    EXPECT_FALSE(records::parse_event_key(shop, "/gantryd/events/shop/m/9223372036854775807"))
        << "no next one";
}

TEST(codec, component_state_is_the_seeds_line_and_more)
{
    const model::component_state state{model::intent::ready, model::image_id("sha256:4ae7"), seven};
    EXPECT_EQ(records::encode(state), R"({"status":"ready","imageid":"sha256:4ae7","release":7})");
    EXPECT_EQ(*records::decode_component_state(records::encode(state)), state);
    EXPECT_EQ(records::encode({model::intent::stopped, {}, {}}), R"({"status":"stopped"})");
}

TEST(codec, a_line_of_the_seed_is_understood)
{
    const auto ready = records::decode_component_state(R"({"status":"ready","imageid":"4ae7"})");
    ASSERT_TRUE(ready);
    EXPECT_FALSE(ready->release);
    const auto updating = records::decode_component_state(R"({"status":"updating","machine":"x"})");
    ASSERT_TRUE(updating);
    EXPECT_EQ(updating->status, model::intent::ready);
    for (const auto* bad : {"", "[]", "{}", R"({"status":"dancing"})", R"({"status":7})", "{"})
        EXPECT_FALSE(records::decode_component_state(bad)) << bad;
}

TEST(codec, release_and_back)
{
    model::release release;
    release.number = seven;
    release.spec.name = web;
    release.spec.repo = "my/repo";
    release.spec.ports.push_back({8888, 8080, model::port_kind::http, "127.0.0.1"});
    release.spec.environment_variables = {{"PASSWORD", "hunter2"}, {"DB", "", model::secret_source{"", "db"}},
        {"TOKEN", "", model::secret_source{"/etc/token", ""}}};
    release.secrets = {{"DB", {3, "AQID", ""}}, {"TOKEN", {0, "", "00ff"}}};
    release.image = model::image_id("sha256:4ae7");
    release.spec_hash = "abc";
    release.created_by = "root@m1";
    release.created_at = noon;
    release.outcome = model::release_outcome::failed;
    release.outcome_at = noon + 5s;
    release.outcome_by = model::machine_id("m1");
    release.why_failed = sample_evidence();
    const auto back = records::decode_release(records::encode(release));
    ASSERT_TRUE(back) << back.error().context();
    EXPECT_EQ(*back, release);
    EXPECT_FALSE(records::decode_release(R"({"release":1})"));
    EXPECT_FALSE(records::decode_release(R"({"release":1,"spec":{"name":"x"}})"));
}

TEST(codec, secrets_and_back)
{
    const model::stored_secret secret{3, "AQID", noon, "ann@box"};
    EXPECT_EQ(records::decode_stored_secret(records::encode(secret)), secret);
    for (const auto* bad : {"{}", R"({"version":1})", R"({"version":0,"sealed":"AQID"})",
             R"({"version":1,"sealed":""})", R"({"version":9223372036854775807,"sealed":"AQID"})", "[]"})
        EXPECT_EQ(records::decode_stored_secret(bad).error(), base::errc::malformed) << bad;
    EXPECT_EQ(records::parse_secret_key(shop, records::secret_key(shop, "db")), "db");
    for (const auto* bad : {"/gantryd/projects/shop/secrets/", "/gantryd/projects/shop/secrets/a/b",
             "/gantryd/projects/other/secrets/db", "/gantryd/projects/shop/secrets/.db"})
        EXPECT_FALSE(records::parse_secret_key(shop, bad)) << bad;
}

TEST(codec, a_release_leaves_room_for_the_next_one)
{
    const auto with = [](std::string text, const std::string& number) {
        return text.replace(text.find('#'), 1, number);
    };
    const std::string release = R"({"release":#,"spec":{"name":"a","repo":"a"}})";
    const std::string slot = R"({"release":#,"machine":"m"})";
    EXPECT_TRUE(records::decode_release(with(release, "1000000000000000")));
    EXPECT_TRUE(records::decode_slot(with(slot, "1000000000000000")));
    for (const std::string bad : {"1000000000000001", "9223372036854775807", "0", "-1", "1e99", "\"1\""}) {
        EXPECT_EQ(records::decode_release(with(release, bad)).error(), base::errc::malformed) << bad;
        EXPECT_EQ(records::decode_slot(with(slot, bad)).error(), base::errc::malformed) << bad;
    }
    EXPECT_FALSE(
        records::decode_component_state(R"({"status":"ready","release":9223372036854775807})")->release);
    EXPECT_FALSE(records::parse_component_key(
        model::project_name("p"), "/gantryd/projects/p/components/a/releases/9223372036854775807"));
}

TEST(codec, reports_and_back)
{
    model::component_report report;
    report.machine = model::machine_id("m1");
    report.host = "box";
    report.component = web;
    report.state = "updating";
    report.running = model::release_number{6};
    report.wanted = seven;
    report.instances.push_back({model::instance_name("shop-web-6-1"), model::container_id("c0"),
        model::release_number{6}, model::image_id("sha256:1"), "draining", "passing", "172.17.0.2", noon, 14,
        model::drain_numbers{9, 5, 2, 0}});
    report.instances.push_back(report.instances.front());
    report.instances.back().draining->direct.reset();
    report.instances.push_back(report.instances.front());
    report.instances.back().draining.reset();
    report.conditions.push_back({"draining", "shop-web-6-1", "14 connections", noon, noon + 30s,
        "it is killed", "gantryd kill shop -c web"});
    report.last_failure = sample_evidence();
    report.reported_at = noon;
    const auto back = records::decode_component_report(records::encode(report));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, report);

    const model::machine_report machine{.id = model::machine_id("m1"),
        .host = "box",
        .address = "10.0.0.7",
        .tags = {{"zone", "a"}, {"disk", "fast"}},
        .cpus = 4,
        .memory_bytes = 8'589'934'592,
        .pid = 4711,
        .session = "3f-1",
        .version = "0.1.0",
        .components = {web},
        .started_at = noon};
    const auto machine_back = records::decode_machine_report(records::encode(machine));
    ASSERT_TRUE(machine_back);
    EXPECT_EQ(*machine_back, machine);
}

TEST(keys, of_rollouts_and_machines_parse_what_they_write_and_nothing_else)
{
    using kind = records::rollout_part::kind;
    const model::machine_id m1("m1");
    const auto record = records::parse_rollout_key(shop, records::rollout_key(shop, web));
    ASSERT_TRUE(record);
    EXPECT_TRUE(record->component == web && record->what == kind::record);
    const auto slot = records::parse_rollout_key(shop, records::slot_key(shop, web, 12));
    ASSERT_TRUE(slot);
    EXPECT_TRUE(slot->component == web && slot->what == kind::slot && slot->slot == 12);
    const auto step = records::parse_rollout_key(shop, records::step_key(shop, web, m1));
    ASSERT_TRUE(step);
    EXPECT_TRUE(step->component == web && step->what == kind::step && step->machine == m1);
    const auto preflight = records::parse_rollout_key(shop, records::preflight_key(shop, web, m1));
    ASSERT_TRUE(preflight);
    EXPECT_TRUE(
        preflight->component == web && preflight->what == kind::preflight && preflight->machine == m1);
    for (const auto* rest : {"web/state", "web/releases/1", "web/slots/", "web/slots/-1", "web/slots/1x",
             "web/steps/", "web/preflights/m1", "web/rollouts", "/rollout", "web"})
        EXPECT_FALSE(records::parse_rollout_key(shop, records::components_prefix(shop) + rest)) << rest;
    for (const auto* rest : {"", "web", "web/", "/m1"})
        EXPECT_FALSE(records::parse_rollout_key(shop, records::preflights_prefix(shop) + rest)) << rest;
    for (const auto& key :
        {records::rollout_key(shop, web), records::slot_key(shop, web, 0), records::step_key(shop, web, m1)})
        EXPECT_FALSE(records::parse_component_key(shop, key)) << key;

    const auto presence = records::parse_machine_key(shop, records::presence_key(shop, m1));
    ASSERT_TRUE(presence);
    EXPECT_TRUE(presence->machine == m1 && presence->what == records::machine_part::kind::presence);
    const auto drain = records::parse_machine_key(shop, records::drain_key(shop, m1));
    ASSERT_TRUE(drain);
    EXPECT_TRUE(drain->machine == m1 && drain->what == records::machine_part::kind::drain);
    EXPECT_FALSE(records::parse_machine_key(shop, records::report_key(shop, m1, web)));
}

TEST(codec, rollouts_slots_and_steps_and_back)
{
    const model::rollout rollout{seven, 3, model::rollout_verdict::failed, true, "ann@box",
        model::machine_id("m2"), "exited with code 3", noon, noon + 9s};
    EXPECT_EQ(*records::decode_rollout(records::encode(rollout)), rollout);
    const model::rollout fresh{.release = seven, .slots = 1, .began_at = noon};
    EXPECT_EQ(*records::decode_rollout(records::encode(fresh)), fresh);
    const model::slot slot{model::machine_id("m2"), seven, noon};
    EXPECT_EQ(*records::decode_slot(records::encode(slot)), slot);
    const model::endpoint endpoint{seven, "10.0.0.7", "172.17.0.2",
        {{8888, 80, model::port_kind::http}, {9999, 90, model::port_kind::tcp}}};
    EXPECT_EQ(*records::decode_endpoint(records::encode(endpoint)), endpoint);
    const model::rollout_step step{seven, noon};
    EXPECT_EQ(*records::decode_rollout_step(records::encode(step)), step);
    for (const auto standing :
        {model::preparation::fetching, model::preparation::ready, model::preparation::blocked}) {
        const model::preflight said{seven, standing, "it fetches web:2"};
        EXPECT_EQ(*records::decode_preflight(records::encode(said)), said);
    }
    EXPECT_FALSE(records::decode_preflight(R"({"release":7,"standing":"perhaps"})"));
    for (const auto* bad : {"", "[]", "{}", R"({"release":0})", R"({"release":"7"})"}) {
        EXPECT_FALSE(records::decode_rollout(bad)) << bad;
        EXPECT_FALSE(records::decode_slot(bad)) << bad;
        EXPECT_FALSE(records::decode_rollout_step(bad)) << bad;
        EXPECT_FALSE(records::decode_preflight(bad)) << bad;
    }
    EXPECT_FALSE(records::decode_rollout(R"({"release":7,"verdict":"perhaps"})"));
}

TEST(keys, of_events_sort_by_their_numbers)
{
    const model::machine_id m1("m1");
    const auto nine = records::event_key(shop, m1, 9);
    const auto ten = records::event_key(shop, m1, 10);
    EXPECT_LT(nine, ten);
    EXPECT_LT(ten, records::event_key(shop, m1, std::numeric_limits<std::int64_t>::max()));
    EXPECT_TRUE(nine.starts_with(records::events_prefix(shop, m1)));
    EXPECT_TRUE(records::events_prefix(shop, m1).starts_with(records::events_prefix(shop)));
    EXPECT_FALSE(nine.starts_with(records::project_prefix(shop))) << "a watch of the project would see it";
    const auto place = records::parse_event_key(shop, ten);
    ASSERT_TRUE(place);
    EXPECT_EQ(place->machine, m1);
    EXPECT_EQ(place->sequence, 10);
    for (const auto* other : {"/gantryd/events/shop/m1", "/gantryd/events/shop/m1/",
             "/gantryd/events/shop/m1/x", "/gantryd/events/shop/m1/0", "/gantryd/events/shop/m1/-1",
             "/gantryd/events/shop/m1/1x", "/gantryd/events/shop/m1/99999999999999999999",
             "/gantryd/events/shop//1", "/gantryd/events/shopping/m1/1", "/gantryd/projects/shop/config"})
        EXPECT_FALSE(records::parse_event_key(shop, other)) << other;
}

TEST(codec, events_and_back)
{
    model::event event;
    event.sequence = 17;
    event.at = noon;
    event.machine = model::machine_id("m1");
    event.code = "daemon_started";
    auto back = records::decode_event(records::encode(event));
    ASSERT_TRUE(back) << back.error().context();
    EXPECT_EQ(*back, event);

    event.component = web;
    event.instance = "shop-web-7-1";
    event.release = seven;
    event.code = "draining";
    event.change = "ended";
    event.text = "14 connections\nand a \"quote\"";
    event.why = sample_evidence();
    back = records::decode_event(records::encode(event));
    ASSERT_TRUE(back) << back.error().context();
    EXPECT_EQ(*back, event);
}

TEST(codec, an_event_without_a_time_or_a_code_is_none)
{
    EXPECT_TRUE(records::decode_event(R"({"at":"2026-11-21T12:00:00Z","code":"x","more":[1]})"));
    for (const auto* bad : {"", "[]", "{}", "{", R"({"code":"x"})", R"({"at":"2026-11-21T12:00:00Z"})",
             R"({"at":"noon","code":"x"})", R"({"at":7,"code":"x"})",
             R"({"at":"2026-11-21T12:00:00Z","code":7})"})
        EXPECT_FALSE(records::decode_event(bad)) << bad;
}

TEST(codec, drain_marks_come_back)
{
    model::drain_mark mark{
        "ann@alpha", base::wall_time(std::chrono::hours(5)), true, {model::component_name("web")}};
    mark.failed[model::component_name("web")] = {
        {model::machine_id("m2"), {2, "port 80 is taken"}}, {model::machine_id("m3"), {1, "no \"disk\""}}};
    EXPECT_EQ(records::decode_drain_mark(records::encode(mark)).value(), mark);
    const model::drain_mark plain{"ann@alpha", base::wall_time(std::chrono::hours(5)), false, {}};
    EXPECT_EQ(records::encode(plain), R"({"by":"ann@alpha","at":"1970-01-01T05:00:00.000Z"})");
    EXPECT_EQ(records::decode_drain_mark(records::encode(plain)).value(), plain);
    EXPECT_FALSE(records::decode_drain_mark("draining"));
}

TEST(codec, a_report_tells_what_is_carried_for_others)
{
    model::component_report report;
    report.component = model::component_name("web");
    EXPECT_EQ(records::encode(report).find("carries"), std::string::npos);
    report.carries = 2;
    report.asked = 3;
    EXPECT_EQ(records::decode_component_report(records::encode(report)).value(), report);
}
