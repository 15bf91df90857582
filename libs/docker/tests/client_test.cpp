// The calls with one answer, against an HTTP server that answers by a script.
#include "client_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantryd::docker {
namespace {

using base::errc;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;
using client = client_fixture;

// ---- versions -------------------------------------------------------------------------------------------

TEST_F(client, negotiates_once_and_uses_the_version)
{
    always(json_answer(200, "[]"));
    EXPECT_TRUE(run(engine_->list({}, soon())));
    EXPECT_TRUE(run(engine_->list({}, soon())));
    EXPECT_EQ(server_->version_requests, 1);
    ASSERT_EQ(server_->requests.size(), 2u);
    EXPECT_THAT(server_->requests[1].line, StartsWith("GET /v1.41/containers/json?all=1&filters="));
    EXPECT_EQ(server_->requests[1].header("Host"), "docker");
}

TEST_F(client, a_newer_engine_gets_the_newest_version_that_we_know)
{
    server_->version = R"({"Version":"29.1","ApiVersion":"1.52","MinAPIVersion":"1.44"})";
    always(json_answer(200, R"({"ServerVersion":"29.1","LiveRestoreEnabled":true,"Architecture":"x86_64",
        "DockerRootDir":"/srv/docker"})"));
    const auto info = run(engine_->info(soon()));
    ASSERT_TRUE(info) << info.error().context();
    EXPECT_EQ(info->api_version, "1.47");
    EXPECT_EQ(info->version, "29.1");
    EXPECT_TRUE(info->live_restore);
    EXPECT_EQ(info->architecture, "amd64") << "as images name it";
    EXPECT_EQ(info->data_root, "/srv/docker");
    EXPECT_THAT(only_request().line, StartsWith("GET /v1.47/info "));
}

TEST_F(client, an_engine_that_is_too_new_is_refused_in_one_sentence)
{
    server_->version = R"({"Version":"35.0","ApiVersion":"1.70","MinAPIVersion":"1.60"})";
    const auto got = run(engine_->list({}, soon()));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::rejected);
    EXPECT_EQ(got.error().context(), "docker list: Docker 35.0 is too new: it refuses API versions below "
                                     "1.60, and gantryd speaks 1.24 to 1.47");
    EXPECT_TRUE(server_->requests.empty());
}

TEST_F(client, negotiates_again_when_an_upgraded_engine_refuses_the_version)
{
    server_->answer = [this](const received_request& request) {
        if (server_->version_requests == 1) {
            server_->version = R"({"Version":"29.1","ApiVersion":"1.52","MinAPIVersion":"1.44"})";
            return json_answer(400,
                R"({"message":"client version 1.41 is too old. Minimum supported API version is 1.44"})");
        }
        EXPECT_THAT(request.line, StartsWith("GET /v1.47/"));
        return json_answer(200, "[]");
    };
    const auto got = run(engine_->list({}, soon()));
    EXPECT_TRUE(got) << got.error().context();
    EXPECT_EQ(server_->version_requests, 2);
}

TEST_F(client, an_engine_that_refuses_every_version_ends_it)
{
    always(json_answer(
        400, R"({"message":"client version 1.41 is too new. Maximum supported API version is 1.40"})"));
    const auto got = run(engine_->list({}, soon()));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::rejected);
    EXPECT_EQ(server_->requests.size(), 2u);
}

TEST_F(client, negotiates_again_after_the_engine_was_away)
{
    always(json_answer(200, "[]"));
    EXPECT_TRUE(run(engine_->list({}, soon())));
    always({});  // closes without an answer
    const auto lost = run(engine_->list({}, soon()));
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error(), errc::unavailable);
    always(json_answer(200, "[]"));
    EXPECT_TRUE(run(engine_->list({}, soon())));
    EXPECT_EQ(server_->version_requests, 2);
}

// ---- calls ----------------------------------------------------------------------------------------------

TEST_F(client, create_sends_the_encoded_name_and_the_body)
{
    always(json_answer(201, R"({"Id":"abc","Warnings":[]})"));
    create_request what;
    what.name = "a b";
    what.image = model::image_id("sha256:1");
    const auto id = run(engine_->create(what, soon()));
    ASSERT_TRUE(id) << id.error().context();
    EXPECT_EQ(id->text(), "abc");
    EXPECT_THAT(only_request().line, StartsWith("POST /v1.41/containers/create?name=a%20b "));
    EXPECT_EQ(only_request().header("Content-Type"), "application/json");
    EXPECT_THAT(only_request().body, HasSubstr(R"("Image":"sha256:1")"));
}

TEST_F(client, a_refused_create_says_why)
{
    create_request what;
    what.name = "web-1";
    always(json_answer(404, R"({"message":"No such image: nope:1"})"));
    const auto missing = run(engine_->create(what, soon()));
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error(), errc::not_found);
    EXPECT_EQ(missing.error().context(), "docker create web-1: No such image: nope:1");

    // A missing container in volumes_from is not a missing image: pulling would not help.
    always(json_answer(404, R"({"message":"No such container: data"})"));
    EXPECT_EQ(run(engine_->create(what, soon())).error(), errc::rejected);
    always(json_answer(409, R"({"message":"Conflict. The container name is already in use"})"));
    EXPECT_EQ(run(engine_->create(what, soon())).error(), errc::conflict);
}

TEST_F(client, what_is_so_already_is_success)
{
    always(json_answer(304, ""));
    EXPECT_TRUE(run(engine_->start(some_id, soon())));
    EXPECT_TRUE(run(engine_->stop(some_id, 10s, soon())));
    always(json_answer(409, R"({"message":"Cannot kill container: aa: Container e37 is not running"})"));
    EXPECT_TRUE(run(engine_->kill(some_id, "SIGTERM", soon())));
    always(json_answer(404, R"({"message":"No such container: aa"})"));
    EXPECT_TRUE(run(engine_->remove(some_id, true, soon())));
}

TEST_F(client, calls_have_the_parameters_that_docker_wants)
{
    always(json_answer(204, ""));
    (void)run(engine_->stop(some_id, 7s, soon()));
    (void)run(engine_->stop(some_id, -1s, soon()));
    (void)run(engine_->kill(some_id, "SIGUSR1", soon()));
    (void)run(engine_->remove(some_id, true, soon()));
    (void)run(engine_->remove(some_id, false, soon()));
    const auto path = "/v1.41/containers/" + some_id.text();
    ASSERT_EQ(server_->requests.size(), 5u);
    EXPECT_THAT(server_->requests[0].line, StartsWith("POST " + path + "/stop?t=7 "));
    EXPECT_THAT(server_->requests[1].line, StartsWith("POST " + path + "/stop?t=0 "));
    EXPECT_THAT(server_->requests[2].line, StartsWith("POST " + path + "/kill?signal=SIGUSR1 "));
    EXPECT_THAT(server_->requests[3].line, StartsWith("DELETE " + path + "?v=1&force=1 "));
    EXPECT_THAT(server_->requests[4].line, StartsWith("DELETE " + path + "?v=1 "));
}

TEST_F(client, another_conflict_of_a_kill_is_one)
{
    always(json_answer(409, R"({"message":"container is paused"})"));
    const auto got = run(engine_->kill(some_id, "SIGTERM", soon()));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::conflict);
    EXPECT_EQ(got.error().context(), "docker kill e3744ab8da53: container is paused");
}

TEST_F(client, a_removal_by_somebody_else_is_waited_for)
{
    server_->answer = [](const received_request& request) {
        if (request.asks_for("DELETE"))
            return json_answer(409, R"({"message":"removal of container aa is already in progress"})");
        EXPECT_THAT(request.line, HasSubstr("/wait?condition=removed"));
        return json_answer(200, R"({"StatusCode":0})");
    };
    EXPECT_TRUE(run(engine_->remove(some_id, true, soon())));
    EXPECT_EQ(server_->requests.size(), 2u);
}

TEST_F(client, bytes_that_are_no_answer_of_docker_are_malformed)
{
    always(json_answer(200, "<html>"));
    EXPECT_EQ(run(engine_->inspect(some_id, soon())).error(), errc::malformed);
    always({{"SSH-2.0-OpenSSH_9.2\r\n"}});
    EXPECT_EQ(run(engine_->inspect(some_id, soon())).error(), errc::malformed);
}

TEST_F(client, an_answer_that_never_comes_ends_at_the_deadline)
{
    always({{}, true});
    const auto got = run(engine_->inspect(some_id, clock_->now() + 100ms));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::timed_out);
    EXPECT_EQ(got.error().context(), "docker inspect e3744ab8da53: no answer in time");
}

TEST_F(client, an_engine_that_is_not_there_is_unavailable)
{
    endpoint nowhere;
    nowhere.address = files_ / "no.sock";
    const auto lost = std::move(*make_engine(nowhere, *clock_));
    const auto got = run(lost->list({}, soon()));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::unavailable);
    EXPECT_THAT(got.error().context(), StartsWith("docker list: connect " + nowhere.address));
    EXPECT_EQ(run(lost->follow_events({}, {}, {}, [](container_event) {})), errc::unavailable);
}

}  // namespace
}  // namespace gantryd::docker
