// exec, logs, pull and events, against an HTTP server that answers by a script.
#include "client_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace gantryd::docker {
namespace {

using base::errc;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using client_streams = client_fixture;

// ---- output ---------------------------------------------------------------------------------------------

TEST_F(client_streams, logs_are_cut_into_clean_lines)
{
    const auto bytes = frame(1, "\x1b[32mone\x1b[0m\ntw") + frame(2, "err\n") + frame(1, "o\n");
    always(chunked_answer({bytes.substr(0, 5), bytes.substr(5, 9), bytes.substr(14)},
        "application/vnd.docker.multiplexed-stream"));
    const auto lines = run(engine_->logs(some_id, 20, soon()));
    ASSERT_TRUE(lines) << lines.error().context();
    EXPECT_THAT(*lines, ElementsAre("one", "err", "two"));
    EXPECT_THAT(only_request().line, HasSubstr("/logs?stdout=1&stderr=1&tail=20 "));
}

TEST_F(client_streams, logs_of_a_terminal_have_no_frames)
{
    always(chunked_answer({"one\r\ntwo\r\n"}, "application/vnd.docker.raw-stream"));
    EXPECT_THAT(run(engine_->logs(some_id, 20, soon())).value(), ElementsAre("one", "two"));
}

TEST_F(client_streams, an_older_engine_is_asked_whether_there_is_a_terminal)
{
    for (const bool terminal : {false, true}) {
        server_->answer = [terminal](const received_request& request) {
            if (request.line.contains("/json "))
                return json_answer(200, terminal ? R"({"Id":"a","Config":{"Tty":true}})" : R"({"Id":"a"})");
            return chunked_answer({terminal ? "one\r\n" : frame(1, "one\n")}, "application/octet-stream");
        };
        EXPECT_THAT(run(engine_->logs(some_id, 20, soon())).value(), ElementsAre("one")) << terminal;
    }
}

TEST_F(client_streams, logs_that_end_inside_a_frame_are_not_whole)
{
    always(raw_answer({frame(1, "hello").substr(0, 9)}, "application/vnd.docker.multiplexed-stream"));
    EXPECT_EQ(run(engine_->logs(some_id, 20, soon())).error(), errc::unavailable);
}

TEST_F(client_streams, exec_collects_the_output_and_waits_for_the_exit_code)
{
    int asked = 0;
    server_->answer = [&asked](const received_request& request) {
        if (request.line.contains("/start "))
            return raw_answer({frame(1, "hi\n"), frame(2, "err\n")}, "application/vnd.docker.raw-stream");
        if (request.asks_for("GET"))
            return json_answer(200,
                ++asked < 3 ? R"({"Running":true,"ExitCode":null})" : R"({"Running":false,"ExitCode":7})");
        return json_answer(201, R"({"Id":"e6ac"})");
    };
    const auto outcome = run(engine_->exec(some_id, {"/prog", "say"}, soon()));
    ASSERT_TRUE(outcome) << outcome.error().context();
    EXPECT_EQ(outcome->exit_code, 7);
    EXPECT_EQ(outcome->output, "hi\nerr\n");
    EXPECT_EQ(asked, 3);
    EXPECT_EQ(
        server_->requests[0].body, R"({"AttachStdout":true,"AttachStderr":true,"Cmd":["/prog","say"]})");
    EXPECT_THAT(server_->requests[1].line, StartsWith("POST /v1.41/exec/e6ac/start "));
}

TEST_F(client_streams, exec_keeps_the_first_64_kib_and_reads_the_rest)
{
    server_->answer = [](const received_request& request) {
        if (request.line.contains("/start "))
            return raw_answer(std::vector<std::string>(20, frame(1, std::string(10'000, 'x'))), "x/y");
        if (request.asks_for("GET"))
            return json_answer(200, R"({"Running":false,"ExitCode":0})");
        return json_answer(201, R"({"Id":"e6ac"})");
    };
    EXPECT_EQ(run(engine_->exec(some_id, {"/prog"}, soon()))->output, std::string(65536, 'x'));
}

TEST_F(client_streams, exec_in_a_stopped_container_is_a_conflict)
{
    always(json_answer(409, R"({"message":"Container e37 is not running"})"));
    EXPECT_EQ(run(engine_->exec(some_id, {"/prog"}, soon())).error(), errc::conflict);
}

// ---- pulls ----------------------------------------------------------------------------------------------

constexpr std::string_view login_file =
    R"({"auths":{"r.example":{"auth":"dXNlcjpodW50ZXIy"}}})";  // user:hunter2

TEST_F(client_streams, pull_reports_its_steps)
{
    always(chunked_answer({"{\"status\":\"Pulling from app\",\"id\":\"1\"}\r\n{\"status\":\"Down",
        "loading\",\"progressDetail\":{\"current\":1000,\"total\":2000},\"id\":\"a\"}\r\n"
        "{\"status\":\"Waiting\",\"id\":\"b\"}\r\n{\"status\":\"Waiting\",\"id\":\"b\"}\r\n",
        "{\"status\":\"Status: Downloaded\"}"}));
    std::vector<std::string> lines;
    const auto keep = [&lines](std::string line) { lines.push_back(std::move(line)); };
    const auto done = run(engine_->pull("r.example/app:1", keep, soon()));
    ASSERT_TRUE(done) << done.error().context();
    EXPECT_THAT(lines, ElementsAre("1: Pulling from app", "a: Downloading 1.0 kB of 2.0 kB", "b: Waiting",
                           "Status: Downloaded"));
    EXPECT_THAT(
        only_request().line, StartsWith("POST /v1.41/images/create?fromImage=r.example%2Fapp&tag=1 "));
    EXPECT_EQ(only_request().header("X-Registry-Auth"), "");
}

TEST_F(client_streams, pull_shows_the_login_and_never_says_it)
{
    std::ofstream(files_ / "config.json") << login_file;
    always(json_answer(500, R"({"message":"Get https://user:hunter2@r.example/: unauthorized"})"));
    const auto done = run(engine_->pull("r.example/app", {}, soon()));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error(), errc::rejected);
    EXPECT_EQ(
        done.error().context(), "docker pull r.example/app: Get https://user:***@r.example/: unauthorized");
    EXPECT_THAT(only_request().header("X-Registry-Auth"), StartsWith("eyJ1c2VybmFtZSI6InVzZXIi"));
}

TEST_F(client_streams, a_pull_that_is_refused_without_a_login_says_why_there_was_none)
{
    std::ofstream(files_ / "config.json") << login_file;
    always(json_answer(500, R"({"message":"Head \"https://other/v2/\": no basic auth credentials"})"));
    const auto done = run(engine_->pull("other.example/app", {}, soon()));
    EXPECT_EQ(done.error(), errc::rejected);
    EXPECT_THAT(
        done.error().context(), HasSubstr("(no login for other.example in " + files_ / "config.json" + ")"));
}

TEST_F(client_streams, pull_fails_by_an_error_in_the_middle_of_its_stream)
{
    always(chunked_answer({"{\"status\":\"Pulling from app\"}\r\n",
        "{\"errorDetail\":{\"message\":\"manifest unknown\"},\"error\":\"manifest unknown\"}\r\n"}));
    const auto done = run(engine_->pull("r.example/app:9", {}, soon()));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error(), errc::not_found);
    EXPECT_EQ(done.error().context(), "docker pull r.example/app:9: manifest unknown");
}

TEST_F(client_streams, pull_that_is_cut_off_is_no_success)
{
    auto cut = chunked_answer({"{\"status\":\"Pulling from app\"}\r\n"});
    cut.pieces.pop_back();  // the last chunk
    always(cut);
    EXPECT_EQ(run(engine_->pull("r.example/app", {}, soon())).error(), errc::unavailable);
}

// ---- events ---------------------------------------------------------------------------------------------

std::string event_line(std::string_view action)
{
    return R"({"Type":"container","Action":")" + std::string(action) +
           R"(","Actor":{"ID":"abc","Attributes":{"name":"web"}},"timeNano":1795231306189092251})" + "\n";
}

TEST_F(client_streams, events_come_one_by_one_however_the_stream_is_cut)
{
    const auto lines = event_line("create") + event_line("start") + event_line("die");
    always(chunked_answer({lines.substr(0, 10), lines.substr(10, 200), lines.substr(210)}));
    int connections = 0;
    std::vector<std::string> actions;
    const auto why = run(engine_->follow_events(
        {{"l", "1"}}, 1'795'231'306'000'000'007, [&] { ++connections; },
        [&](container_event event) { actions.push_back(event.action); }));
    EXPECT_EQ(connections, 1);
    EXPECT_THAT(actions, ElementsAre("create", "start", "die"));
    EXPECT_EQ(why, errc::unavailable);
    EXPECT_EQ(why.context(), "docker events: the engine closed the stream");
    EXPECT_THAT(only_request().line, HasSubstr("&since=1795231306.000000007 "));
}

TEST_F(client_streams, events_ask_for_everything_since_the_request)
{
    always(chunked_answer({}));
    const auto before = std::chrono::system_clock::to_time_t(clock_->wall_now());
    (void)run(engine_->follow_events({}, {}, {}, [](container_event) {}));
    const auto& line = only_request().line;
    EXPECT_GE(std::stoll(line.substr(line.find("&since=") + 7)), before);
}

TEST_F(client_streams, a_line_that_is_no_event_ends_the_stream)
{
    always(chunked_answer({event_line("start") + "oops\n" + event_line("die")}));
    std::vector<std::string> actions;
    const auto why = run(
        engine_->follow_events({}, {}, {}, [&](container_event event) { actions.push_back(event.action); }));
    EXPECT_EQ(why, errc::malformed);
    EXPECT_THAT(actions, ElementsAre("start"));
}

TEST_F(client_streams, events_that_are_refused_do_not_connect)
{
    always(json_answer(400, R"({"message":"Invalid filter"})"));
    bool connected = false;
    const auto why = run(engine_->follow_events({}, {}, [&] { connected = true; }, [](container_event) {}));
    EXPECT_EQ(why, errc::rejected);
    EXPECT_FALSE(connected);
}

}  // namespace
}  // namespace gantryd::docker
