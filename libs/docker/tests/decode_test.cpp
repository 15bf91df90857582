#include "decode.hpp"
#include "encode.hpp"
#include "pull_progress.hpp"
#include "samples.hpp"
#include "timestamp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantryd::docker {
namespace {

using base::errc;
using std::chrono::sys_days;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(decode, reads_the_versions_of_an_engine)
{
    const auto offer = decode_version(samples::version);
    ASSERT_TRUE(offer) << offer.error().context();
    EXPECT_EQ(offer->engine, "20.10.24+dfsg1");
    EXPECT_EQ(offer->newest, (api_version{1, 41}));
    EXPECT_EQ(offer->oldest, (api_version{1, 12}));
}

TEST(decode, names_processors_as_images_do)
{
    const auto named = [](const std::string& kernels) {
        return decode_info(R"({"Architecture":")" + kernels + R"("})")->architecture;
    };
    EXPECT_EQ(named("x86_64"), "amd64");
    EXPECT_EQ(named("aarch64"), "arm64");
    EXPECT_EQ(named("armv7l"), "arm");
    EXPECT_EQ(named("i686"), "386");
    EXPECT_EQ(named("s390x"), "s390x");
    EXPECT_EQ(named(""), "");
}

TEST(decode, refuses_a_version_that_is_none)
{
    const auto offer = decode_version(R"({"Version":"x","ApiVersion":"1.41-beta"})");
    ASSERT_FALSE(offer);
    EXPECT_EQ(offer.error(), errc::malformed);
}

TEST(decode, reads_a_running_container)
{
    const auto got = decode_container(samples::running_container);
    ASSERT_TRUE(got) << got.error().context();
    EXPECT_EQ(got->id.text(), "ab8e22f2dd68db379a54bc8bf585a2e218284974e18107d9038d70077f5b5f64");
    EXPECT_EQ(got->name, "ss");
    EXPECT_EQ(got->image.text(), "sha256:0ba2c341778cddc3846f040b094b9c8dc50e2b12c354b7b4fef61214cdbf8938");
    EXPECT_EQ(got->status, container_status::running);
    EXPECT_EQ(got->pid, 7753);
    EXPECT_FALSE(got->oom_killed);
    EXPECT_EQ(got->address, "172.29.0.2");
    EXPECT_EQ(got->gateway, "172.29.0.1");
    EXPECT_THAT(got->labels, ElementsAre(Pair("l", "1")));
    EXPECT_EQ(got->started_at, sys_days(2026y / 11 / 21) + 3h + 21min + 47s + 450628696ns);
    EXPECT_EQ(got->finished_at, std::chrono::system_clock::time_point{});
}

TEST(decode, reads_why_a_start_failed)
{
    const auto got = decode_container(samples::failed_start);
    ASSERT_TRUE(got) << got.error().context();
    EXPECT_EQ(got->status, container_status::created);
    EXPECT_EQ(got->exit_code, 127);
    EXPECT_THAT(got->error, HasSubstr("stat /nope: no such file or directory"));
}

TEST(decode, finds_the_address_among_the_networks_when_it_is_nowhere_else)
{
    const auto got =
        decode_container(R"({"Id":"a","State":{"Status":"running"},"NetworkSettings":{"Networks":{
        "front":{"IPAddress":"10.1.0.5","Gateway":"10.1.0.1"},"none":{"IPAddress":""},"gone":null}}})");
    ASSERT_TRUE(got) << got.error().context();
    EXPECT_EQ(got->address, "10.1.0.5");
    EXPECT_EQ(got->gateway, "10.1.0.1");
}

TEST(decode, prefers_the_default_bridge_to_other_networks)
{
    const auto got =
        decode_container(R"({"Id":"a","State":{"Status":"running"},"NetworkSettings":{"Networks":{
        "a":{"IPAddress":"10.1.0.5"},"bridge":{"IPAddress":"172.17.0.9"}}}})");
    ASSERT_TRUE(got) << got.error().context();
    EXPECT_EQ(got->address, "172.17.0.9");
}

TEST(decode, reads_a_list_of_containers)
{
    const auto got = decode_containers(samples::list);
    ASSERT_TRUE(got) << got.error().context();
    ASSERT_EQ(got->size(), 2u);
    EXPECT_EQ((*got)[0].name, "aa");
    EXPECT_EQ((*got)[0].status, container_status::exited);
    EXPECT_EQ((*got)[0].status_text, "Exited (7) 1 second ago");
    EXPECT_EQ((*got)[0].address, "");
    EXPECT_EQ((*got)[0].image, "rec:1");
    EXPECT_THAT((*got)[0].labels, ElementsAre(Pair("l", "1")));
    EXPECT_EQ((*got)[0].created, std::chrono::system_clock::from_time_t(1795231305));
    EXPECT_EQ((*got)[1].status, container_status::running);
    EXPECT_EQ((*got)[1].address, "172.29.0.2");
}

TEST(decode, a_link_to_a_container_is_not_its_name)
{
    const auto got = decode_containers(R"([{"Id":"a","Names":["/other/alias","/mine"],"State":"running"}])");
    ASSERT_TRUE(got) << got.error().context();
    EXPECT_EQ((*got)[0].name, "mine");
}

TEST(decode, missing_members_have_their_defaults)
{
    const auto got = decode_container(R"({"Id":"a","State":{"Status":"exited","Error":null}})");
    ASSERT_TRUE(got) << got.error().context();
    EXPECT_EQ(got->exit_code, 0);
    EXPECT_EQ(got->labels.size(), 0u);
    EXPECT_EQ(got->address, "");
}

TEST(decode, names_the_member_that_has_another_type)
{
    const auto got = decode_container(R"({"Id":"a","State":{"Status":"exited","ExitCode":"7"}})");
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::malformed);
    EXPECT_EQ(got.error().context(), "container.State.ExitCode is no number");
}

TEST(decode, refuses_what_is_no_container)
{
    for (const std::string_view body : {"", "{", "[]", "7", "null", "{}", R"({"Id":"a"})", R"({"Id":7})",
             R"({"Id":"a","State":[]})", R"({"Id":"a","State":{"Status":"asleep"}})",
             R"({"Id":"a","State":{"Status":"exited","StartedAt":"yesterday"}})",
             R"({"Id":"a","State":{"Status":"exited"},"Config":{"Labels":{"a":1}}})"}) {
        const auto got = decode_container(body);
        ASSERT_FALSE(got) << body;
        EXPECT_EQ(got.error(), errc::malformed) << body;
    }
}

TEST(decode, a_container_was_not_made_at_a_time_that_cannot_be)
{
    const auto made_at = [](const std::string& seconds) {
        return decode_containers(R"([{"Id":"a","State":"running","Created":)" + seconds + "}]");
    };
    EXPECT_TRUE(made_at("9223372036"));
    for (const std::string bad : {"9223372037", "9223372036854775807", "-1", "-9223372036854775808"})
        EXPECT_EQ(made_at(bad).error(), errc::malformed) << bad;
}

TEST(decode, reads_an_image)
{
    const auto got = decode_image(samples::image);
    ASSERT_TRUE(got) << got.error().context();
    EXPECT_EQ(got->id.text(), "sha256:0ba2c341778cddc3846f040b094b9c8dc50e2b12c354b7b4fef61214cdbf8938");
    EXPECT_THAT(got->repo_tags, ElementsAre("rec:1"));
    EXPECT_TRUE(got->repo_digests.empty());
    EXPECT_THAT(got->command, ElementsAre("serve"));
    EXPECT_THAT(got->entrypoint, ElementsAre("/prog"));
    EXPECT_EQ(got->architecture, "amd64");
}

TEST(decode, reads_an_event)
{
    const auto got = decode_event(samples::die_event);
    ASSERT_TRUE(got) << got.error().context();
    EXPECT_EQ(got->action, "die");
    EXPECT_EQ(got->id.text(), "e3744ab8da533e578c19e6827c5a7427c5c474a6df09cc94cc1b994f83b019f7");
    EXPECT_EQ(got->attributes.at("exitCode"), "7");
    EXPECT_EQ(got->attributes.at("l"), "1");
    EXPECT_EQ(got->time_nanoseconds, 1795231306189092251);
}

TEST(decode, an_exec_that_runs_has_no_exit_code)
{
    EXPECT_EQ(decode_exec_exit(R"({"Running":true,"ExitCode":null})").value(), std::nullopt);
    EXPECT_EQ(decode_exec_exit(R"({"Running":false,"ExitCode":126})").value(), 126);
}

TEST(decode, reads_the_end_of_a_wait)
{
    EXPECT_EQ(decode_wait(R"({"Error":null,"StatusCode":137})").value(), 137);
    const auto failed = decode_wait(R"({"Error":{"Message":"it is lost"},"StatusCode":0})");
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().context(), HasSubstr("it is lost"));
}

TEST(decode, a_refusal_may_be_json_or_plain_text)
{
    EXPECT_EQ(decode_refusal(R"({"message":"No such image: nope:1"})"), "No such image: nope:1");
    EXPECT_EQ(decode_refusal("client version 1.11 is too old.\n"), "client version 1.11 is too old.");
    EXPECT_EQ(decode_refusal(""), "");
    EXPECT_EQ(decode_refusal("{\"message\":\"two\\nlines\"}"), "twolines");
}

TEST(timestamp, knows_nanoseconds_and_offsets)
{
    const auto noon = sys_days(2026y / 1 / 2) + 12h;
    EXPECT_EQ(parse_timestamp("2026-01-02T12:00:00Z"), noon);
    EXPECT_EQ(parse_timestamp("2026-01-02T14:30:00+02:30"), noon);
    EXPECT_EQ(parse_timestamp("2026-01-02T11:00:00.000000001-01:00"), noon + 1ns);
    EXPECT_EQ(parse_timestamp("2026-01-02T12:00:00.5Z"), noon + 500ms);
    EXPECT_EQ(parse_timestamp("2026-01-02T12:00:00.1234567894Z"), noon + 123456789ns);
}

TEST(timestamp, what_has_not_happened_is_the_epoch)
{
    EXPECT_EQ(parse_timestamp("0001-01-01T00:00:00Z"), std::chrono::system_clock::time_point{});
    EXPECT_EQ(parse_timestamp(""), std::chrono::system_clock::time_point{});
}

TEST(timestamp, refuses_everything_else)
{
    for (const std::string_view text : {"2026-01-02", "2026-01-02 12:00:00Z", "2026-13-02T12:00:00Z",
             "2026-02-30T12:00:00Z", "2026-01-02T24:00:00Z", "2026-01-02T12:60:00Z", "2026-01-02T12:00:00",
             "2026-01-02T12:00:00.Z", "2026-01-02T12:00:00Zx", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z",
             "-026-01-02T12:00:00Z", "2026-01-02T12:00:00+2:30"})
        EXPECT_EQ(parse_timestamp(text), std::nullopt) << text;
}

TEST(pull_step, is_a_line_for_people)
{
    EXPECT_EQ(
        decode_pull_step(R"({"status":"Downloading","progressDetail":{"current":12100000,"total":30000000},
        "progress":"[===>  ]","id":"abc123"})")
            ->line,
        "abc123: Downloading 12.1 MB of 30.0 MB");
    EXPECT_EQ(decode_pull_step(R"({"status":"Extracting","progressDetail":{"current":900},"id":"a"})")->line,
        "a: Extracting 900 B");
    EXPECT_EQ(decode_pull_step(R"({"status":"Digest: sha256:12"})")->line, "Digest: sha256:12");
}

TEST(pull_step, carries_the_error_in_mid_stream)
{
    const auto both =
        decode_pull_step(R"({"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"})");
    EXPECT_EQ(both->error, "unexpected EOF");
    EXPECT_EQ(decode_pull_step(R"({"error":"no"})")->error, "no");
    EXPECT_EQ(decode_pull_step("pulling..").error(), errc::malformed);
}

TEST(encode, a_create_holds_everything_that_was_asked_for)
{
    create_request what;
    what.image = model::image_id("sha256:1");
    what.command = {"/bin/web", "-v"};
    what.user = "nobody";
    what.environment = {"A=1"};
    what.labels = {{"io.gantryd.project", "shop"}};
    what.exposed_ports = {80, 443};
    what.binds = {"/srv:/data"};
    what.volumes_from = {"data"};
    what.privileged = true;
    what.memory_bytes = 64 << 20;
    what.nano_cpus = 500'000'000;
    what.pids_limit = 100;
    what.stop_signal = "SIGQUIT";
    EXPECT_EQ(encode_create(what),
        R"({"Image":"sha256:1","Cmd":["/bin/web","-v"],"User":"nobody","StopSignal":"SIGQUIT","Env":["A=1"],)"
        R"("Labels":{"io.gantryd.project":"shop"},"ExposedPorts":{"80/tcp":{},"443/tcp":{}},"HostConfig":{)"
        R"("RestartPolicy":{"Name":"no"},"Binds":["/srv:/data"],"VolumesFrom":["data"],"Privileged":true,)"
        R"("Memory":67108864,"NanoCpus":500000000,"PidsLimit":100}})");
}

TEST(encode, a_create_leaves_to_the_image_what_was_not_asked_for)
{
    create_request what;
    what.image = model::image_id("sha256:1");
    EXPECT_EQ(encode_create(what),
        R"({"Image":"sha256:1","Env":[],"Labels":{},"ExposedPorts":{},"HostConfig":{)"
        R"("RestartPolicy":{"Name":"no"},"Binds":[],"VolumesFrom":[],"Privileged":false}})");
}

TEST(encode, filters_and_names_are_percent_encoded)
{
    EXPECT_EQ(list_target({{"a b", "1&2"}}),
        "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22a%20b%3D1%262%22%5D%7D");
    EXPECT_THAT(events_target({}, 1'795'231'306'000'000'042), HasSubstr("&since=1795231306.000000042"));
    EXPECT_THAT(events_target({}, std::nullopt), Not(HasSubstr("since")));
    EXPECT_EQ(container_target(model::container_id("a/../b"), "start"), "/containers/a%2F..%2Fb/start");
}

TEST(container_status, every_text_reads_back)
{
    for (int i = 0; i <= static_cast<int>(container_status::dead); ++i) {
        const auto status = static_cast<container_status>(i);
        EXPECT_EQ(parse_status(text_of(status)), status);
    }
    EXPECT_EQ(parse_status("Running"), std::nullopt);
}

}  // namespace
}  // namespace gantryd::docker
