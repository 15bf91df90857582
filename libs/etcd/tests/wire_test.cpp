#include "answers.hpp"
#include "refusal.hpp"
#include "requests.hpp"
#include "samples.hpp"

#include <gtest/gtest.h>

#include <random>
#include <utility>

namespace gantryd::etcd {
namespace {

using base::errc;
using store::key_value;
using store::lease_id;
using store::revision;
using namespace std::chrono_literals;

const header from_34{15118495548433857066U, 13668033151171901709U, revision{2}, 2};
const header from_2{324952591200643719U, 3319814642761637952U, revision{2}, 2};

TEST(answers, zeros_that_were_left_out_are_read)
{
    for (const auto& [text, from] :
        {std::pair(samples::range, from_34), std::pair(samples::range_2, from_2)}) {
        const auto found = decode_range(text);
        ASSERT_TRUE(found) << found.error().context();
        EXPECT_EQ(found->from, from);
        EXPECT_EQ(found->pairs, (std::vector<key_value>{{"a", "1", revision{2}, revision{2}, lease_id{}}}));
        EXPECT_EQ(found->count, 1);
    }
    for (const auto* text : {samples::range_of_nothing, samples::range_of_nothing_2}) {
        const auto missing = decode_range(text);
        ASSERT_TRUE(missing);
        EXPECT_TRUE(missing->pairs.empty());
        EXPECT_EQ(missing->count, 0);
    }
}

TEST(answers, a_transaction_without_succeeded_has_not)
{
    for (const auto* text : {samples::commit, samples::commit_2}) {
        const auto done = decode_commit(text);
        ASSERT_TRUE(done);
        EXPECT_TRUE(done->succeeded);
        EXPECT_EQ(done->from.at, revision{2});
    }
    for (const auto* text : {samples::commit_that_failed, samples::commit_that_failed_2}) {
        const auto refused = decode_commit(text);
        ASSERT_TRUE(refused);
        EXPECT_FALSE(refused->succeeded);
        ASSERT_EQ(refused->read.size(), 1u);
        EXPECT_EQ(refused->read[0].key, "a");
        EXPECT_EQ(refused->read[0].modified, revision{2});
    }
}

TEST(answers, a_lease_without_a_ttl_is_dead)
{
    const auto granted = decode_grant(samples::grant);
    ASSERT_TRUE(granted);
    EXPECT_EQ(granted->lease, lease_id{4111120151791677704});
    EXPECT_EQ(granted->ttl, 2s);
    EXPECT_EQ(decode_grant(samples::grant_2)->lease, lease_id{2324035531602530825});
    const auto alive = decode_keep_alive(samples::keep_alive);
    ASSERT_TRUE(alive);
    EXPECT_EQ(std::get<lease_answer>(*alive).ttl, 5s);
    for (const auto* text : {samples::keep_alive_of_the_dead, samples::keep_alive_of_the_dead_2}) {
        const auto dead = decode_keep_alive(text);
        ASSERT_TRUE(dead);
        EXPECT_EQ(std::get<lease_answer>(*dead).ttl, 0s);
    }
    for (const auto* text : {samples::stream_refusal, samples::stream_refusal_2}) {
        const auto refused = decode_keep_alive(text);
        ASSERT_TRUE(refused);
        EXPECT_EQ(verdict_on(std::get<refusal>(*refused)), verdict::not_done);
    }
    EXPECT_FALSE(decode_grant(R"({"header":{}})")) << "a lease of no number";
}

TEST(answers, numbers_may_be_numbers_and_spaces_may_stand_anywhere)
{
    const auto found = decode_range(
        R"({ "header": { "revision": 7, "cluster_id": "1" }, "kvs": [ { "key": "YQ==", "mod_revision": 7 } ] })");
    ASSERT_TRUE(found) << found.error().context();
    EXPECT_EQ(found->from.at, revision{7});
    EXPECT_EQ(found->pairs.at(0).modified, revision{7});
    EXPECT_EQ(found->pairs.at(0).value, "");
}

TEST(answers, what_makes_no_sense_is_malformed)
{
    for (const auto* bad : {"", "[]", "7", "{", R"({"kvs":7})", R"({"kvs":[7]})", R"({"kvs":[{"key":"*"}]})",
             R"({"kvs":[{"key":7}]})", R"({"header":{"revision":"x"}})", R"({"header":{"revision":""}})",
             R"({"header":{"revision":"99999999999999999999"}})", R"({"header":[]})", R"({"count":true})"}) {
        const auto found = decode_range(bad);
        EXPECT_TRUE(!found && found.error() == errc::malformed) << bad;
    }
    EXPECT_FALSE(decode_token(R"({"token":"a\r\nHost: b"})")) << "a token becomes a header";
    EXPECT_FALSE(decode_token("{}"));
    EXPECT_EQ(decode_token(R"({"header":{},"token":"abc.9"})"), "abc.9");
}

TEST(watch_frames, of_every_kind)
{
    const auto created = decode_watch_frame(samples::watch_created);
    ASSERT_TRUE(created);
    EXPECT_TRUE(created->is_created && !created->is_cancelled && created->changes.empty());
    EXPECT_EQ(created->watch, 7);

    const auto changes = decode_watch_frame(samples::watch_changes);
    ASSERT_TRUE(changes);
    ASSERT_EQ(changes->changes.size(), 2u);
    EXPECT_FALSE(changes->changes[0].erased);
    EXPECT_EQ(changes->changes[0].pair, (key_value{"a", "1", revision{2}, revision{2}, lease_id{}}));
    EXPECT_TRUE(changes->changes[1].erased);
    EXPECT_EQ(changes->changes[1].pair.key, "foo");
    EXPECT_EQ(changes->changes[1].pair.modified, revision{9});

    const auto progress = decode_watch_frame(samples::watch_progress);
    ASSERT_TRUE(progress);
    EXPECT_TRUE(!progress->is_created && progress->changes.empty());
    EXPECT_EQ(progress->from.at, revision{27});

    const auto compacted = decode_watch_frame(samples::watch_compacted);
    ASSERT_TRUE(compacted);
    EXPECT_TRUE(compacted->is_cancelled);
    EXPECT_EQ(compacted->compacted, revision{19});
    EXPECT_EQ(decode_watch_frame(samples::watch_compacted_2)->compacted, revision{3});

    const auto refused = decode_watch_frame(samples::watch_refused);
    ASSERT_TRUE(refused);
    EXPECT_TRUE(refused->is_cancelled && asks_for_login(refused->reason));
    EXPECT_EQ(refused->watch, -1);

    for (const auto* ended :
        {samples::stream_refusal, samples::stream_refusal_2, samples::stream_refusal_36}) {
        const auto end = decode_watch_frame(ended);
        ASSERT_TRUE(end && end->stream_ended) << ended;
        EXPECT_EQ(end->stream_ended->code, 14);
        EXPECT_EQ(end->stream_ended->message, "etcdserver: no leader");
    }
}

struct expectation {
    int status;
    const char* body;
    verdict what;
    errc code;
};

TEST(refusals, of_all_versions_say_the_same)
{
    for (const auto& one :
        {
            expectation{404, samples::no_such_lease, verdict::final, errc::not_found},
            expectation{404, samples::no_such_lease_2, verdict::final, errc::not_found},
            expectation{503, R"({"error":"x","message":"etcdserver: no leader","code":14})",
                verdict::not_done, errc::unavailable},
            expectation{503, samples::no_leader_2, verdict::not_done, errc::unavailable},
            expectation{503, samples::request_timed_out_2, verdict::unknown, errc::unavailable},
            expectation{504, samples::deadline_exceeded_2, verdict::unknown, errc::timed_out},
            expectation{400, samples::range_compacted_2, verdict::final, errc::compacted},
            expectation{400, samples::key_twice_2, verdict::final, errc::rejected},
            expectation{503,
                R"({"message":"etcdserver: request timed out, possibly due to previous leader failure","code":14})",
                verdict::unknown, errc::unavailable},
            expectation{504, R"({"message":"context deadline exceeded","code":4})", verdict::unknown,
                errc::timed_out},
            expectation{500, R"({"message":"context deadline exceeded","code":2})", verdict::unknown,
                errc::unavailable},
            expectation{401, R"({"message":"etcdserver: invalid auth token","code":16})",
                verdict::needs_login, errc::rejected},
            expectation{400, R"({"message":"etcdserver: user name is empty","code":3})", verdict::needs_login,
                errc::rejected},
            expectation{400,
                R"({"message":"etcdserver: authentication failed, invalid user ID or password","code":3})",
                verdict::final, errc::rejected},
            expectation{403, R"({"message":"etcdserver: permission denied","code":7})", verdict::final,
                errc::rejected},
            expectation{400, R"({"message":"etcdserver: request is too large","code":3})", verdict::final,
                errc::limit_exceeded},
            expectation{429,
                R"x({"message":"grpc: received message larger than max (3000000 vs. 2097152)","code":8})x",
                verdict::final, errc::limit_exceeded},
            expectation{429, R"({"message":"etcdserver: mvcc: database space exceeded","code":8})",
                verdict::final, errc::unavailable},
            expectation{429, R"({"message":"etcdserver: too many requests","code":8})", verdict::not_done,
                errc::unavailable},
            expectation{400,
                R"({"message":"etcdserver: mvcc: required revision has been compacted","code":11})",
                verdict::final, errc::compacted},
            expectation{404, "404 page not found\n", verdict::final, errc::rejected},
            expectation{502, "<html>Bad Gateway</html>", verdict::unknown, errc::unavailable},
            expectation{401, "", verdict::needs_login, errc::unavailable},
        }) {
        const auto no = decode_refusal(one.status, one.body);
        EXPECT_EQ(static_cast<int>(verdict_on(no)), static_cast<int>(one.what)) << one.body;
        EXPECT_EQ(as_error(no).code(), one.code) << one.body;
        EXPECT_FALSE(as_error(no).context().empty());
    }
}

TEST(refusals, are_one_short_line)
{
    const auto no = decode_refusal(500, "a\n\x1b[31mb" + std::string(10'000, 'x'));
    EXPECT_EQ(no.message.find_first_of("\n\x1b"), std::string::npos);
    EXPECT_LE(no.message.size(), 300u);
}

TEST(requests, are_what_the_gateway_reads)
{
    EXPECT_EQ(encode_get("foo"), R"({"key":"Zm9v"})");
    EXPECT_EQ(encode_list("foo"), R"({"key":"Zm9v","range_end":"Zm9w"})");
    EXPECT_EQ(encode_list(""), R"({"key":"AA==","range_end":"AA=="})") << "everything";
    EXPECT_EQ(encode_list("\xff"), R"({"key":"/w==","range_end":"AA=="})") << "all that follow";
    EXPECT_EQ(encode_look("foo"), R"({"key":"Zm9v","range_end":"Zm9w","count_only":true})");
    EXPECT_EQ(encode_lease(lease_id{77}), R"({"ID":"77"})");
    EXPECT_EQ(encode_grant(15s), R"({"TTL":"15"})");
    EXPECT_EQ(encode_login("a\"b", "\\"), R"({"name":"a\"b","password":"\\"})");

    store::transaction what;
    what.conditions.push_back({"a", store::compare::target::created, revision{}});
    what.conditions.push_back({"b", store::compare::target::modified, revision{7}});
    what.operations.push_back({store::operation::kind::put, "a", "1", lease_id{77}});
    what.operations.push_back({store::operation::kind::erase, "b", "", {}});
    EXPECT_EQ(encode_commit(what),
        R"({"compare":[{"key":"YQ==","target":"CREATE","result":"EQUAL","create_revision":"0"},)"
        R"({"key":"Yg==","target":"MOD","result":"EQUAL","mod_revision":"7"}],)"
        R"("success":[{"request_put":{"key":"YQ==","value":"MQ==","lease":"77"}},)"
        R"({"request_delete_range":{"key":"Yg=="}}],)"
        R"("failure":[{"request_range":{"key":"YQ==","keys_only":true}},)"
        R"({"request_range":{"key":"Yg==","keys_only":true}}]})");

    EXPECT_EQ(encode_watch({{1, "a/", revision{6}}, {2, "b/", revision{}}}),
        R"({"create_request":{"key":"YS8=","range_end":"YTA=","watch_id":"1","start_revision":"7",)"
        R"("progress_notify":true,"fragment":true}})"
        "\n"
        R"({"create_request":{"key":"Yi8=","range_end":"YjA=","watch_id":"2","start_revision":"1",)"
        R"("progress_notify":true,"fragment":true}})"
        "\n");
}

/// Whatever comes over the wire, every decoder gives an answer or an error.
TEST(decoders, survive_any_damage)
{
    const auto seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for (const std::string original : samples::all) {
        for (int i = 0; i < 2000; ++i) {
            auto text = original;
            for (int damage = 0; damage < 3; ++damage) {
                const auto at = random() % text.size();
                if (random() % 2 == 0)
                    text[at] = static_cast<char>(random() % 256);
                else
                    text.erase(at, random() % 8);
                if (text.empty())
                    text = "{";
            }
            const auto frame = decode_watch_frame(text);
            EXPECT_TRUE(frame || frame.error() == errc::malformed);
            const auto range = decode_range(text);
            EXPECT_TRUE(range || range.error() == errc::malformed);
            const auto commit = decode_commit(text);
            EXPECT_TRUE(commit || commit.error() == errc::malformed);
            const auto audit = decode_audit(text);
            EXPECT_TRUE(audit || audit.error() == errc::malformed);
            const auto lease = decode_keep_alive(text);
            EXPECT_TRUE(lease || lease.error() == errc::malformed);
            (void)as_error(decode_refusal(400, text));
        }
    }
}

}  // namespace
}  // namespace gantryd::etcd
