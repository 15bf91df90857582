#include "load/gaps.hpp"
#include "load/histogram.hpp"
#include "load/pattern.hpp"
#include "load/report.hpp"
#include "load/schedule.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace gantryd::load {
namespace {

using namespace std::chrono_literals;
using us = std::chrono::microseconds;

TEST(schedule, spaces_requests_evenly_without_drifting)
{
    const schedule of(1'000, 50);
    EXPECT_EQ(of.due(0), 0ns);
    EXPECT_EQ(of.due(1), 1ms);
    EXPECT_EQ(of.due(3'600'000), 1h);
    EXPECT_EQ(schedule(3, 50).due(3'000'000), 1'000'000s);
}

TEST(schedule, spreads_kept_connections_over_all_requests)
{
    for (const int percent : {0, 1, 33, 50, 99, 100}) {
        const schedule of(1'000, percent);
        int kept = 0;
        for (int i = 0; i < 1'000; ++i) {
            kept += of.keeps_alive(i) ? 1 : 0;
            EXPECT_NEAR(kept, (i + 1) * percent / 100.0, 1) << percent;
        }
        EXPECT_EQ(kept, percent * 10);
    }
}

TEST(histogram, is_empty_at_first)
{
    const histogram of;
    EXPECT_EQ(of.count(), 0);
    EXPECT_EQ(of.percentile(50), us(0));
    EXPECT_EQ(of.largest(), us(0));
}

TEST(histogram, keeps_small_values_exactly)
{
    histogram of;
    for (int i = 1; i <= 100; ++i)
        of.add(us(i));
    EXPECT_EQ(of.percentile(50), us(50));
    EXPECT_EQ(of.percentile(99), us(99));
    EXPECT_EQ(of.percentile(100), us(100));
    EXPECT_EQ(of.percentile(0), us(1));
}

TEST(histogram, is_never_below_a_value_and_at_most_a_64th_above_it)
{
    for (std::int64_t value = 1; value < 100'000'000; value += value / 7 + 1) {
        histogram of;
        of.add(us(value));
        of.add(us(1'000'000'000));
        EXPECT_GE(of.percentile(50).count(), value);
        EXPECT_LE(of.percentile(50).count(), value + value / 64);
    }
}

TEST(histogram, tells_the_few_slow_ones_from_the_many)
{
    histogram of;
    for (int i = 0; i < 990; ++i)
        of.add(1ms);
    for (int i = 0; i < 10; ++i)
        of.add(1s);
    EXPECT_LE(of.percentile(99), us(1'016));
    EXPECT_EQ(of.percentile(99.1), us(1s));
    EXPECT_EQ(of.largest(), us(1s));
}

TEST(gaps, are_those_between_answers)
{
    gaps of;
    for (const auto at : {10ms, 20ms, 50ms, 55ms})
        of.answer(at);
    of.end(60ms);
    EXPECT_EQ(of.longest(), 30ms);
    EXPECT_EQ(of.began(), 20ms);
}

TEST(gaps, are_also_the_waits_for_the_first_answer_and_after_the_last)
{
    gaps late_start;
    late_start.answer(40ms);
    late_start.end(50ms);
    EXPECT_EQ(late_start.longest(), 40ms);
    EXPECT_EQ(late_start.began(), 0ms);

    gaps early_end;
    early_end.answer(1ms);
    early_end.end(500ms);
    EXPECT_EQ(early_end.longest(), 499ms);
    EXPECT_EQ(early_end.began(), 1ms);

    gaps nothing_at_all;
    nothing_at_all.end(10s);
    EXPECT_EQ(nothing_at_all.longest(), 10s);
}

TEST(gaps, may_be_ended_by_an_answer_after_the_last_request_was_due)
{
    gaps of;
    of.answer(5ms);
    of.answer(15ms);
    of.end(10ms);
    EXPECT_EQ(of.longest(), 10ms);
}

TEST(pattern, accepts_its_own_bytes_in_any_pieces)
{
    pattern of(7);
    const auto bytes = of.next(10) + of.next(90);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        pattern again(7);
        again.next(100);
        EXPECT_TRUE(again.accept(bytes.substr(0, cut)));
        EXPECT_TRUE(again.accept(bytes.substr(cut)));
        EXPECT_EQ(again.received(), 100U);
    }
}

TEST(pattern, refuses_a_byte_that_is_changed_missing_doubled_or_not_sent)
{
    pattern source(7);
    const auto bytes = source.next(100);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto changed = bytes;
        changed[i] = static_cast<char>(changed[i] ^ 0x10);
        pattern of(7);
        of.next(100);
        EXPECT_FALSE(of.accept(changed));
        EXPECT_EQ(of.received(), i);
    }
    pattern missing(7);
    missing.next(100);
    EXPECT_FALSE(missing.accept(bytes.substr(0, 50) + bytes.substr(51)));
    pattern doubled(7);
    doubled.next(100);
    EXPECT_FALSE(doubled.accept(bytes.substr(0, 50) + bytes.substr(49)));
    pattern too_many(7);
    too_many.next(99);
    EXPECT_FALSE(too_many.accept(bytes));
}

TEST(pattern, differs_from_stream_to_stream)
{
    pattern of(8);
    of.next(100);
    EXPECT_FALSE(of.accept(pattern(7).next(100)));
}

report good_report()
{
    report of;
    of.requests.sent = 10;
    of.requests.answered = 10;
    of.tcp = {.asked = 2, .opened = 2, .ended = 2, .bytes = 100};
    return of;
}

TEST(verdict, has_nothing_against_a_load_that_lost_nothing)
{
    EXPECT_TRUE(problems_in(good_report()).empty());
}

TEST(verdict, does_not_take_a_load_that_did_nothing_for_a_good_one)
{
    EXPECT_FALSE(problems_in(report{}).empty());
    auto unopened = good_report();
    unopened.tcp.opened = 1;
    EXPECT_FALSE(problems_in(unopened).empty());
    auto silent = good_report();
    silent.tcp.bytes = 0;
    EXPECT_FALSE(problems_in(silent).empty());
}

TEST(verdict, names_every_kind_of_loss)
{
    auto failed = good_report();
    failed.requests.failed[failure::reset] = 1;
    failed.requests.answered = 9;
    ASSERT_EQ(problems_in(failed).size(), 1U);
    EXPECT_EQ(problems_in(failed)[0], "1 of 10 requests failed: reset 1");
    for (auto stream_report::* counter :
        {&stream_report::refused, &stream_report::cut, &stream_report::corrupted, &stream_report::stalled}) {
        auto of = good_report();
        of.tcp.*counter = 1;
        EXPECT_EQ(problems_in(of).size(), 1U);
    }
    auto lost_count = good_report();
    lost_count.requests.answered = 9;
    EXPECT_FALSE(problems_in(lost_count).empty());
}

TEST(report, is_a_table_and_json_with_the_same_numbers)
{
    auto of = good_report();
    of.requests.versions["v1"] = {10, 1ms, 2'500ms};
    of.requests.failed[failure::status] = 3;
    of.requests.longest_gap = 12'500us;
    of.failures = {"at 1 ms: something"};
    const auto table = table_of(of);
    EXPECT_NE(table.find("\nfailed                     3  status 3\n"), std::string::npos) << table;
    EXPECT_NE(table.find("\nseen v1                   10  from 0.001 s to 2.500 s\n"), std::string::npos)
        << table;
    EXPECT_NE(table.find("\nfailure at 1 ms: something\n"), std::string::npos) << table;
    const auto json = boost::json::parse(json_of(of));
    EXPECT_EQ(json.at_pointer("/requests/failed/status").as_int64(), 3);
    EXPECT_EQ(json.at_pointer("/requests/versions/v1/lastMs").as_int64(), 2'500);
    EXPECT_EQ(json.at_pointer("/requests/longestGapMs").as_double(), 12.5);
    EXPECT_EQ(json.at_pointer("/streams/tcp/bytes").as_int64(), 100);
    EXPECT_EQ(json.at_pointer("/failures/0").as_string(), "at 1 ms: something");
}

TEST(report, takes_up_that_of_a_load_that_followed)
{
    report first;
    first.took = 2s;
    first.requests.sent = 3;
    first.requests.answered = 2;
    first.requests.failed[failure::reset] = 1;
    first.requests.latency.add(us(100));
    first.requests.longest_gap = 40ms;
    first.requests.longest_gap_at = 1s;
    first.requests.versions["v0"] = {2, 0ms, 1'900ms};
    first.failures = {"at 1 ms: something"};
    report next = good_report();
    next.took = 3s;
    next.requests.failed[failure::reset] = 2;
    next.requests.latency.add(us(90'000));
    next.requests.longest_gap = 50ms;
    next.requests.longest_gap_at = 500ms;
    next.requests.versions = {{"v0", {1, 10ms, 10ms}}, {"v1", {9, 20ms, 2'500ms}}};
    auto all = first;
    all.add(next);
    EXPECT_EQ(all.took, 5s);
    EXPECT_EQ(all.requests.sent, 3 + next.requests.sent);
    EXPECT_EQ(all.requests.answered, 2 + next.requests.answered);
    EXPECT_EQ(all.requests.all_failed(), 3);
    EXPECT_EQ(all.requests.latency.count(), next.requests.latency.count() + 1);
    EXPECT_EQ(all.requests.latency.percentile(0), us(100));
    EXPECT_EQ(all.requests.latency.largest(), us(90'000));
    EXPECT_EQ(all.requests.longest_gap, 50ms);
    EXPECT_EQ(all.requests.longest_gap_at, 2'500ms);
    EXPECT_EQ(all.requests.versions.at("v0").answers, 3);
    EXPECT_EQ(all.requests.versions.at("v0").first, 0ms);
    EXPECT_EQ(all.requests.versions.at("v0").last, 2'010ms);
    EXPECT_EQ(all.requests.versions.at("v1").first, 2'020ms);
    EXPECT_EQ(all.tcp.bytes, next.tcp.bytes);
    EXPECT_EQ(all.failures, first.failures);
    // What follows and is shorter leaves the longer gap where it was.
    first.add(report{});
    EXPECT_EQ(first.requests.longest_gap_at, 1s);
}

}  // namespace
}  // namespace gantryd::load
