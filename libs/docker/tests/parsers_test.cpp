#include "api_version.hpp"
#include "frames.hpp"
#include "image_reference.hpp"
#include "log_lines.hpp"
#include "refusal.hpp"
#include "scripted_server.hpp"
#include "text.hpp"

#include <gantryd/docker/client.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace gantryd::docker {
namespace {

using base::errc;
using testing::ElementsAre;
using testing::HasSubstr;

// ---- frames ---------------------------------------------------------------------------------------------

struct demultiplexed {
    std::string out;
    std::string err;
    bool at_boundary = false;
};

demultiplexed demultiplex(const std::vector<std::string_view>& pieces)
{
    frame_splitter splitter;
    demultiplexed got;
    for (const auto piece : pieces) {
        const auto fed = splitter.feed(piece, [&](output_stream from, std::string_view bytes) {
            (from == output_stream::out ? got.out : got.err) += bytes;
        });
        EXPECT_TRUE(fed);
    }
    got.at_boundary = splitter.at_boundary();
    return got;
}

TEST(frames, every_cut_gives_the_same_output)
{
    const auto bytes = frame(1, "hi\n") + frame(2, "err\n") + frame(1, "") + frame(1, std::string(300, 'x'));
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        const std::string_view whole(bytes);
        const auto got = demultiplex({whole.substr(0, cut), whole.substr(cut)});
        EXPECT_EQ(got.out, "hi\n" + std::string(300, 'x')) << cut;
        EXPECT_EQ(got.err, "err\n") << cut;
        EXPECT_TRUE(got.at_boundary) << cut;
    }
}

TEST(frames, byte_by_byte)
{
    const auto bytes = frame(2, "one") + frame(1, "two");
    std::vector<std::string_view> pieces;
    pieces.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i)
        pieces.push_back(std::string_view(bytes).substr(i, 1));
    const auto got = demultiplex(pieces);
    EXPECT_EQ(got.err, "one");
    EXPECT_EQ(got.out, "two");
}

TEST(frames, an_end_inside_a_frame_is_seen)
{
    const auto bytes = frame(1, "hello");
    EXPECT_FALSE(demultiplex({std::string_view(bytes).substr(0, 3)}).at_boundary);
    EXPECT_FALSE(demultiplex({std::string_view(bytes).substr(0, 10)}).at_boundary);
    EXPECT_TRUE(demultiplex({bytes}).at_boundary);
}

TEST(frames, refuses_what_is_no_frame)
{
    // A terminal's output, and a frame of a stream that there is not.
    for (const auto& bytes : {std::string("plain text of a terminal"), frame(4, "hello")}) {
        frame_splitter splitter;
        const auto fed = splitter.feed(bytes, [](output_stream, std::string_view) {});
        ASSERT_FALSE(fed) << bytes;
        EXPECT_EQ(fed.error(), errc::malformed);
    }
}

// ---- lines ----------------------------------------------------------------------------------------------

TEST(log_lines, keeps_the_last_and_the_unfinished)
{
    log_lines lines(3);
    lines.feed(output_stream::out, "one\ntwo\nthr");
    lines.feed(output_stream::err, "oops\n");
    lines.feed(output_stream::out, "ee\n\nend");
    EXPECT_THAT(lines.take(), ElementsAre("three", "", "end"));
}

TEST(log_lines, stdout_and_stderr_do_not_mix_within_a_line)
{
    log_lines lines(10);
    lines.feed(output_stream::out, "hel");
    lines.feed(output_stream::err, "war");
    lines.feed(output_stream::out, "lo\n");
    lines.feed(output_stream::err, "ning\n");
    EXPECT_THAT(lines.take(), ElementsAre("hello", "warning"));
}

TEST(log_lines, a_line_without_end_costs_no_memory)
{
    log_lines lines(2);
    const std::string piece(65536, 'x');
    for (int i = 0; i < 1000; ++i)
        lines.feed(output_stream::out, piece);
    const auto kept = lines.take();
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(kept[0], std::string(500, 'x'));
}

TEST(log_lines, none_wanted_none_kept)
{
    log_lines lines(0);
    lines.feed(output_stream::out, "one\ntwo");
    EXPECT_TRUE(lines.take().empty());
}

TEST(clean_line, removes_what_could_move_a_cursor)
{
    EXPECT_EQ(clean_line("\x1b[31mred\x1b[0m\r\a\x7f\ttab", 100), "red\ttab");
    EXPECT_EQ(clean_line("\xc2\x9b"
                         "1mC1",
                  100),
        "1mC1");
    EXPECT_EQ(clean_line("\x1b]0;title\a", 100), "]0;title");
    EXPECT_EQ(clean_line(std::string_view("nul\0nul", 7), 100), "nulnul");
}

TEST(clean_line, counts_characters_and_keeps_utf8_whole)
{
    EXPECT_EQ(clean_line("\u00e4\u20ac\U0001F600x", 3), "\u00e4\u20ac\U0001F600");
    EXPECT_EQ(clean_line("abc", 0), "");
}

TEST(clean_line, replaces_what_is_no_utf8)
{
    EXPECT_EQ(clean_line("a\xff"
                         "b",
                  100),
        "a?b");
    EXPECT_EQ(clean_line("\xc0\xaf", 100), "??");            // overlong
    EXPECT_EQ(clean_line("\xed\xa0\x80", 100), "???");       // a surrogate
    EXPECT_EQ(clean_line("\xf4\x90\x80\x80", 100), "????");  // beyond U+10FFFF
    EXPECT_EQ(clean_line("\xe2\x82", 100), "??");            // cut off
}

TEST(shown, shortens_ids_and_nothing_else)
{
    EXPECT_EQ(shown("e3744ab8da533e578c19e6827c5a7427c5c474a6df09cc94cc1b994f83b019f7"), "e3744ab8da53");
    EXPECT_EQ(shown("shop-web-canary-1-1"), "shop-web-canary-1-1");
}

// ---- refusals -------------------------------------------------------------------------------------------

base::error refused(int status, const std::string& message)
{
    return as_error(status, R"({"message":")" + message + "\"}");
}

TEST(refusal, says_what_the_caller_can_do)
{
    EXPECT_EQ(refused(404, "No such image: nope:1"), errc::not_found);
    EXPECT_EQ(refused(409, "Conflict. The container name is already in use"), errc::conflict);
    EXPECT_EQ(refused(400, "exec: no such file or directory: unknown"), errc::rejected);
    EXPECT_EQ(refused(403, "authorization denied by plugin"), errc::rejected);
    EXPECT_EQ(
        refused(500, "driver failed: Bind for 0.0.0.0:80 failed: port is already allocated"), errc::rejected);
    EXPECT_EQ(refused(500, "No such image: nope:1"), errc::not_found);
    EXPECT_EQ(refused(500, "Container abc is not running"), errc::conflict);
    EXPECT_EQ(refused(500, "connection error: desc = transport: Error while dialing dial unix "
                           "/run/containerd/containerd.sock: connect: connection refused"),
        errc::unavailable);
    EXPECT_EQ(refused(503, "starting"), errc::unavailable);
    EXPECT_EQ(refused(301, ""), errc::rejected);
}

TEST(refusal, its_sentence_is_the_engines_own)
{
    EXPECT_EQ(refused(404, "No such image: nope:1").context(), "No such image: nope:1");
    EXPECT_EQ(as_error(502, "").context(), "the engine answered 502 without a reason");
}

TEST(refusal, of_a_pull_follows_the_registrys_words)
{
    const std::vector<std::pair<std::string, errc>> cases{
        {"manifest for a:1 not found: manifest unknown: manifest unknown", errc::not_found},
        {"pull access denied for nope, repository does not exist or may require 'docker login': denied: "
         "requested "
         "access to the resource is denied",
            errc::not_found},
        {"no matching manifest for linux/arm64/v8 in the manifest list entries", errc::not_found},
        {"Head \\\"https://r/v2/a/manifests/1\\\": no basic auth credentials", errc::rejected},
        {"unauthorized: authentication required", errc::rejected},
        {"error parsing HTTP 403 response body: denied", errc::rejected},
        {"Get \\\"https://r/v2/\\\": x509: certificate signed by unknown authority", errc::rejected},
        {"Get \\\"https://r/v2/\\\": http: server gave HTTP response to HTTPS client", errc::rejected},
        {"Get \\\"http://127.0.0.1:1/v2/\\\": dial tcp 127.0.0.1:1: connect: connection refused",
            errc::unavailable},
        {"Get \\\"https://r/v2/\\\": dial tcp: lookup r: no such host", errc::unavailable},
        {"toomanyrequests: You have reached your pull rate limit", errc::unavailable},
        {"unexpected EOF", errc::unavailable},
    };
    for (const auto& [message, code] : cases) {
        EXPECT_EQ(as_pull_error(500, message), code) << message;
        EXPECT_EQ(as_pull_error(200, message), code) << message;
    }
    EXPECT_EQ(as_pull_error(400, "invalid reference format"), errc::rejected);
    EXPECT_EQ(as_pull_error(404, ""), errc::not_found);
}

// ---- versions -------------------------------------------------------------------------------------------

TEST(api_version, the_newest_that_both_know_is_chosen)
{
    EXPECT_EQ(choose_version({"20.10", {1, 41}, {1, 12}}).value(), (api_version{1, 41}));
    EXPECT_EQ(choose_version({"99.0", {1, 99}, {1, 44}}).value(), newest_known_api);
    EXPECT_EQ(choose_version({"x", newest_known_api, newest_known_api}).value(), newest_known_api);
}

TEST(api_version, no_version_in_common_is_refused_with_both_ranges)
{
    const auto too_new = choose_version({"31.0", {1, 60}, {1, 50}});
    ASSERT_FALSE(too_new);
    EXPECT_EQ(too_new.error(), errc::rejected);
    EXPECT_EQ(too_new.error().context(),
        "Docker 31.0 is too new: it refuses API versions below 1.50, and gantryd speaks 1.24 to 1.47");
    const auto too_old = choose_version({"1.11", {1, 23}, {1, 12}});
    ASSERT_FALSE(too_old);
    EXPECT_THAT(too_old.error().context(), HasSubstr("its newest API version is 1.23"));
}

TEST(api_version, numbers_are_compared_as_numbers)
{
    EXPECT_LT(*parse_api_version("1.9"), *parse_api_version("1.41"));
    for (const std::string_view text : {"", "1", "1.", ".4", "1.4.1", "a.b", "1.-4", "1.99999999999"})
        EXPECT_EQ(parse_api_version(text), std::nullopt) << text;
}

// ---- endpoints ------------------------------------------------------------------------------------------

base::result<endpoint> from_environment(const std::map<std::string, std::string>& variables)
{
    return endpoint_from_environment([&](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::string() : found->second;
    });
}

std::string place_of(const std::map<std::string, std::string>& variables)
{
    const auto where = from_environment(variables);
    return where ? text_of(*where) : where.error().context();
}

TEST(endpoint, is_the_usual_socket_unless_said_otherwise)
{
    EXPECT_EQ(place_of({}), "unix:///var/run/docker.sock");
    EXPECT_EQ(place_of({{"DOCKER_TLS_VERIFY", "1"}}), "unix:///var/run/docker.sock");
    EXPECT_EQ(place_of({{"DOCKER_HOST", "unix:///run/user/1000/docker.sock"}}),
        "unix:///run/user/1000/docker.sock");
}

TEST(endpoint, tcp_has_the_usual_ports)
{
    EXPECT_EQ(place_of({{"DOCKER_HOST", "tcp://10.0.0.1:4243"}}), "tcp://10.0.0.1:4243");
    EXPECT_EQ(place_of({{"DOCKER_HOST", "tcp://10.0.0.1"}}), "tcp://10.0.0.1:2375");
    EXPECT_EQ(place_of({{"DOCKER_HOST", "10.0.0.1:4243"}}), "tcp://10.0.0.1:4243");
    EXPECT_EQ(place_of({{"DOCKER_HOST", "tcp://:4243/"}}), "tcp://127.0.0.1:4243");
    EXPECT_EQ(place_of({{"DOCKER_HOST", "tcp://[::1]:4243"}}), "tcp://[::1]:4243");
    EXPECT_EQ(
        place_of({{"DOCKER_HOST", "tcp://box"}, {"DOCKER_TLS_VERIFY", "0"}}), "tcp://box:2376 with TLS");
}

TEST(endpoint, certificates_are_where_the_docker_cli_has_them)
{
    const auto home =
        from_environment({{"DOCKER_HOST", "tcp://box"}, {"DOCKER_TLS_VERIFY", "1"}, {"HOME", "/root"}});
    EXPECT_EQ(home->certificate_directory, "/root/.docker");
    EXPECT_EQ(home->config_file, "/root/.docker/config.json");
    EXPECT_TRUE(home->verify_peer);
    const auto own = from_environment({{"DOCKER_HOST", "tcp://box"}, {"DOCKER_TLS_VERIFY", "1"},
        {"HOME", "/root"}, {"DOCKER_CONFIG", "/etc/dk"}, {"DOCKER_CERT_PATH", "/certs"}});
    EXPECT_EQ(own->certificate_directory, "/certs");
    EXPECT_EQ(own->config_file, "/etc/dk/config.json");
    EXPECT_EQ(from_environment({})->config_file, "");
}

TEST(endpoint, refuses_what_it_cannot_reach)
{
    for (const std::string host :
        {"ssh://root@box", "npipe:////./pipe/docker", "unix://relative", "tcp://box:0", "tcp://box:http",
            "tcp://box:99999", "tcp://[::1", "tcp://[::1]4243", "tcp://user@box:1", "tcp://box:1/path"}) {
        const auto where = from_environment({{"DOCKER_HOST", host}});
        ASSERT_FALSE(where) << host;
        EXPECT_EQ(where.error(), errc::rejected);
        EXPECT_THAT(where.error().context(), HasSubstr(host));
    }
}

TEST(endpoint, tls_files_that_are_missing_are_named)
{
    endpoint where;
    where.transport = endpoint::kind::tls;
    where.address = "box";
    where.port = 2376;
    where.certificate_directory = "/no/such/directory";
    const auto clock = runtime::make_system_clock();
    const auto made = make_engine(where, *clock);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), errc::rejected);
    EXPECT_THAT(made.error().context(), HasSubstr("/no/such/directory/ca.pem"));
}

// ---- references -----------------------------------------------------------------------------------------

TEST(image_reference, is_taken_apart_as_docker_does)
{
    const auto plain = parse_image_reference("web");
    EXPECT_EQ(plain->registry, "docker.io");
    EXPECT_EQ(plain->tag, "latest");
    EXPECT_EQ(parse_image_reference("team/web:2")->registry, "docker.io");
    const auto own = parse_image_reference("127.0.0.1:5000/team/web");
    EXPECT_EQ(own->registry, "127.0.0.1:5000");
    EXPECT_EQ(own->repository, "127.0.0.1:5000/team/web");
    EXPECT_EQ(own->tag, "latest");
    EXPECT_EQ(parse_image_reference("localhost/web")->registry, "localhost");
    const auto pinned = parse_image_reference("r.example/web:1@sha256:abc");
    EXPECT_EQ(pinned->digest, "sha256:abc");
    EXPECT_EQ(pinned->repository, "r.example/web");
}

TEST(image_reference, a_pull_always_names_one_image)
{
    EXPECT_EQ(pull_target(*parse_image_reference("web")), "/images/create?fromImage=web&tag=latest");
    EXPECT_EQ(
        pull_target(*parse_image_reference("r:1/a/b:v1")), "/images/create?fromImage=r%3A1%2Fa%2Fb&tag=v1");
    EXPECT_EQ(
        pull_target(*parse_image_reference("web:1@sha256:ab")), "/images/create?fromImage=web%40sha256%3Aab");
}

TEST(image_reference, finds_the_digest_by_which_a_registry_knows_an_image)
{
    image_details image;
    EXPECT_EQ(digest_of(image, "web"), "");
    image.repo_digests = {"r:5000/web@sha256:aa", "web@sha256:bb", "team/web@sha256:cc"};
    EXPECT_EQ(digest_of(image, "r:5000/web"), "r:5000/web@sha256:aa");
    EXPECT_EQ(digest_of(image, "web"), "web@sha256:bb");
    EXPECT_EQ(digest_of(image, "docker.io/library/web"), "docker.io/library/web@sha256:bb");
    EXPECT_EQ(digest_of(image, "docker.io/team/web"), "docker.io/team/web@sha256:cc");
    EXPECT_EQ(digest_of(image, "other/web"), "") << "another registry need not have it";
}

TEST(image_reference, refuses_what_cannot_be_pulled)
{
    for (const std::string_view text :
        {"", ":1", "web:", "web@", "web@abc", "web/", "/web", "sha256:0ba2c341778c"})
        EXPECT_EQ(parse_image_reference(text).error(), errc::rejected) << text;
}

}  // namespace
}  // namespace gantryd::docker
