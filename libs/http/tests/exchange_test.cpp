#include <gantryd/http/exchange.hpp>
#include <gantryd/http/fake_stream.hpp>
#include <gantryd/runtime/simulation.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <gtest/gtest.h>

#include <functional>

namespace asio = boost::asio;
namespace base = gantryd::base;
namespace http = gantryd::http;
namespace runtime = gantryd::runtime;
using base::errc;
using gantryd::http_testing::fake_stream;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t plenty = 1 << 20;
using outcome = base::result<http::response>;

http::request get(std::string method = "GET")
{
    http::request what;
    what.method = std::move(method);
    what.host = "h";
    return what;
}

/// What exchange() makes of an answer that comes in the given pieces, after which the peer closes.
outcome answer_to(
    const http::request& what, const std::vector<std::string>& pieces, std::size_t max_body = plenty)
{
    runtime::simulation sim;
    fake_stream stream(sim.loop.get_executor());
    for (const auto& piece : pieces)
        stream.deliver(piece);
    stream.end();
    auto got = sim.outcome_after(0s, http::exchange(stream, what, max_body));
    EXPECT_TRUE(got) << "exchange() still waits";
    EXPECT_EQ(stream.written, http::serialize(what));
    return got ? std::move(*got) : base::fail(errc::timed_out, "");
}

std::vector<std::string> byte_by_byte(const std::string& bytes)
{
    std::vector<std::string> out;
    for (const char c : bytes)
        out.emplace_back(1, c);
    return out;
}

/// Calls `check(outcome)` for the whole answer, for each way to cut it in two and for single bytes.
void for_every_cut(const http::request& what, const std::string& bytes,
    const std::function<void(const outcome&)>& check, std::size_t max_body = plenty)
{
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        SCOPED_TRACE("cut at " + std::to_string(cut));
        check(answer_to(what, {bytes.substr(0, cut), bytes.substr(cut)}, max_body));
        if (testing::Test::HasFailure())
            return;
    }
    SCOPED_TRACE("byte by byte");
    check(answer_to(what, byte_by_byte(bytes), max_body));
}

struct good_case {
    const char* name;
    std::string method;
    std::string bytes;
    int status;
    std::string body;
    std::string x;  // the header X
};

void PrintTo(const good_case& c, std::ostream* to) { *to << c.name; }

class good_response : public testing::TestWithParam<good_case> {};

const std::vector<good_case> good_cases{
    {"content_length", "GET", "HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", "1"},
    {"bytes_after_the_body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500", 200, "ok",
        ""},
    {"empty_body", "GET", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, "", ""},
    {"chunked", "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: 2\r\n\r\n5\r\nhello\r\n6;a=b\r\n "
        "world\r\n0\r\n\r\n",
        200, "hello world", "2"},
    {"chunked_with_trailer", "GET",
        "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\nTrailer: Grpc-Trailer-Content-Type\r\n\r\n"
        "2\r\n{}\r\n0\r\nGrpc-Trailer-Content-Type: application/grpc\r\nY: 2\r\n\r\n",
        400, "{}", ""},
    {"chunked_and_empty", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "",
        ""},
    {"chunked_and_empty_with_trailer", "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n", 200, "", ""},
    {"until_the_end", "GET", "HTTP/1.1 200 OK\r\nX: 3\r\n\r\nall of this\r\n\r\n", 200, "all of this\r\n\r\n",
        "3"},
    {"until_the_end_and_empty", "GET", "HTTP/1.0 200 OK\r\n\r\n", 200, "", ""},
    {"no_content", "DELETE", "HTTP/1.1 204 No Content\r\nX: 4\r\n\r\n", 204, "", "4"},
    {"not_modified", "POST", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, "", ""},
    {"head", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX: 5\r\n\r\n", 200, "", "5"},
    {"interim_first", "POST",
        "HTTP/1.1 100 Continue\r\nX: no\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
        "HTTP/1.1 201 Created\r\nX: 6\r\nContent-Length: 2\r\n\r\nid",
        201, "id", "6"},
    {"no_reason", "GET", "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx", 200, "x", ""},
};

struct bad_case {
    const char* name;
    std::string bytes;
    errc code;
    std::string sentence;
};

void PrintTo(const bad_case& c, std::ostream* to) { *to << c.name; }

class bad_response : public testing::TestWithParam<bad_case> {};

const std::string cut_short = "the peer closed the connection in the middle of a response";

const std::vector<bad_case> bad_cases{
    {"nothing", "", errc::unavailable, "the peer closed the connection without an answer"},
    {"another_protocol", "SSH-2.0-OpenSSH_9.2p1\r\n", errc::malformed, "the answer is no HTTP/1"},
    {"http_2", "HTTP/2.0 200 OK\r\n\r\n", errc::malformed, "the answer is no HTTP/1"},
    {"http_1_2", "HTTP/1.2 200 OK\r\n\r\n", errc::malformed, "the answer is no valid HTTP: bad version"},
    {"garbage_after_an_interim_one", "HTTP/1.1 100 Continue\r\n\r\nXTTP/1.1 200 OK\r\n\r\n", errc::malformed,
        "the answer is no HTTP/1"},
    {"bad_status", "HTTP/1.1 2x0 OK\r\n\r\n", errc::malformed, "the answer is no valid HTTP: bad status"},
    {"status_0", "HTTP/1.1 000 OK\r\n\r\n", errc::malformed, "unexpected status 0"},
    {"switching_protocols", "HTTP/1.1 101 Switching Protocols\r\n\r\n", errc::malformed,
        "unexpected status 101"},
    {"bad_field", "HTTP/1.1 200 OK\r\nbad field\r\n\r\n", errc::malformed,
        "the answer is no valid HTTP: bad field"},
    {"bad_length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", errc::malformed,
        "the answer is no valid HTTP: bad Content-Length"},
    {"bad_chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello", errc::malformed,
        "the answer is no valid HTTP: bad chunk"},
    {"length_and_chunked",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        errc::malformed, "the answer is no valid HTTP: bad Transfer-Encoding"},
    {"end_in_the_status_line", "HTTP/1.1 20", errc::unavailable, cut_short},
    {"end_in_the_header", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", errc::unavailable, cut_short},
    {"end_after_an_interim_response", "HTTP/1.1 100 Continue\r\n\r\n", errc::unavailable, cut_short},
    {"end_in_the_body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", errc::unavailable, cut_short},
    {"end_before_the_body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", errc::unavailable, cut_short},
    {"end_before_the_first_chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", errc::unavailable,
        cut_short},
    {"end_in_the_first_chunk_header", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
        errc::unavailable, cut_short},
    {"end_in_a_chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", errc::unavailable,
        cut_short},
    {"end_between_chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        errc::unavailable, cut_short},
    {"end_before_the_trailers_end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n",
        errc::unavailable, cut_short},
};

}  // namespace

TEST_P(good_response, reads_the_same_however_it_is_cut)
{
    const auto& c = GetParam();
    for_every_cut(get(c.method), c.bytes, [&](const outcome& got) {
        ASSERT_TRUE(got) << got.error().context();
        EXPECT_EQ(got->status, c.status);
        EXPECT_EQ(got->body, c.body);
        EXPECT_EQ(got->header("x"), c.x);
    });
}

INSTANTIATE_TEST_SUITE_P(
    exchange, good_response, testing::ValuesIn(good_cases), [](const auto& info) { return info.param.name; });

TEST_P(bad_response, fails_the_same_however_it_is_cut)
{
    const auto& c = GetParam();
    for_every_cut(get(), c.bytes, [&](const outcome& got) {
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error(), c.code);
        EXPECT_EQ(got.error().context(), c.sentence);
    });
}

INSTANTIATE_TEST_SUITE_P(
    exchange, bad_response, testing::ValuesIn(bad_cases), [](const auto& info) { return info.param.name; });

TEST(exchange, refuses_more_than_64_kib_of_header_and_takes_just_as_much)
{
    const auto header_of = [](std::size_t total) {
        const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
        const std::string end = "\r\n\r\n";
        return start + std::string(total - start.size() - end.size(), 'x') + end;
    };
    const auto whole = answer_to(get(), {header_of(64UL * 1024)});
    EXPECT_TRUE(whole);
    const auto bytes = answer_to(get(), byte_by_byte(header_of(64UL * 1024)));
    EXPECT_TRUE(bytes);
    for (const auto& pieces :
        {std::vector{header_of(64UL * 1024 + 1)}, byte_by_byte(header_of(64UL * 1024 + 1))}) {
        const auto got = answer_to(get(), pieces);
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error(), errc::limit_exceeded);
        EXPECT_EQ(got.error().context(), "the header of the response is longer than 64 KiB");
    }
}

TEST(exchange, refuses_a_header_of_many_small_fields_that_never_ends)
{
    std::vector<std::string> pieces{"HTTP/1.1 200 OK\r\n"};
    for (int i = 0; i < 20'000; ++i)
        pieces.emplace_back("A: b\r\n");
    const auto got = answer_to(get(), pieces);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::limit_exceeded);
}

TEST(exchange, refuses_interim_responses_that_never_end)
{
    std::vector<std::string> pieces(10'000, "HTTP/1.1 100 Continue\r\n\r\n");
    const auto got = answer_to(get(), pieces);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::limit_exceeded);
}

TEST(exchange, refuses_a_chunk_header_and_trailers_that_never_end)
{
    const std::string start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string& endless :
        {"5;" + std::string(100'000, 'x'), "0\r\nA: " + std::string(100'000, 'x')}) {
        const auto got = answer_to(get(), {start, endless});
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error(), errc::malformed);
        EXPECT_EQ(got.error().context(), "a chunk's header or the trailers are longer than 64 KiB");
    }
}

TEST(exchange, refuses_a_body_above_the_limit_and_takes_one_that_just_fits)
{
    const std::vector<std::string> responses{
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    };
    for (const auto& bytes : responses) {
        for_every_cut(get(), bytes, [](const outcome& got) { EXPECT_TRUE(got); }, 5);
        for_every_cut(
            get(), bytes,
            [](const outcome& got) {
                ASSERT_FALSE(got);
                EXPECT_EQ(got.error(), errc::limit_exceeded);
                EXPECT_EQ(got.error().context(), "the body of the response is longer than 4 bytes");
            },
            4);
    }
}

TEST(exchange, takes_a_body_of_many_megabytes)
{
    const std::string body(9 << 20, 'x');  // above Beast's own limit of 8 MiB
    const auto got = answer_to(get(),
        {"HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n", body}, 10 << 20);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body, body);
}

TEST(exchange, does_not_wait_for_more_of_an_answer_that_cannot_become_http)
{
    runtime::simulation sim;
    fake_stream stream(sim.loop.get_executor());
    stream.deliver("SSH-2.0-OpenSSH_9.2p1\r\n");  // and then it waits for ours
    auto got = sim.outcome_after(0s, http::exchange(stream, get(), plenty));
    ASSERT_TRUE(got && !*got);
    EXPECT_EQ(got->error(), errc::malformed);
}

TEST(exchange, takes_an_early_answer_of_a_peer_that_does_not_read_the_request)
{
    runtime::simulation sim;
    fake_stream stream(sim.loop.get_executor());
    stream.write_blocks = true;
    stream.deliver("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
    auto got = sim.outcome_after(0s, http::exchange(stream, get("PUT"), plenty));
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->status, 413);
    EXPECT_EQ((*got)->body, "big");
}

TEST(exchange, takes_an_early_answer_of_a_peer_that_closes_while_we_write)
{
    runtime::simulation sim;
    fake_stream stream(sim.loop.get_executor());
    stream.write_failure = base::error(errc::unavailable, "write: broken pipe");
    stream.deliver("HTTP/1.1 400 Bad Request\r\n\r\nno");
    stream.end();
    auto got = sim.outcome_after(0s, http::exchange(stream, get("PUT"), plenty));
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->status, 400);
    EXPECT_EQ((*got)->body, "no");
}

TEST(exchange, names_the_failed_write_when_no_answer_comes)
{
    runtime::simulation sim;
    fake_stream stream(sim.loop.get_executor());
    stream.write_failure = base::error(errc::unavailable, "write: broken pipe");
    stream.end();
    auto got = sim.outcome_after(0s, http::exchange(stream, get(), plenty));
    ASSERT_TRUE(got && !*got);
    EXPECT_EQ(got->error().context(), "write: broken pipe");
}

TEST(exchange, hands_on_a_failed_read)
{
    runtime::simulation sim;
    fake_stream stream(sim.loop.get_executor());
    stream.deliver("HTTP/1.1 200 OK\r\n");
    stream.fail(base::error(errc::unavailable, "read: connection reset by peer"));
    auto got = sim.outcome_after(0s, http::exchange(stream, get(), plenty));
    ASSERT_TRUE(got && !*got);
    EXPECT_EQ(got->error(), errc::unavailable);
    EXPECT_EQ(got->error().context(), "read: connection reset by peer");
}

TEST(exchange, ends_at_its_deadline_whether_it_waits_in_the_read_or_in_both)
{
    for (const bool write_blocks : {false, true}) {
        runtime::simulation sim;
        fake_stream stream(sim.loop.get_executor());
        stream.write_blocks = write_blocks;
        auto work = http::exchange(stream, get(), plenty);
        const auto deadline = sim.clock.now() + 2s;
        auto got =
            sim.outcome_after(2s, runtime::with_deadline(sim.clock, deadline, "ping", std::move(work)));
        ASSERT_TRUE(got && !*got);
        EXPECT_EQ(got->error(), errc::timed_out);
    }
}
