#include "event_log.hpp"

#include "machine.hpp"
#include "moody_store.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>
#include <gantryd/runtime/task_scope.hpp>

#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

namespace gantryd::daemon {
namespace {

using texts = std::vector<std::string>;

boost::asio::awaitable<bool> joined(runtime::task_scope& tasks)
{
    co_await tasks.join();
    co_return true;
}

class the_event_log : public ::testing::Test {
protected:
    void TearDown() override { end(); }

    void begin()
    {
        log_.emplace(kept, sim.clock, logger_, event_log::identity{shop, m1}, sim.loop.get_executor());
        tasks_.emplace(sim.loop.get_executor());
        tasks_->spawn("events", log_->write_behind());
    }
    /// As when the daemon is told to end.
    void end()
    {
        if (!tasks_)
            return;
        auto stop = [this] { tasks_->stop(); };
        boost::asio::post(sim.loop, stop);
        EXPECT_TRUE(sim.outcome_after(2s, joined(*tasks_)));
        tasks_.reset();
        log_.reset();
    }
    void happens(const std::string& text)
    {
        model::event event;
        event.at = sim.clock.wall_now();
        event.code = "instance_ready";
        event.text = text;
        log_->add(std::move(event));
    }
    void happen(int from, int to)
    {
        for (int i = from; i <= to; ++i)
            happens(std::to_string(i));
    }
    std::vector<std::pair<std::int64_t, model::event>> stored()
    {
        const auto all =
            *sim.outcome_after(0ms, kept.list(records::events_prefix(shop), sim.clock.now() + 1s));
        std::vector<std::pair<std::int64_t, model::event>> out;
        for (const auto& pair : all->pairs)
            out.emplace_back(records::parse_event_key(shop, pair.key)->sequence,
                records::decode_event(pair.value).value());
        return out;
    }
    texts stored_texts()
    {
        texts out;
        for (const auto& [number, event] : stored())
            out.push_back(event.text);
        return out;
    }

    const model::project_name shop{"shop"};
    const model::machine_id m1{"m1"};
    runtime::simulation sim;
    moody_store kept{sim.clock};
    kept_log lines;

private:
    base::logger logger_{lines, base::log_level::debug};
    std::optional<event_log> log_;
    std::optional<runtime::task_scope> tasks_;
};

TEST_F(the_event_log, numbers_events_and_writes_many_at_once)
{
    begin();
    happen(1, 40);
    sim.clock.advance(1s);
    const auto all = stored();
    ASSERT_EQ(all.size(), 40U);
    EXPECT_EQ(all.front().first, 1);
    EXPECT_EQ(all.back().first, 40);
    EXPECT_EQ(all.back().second.text, "40");
    EXPECT_EQ(all.back().second.machine, m1);
    EXPECT_EQ(kept.commits, 1);
}

TEST_F(the_event_log, counts_on_after_a_restart)
{
    begin();
    happen(1, 3);
    end();
    begin();
    happens("after");
    sim.clock.advance(1s);
    const auto all = stored();
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all.back().first, 4);
    EXPECT_EQ(all.back().second.text, "after");
}

TEST_F(the_event_log, keeps_the_newest_thousand)
{
    begin();
    for (int i = 1; i <= 2500; i += 100) {
        happen(i, i + 99);
        sim.clock.advance(2s);
        EXPECT_LE(stored().size(), event_log::most_kept);
    }
    const auto all = stored();
    ASSERT_EQ(all.size(), event_log::most_kept);
    EXPECT_EQ(all.front().first, 1501);
    EXPECT_EQ(all.back().first, 2500);
    end();
    begin();
    happens("one more");
    sim.clock.advance(1s);
    EXPECT_EQ(stored().size(), event_log::most_kept);
    EXPECT_EQ(stored().front().first, 1502);
}

TEST_F(the_event_log, waits_for_a_store_that_is_away)
{
    kept.refuses_writes = base::error(base::errc::unavailable, "no room");
    kept.refuses_reads = kept.refuses_writes;
    begin();
    happen(1, 70);
    sim.clock.advance(60s);
    happen(71, 80);
    kept.refuses_reads.reset();
    sim.clock.advance(60s);
    kept.refuses_writes.reset();
    sim.clock.advance(10s);
    const auto all = stored_texts();
    ASSERT_EQ(all.size(), 80U);
    EXPECT_EQ(all.front(), "1");
    EXPECT_EQ(all.back(), "80");
    EXPECT_EQ(lines.count(base::log_level::warning, "events cannot be written"), 1U);
}

TEST_F(the_event_log, says_how_many_it_could_not_keep)
{
    kept.refuses_writes = base::error(base::errc::unavailable, "no room");
    begin();
    happen(1, 1207);
    sim.clock.advance(60s);
    kept.refuses_writes.reset();
    sim.clock.advance(30s);
    const auto all = stored();
    ASSERT_EQ(all.size(), event_log::most_kept);
    EXPECT_EQ(all.back().second.text, "1207");
    EXPECT_EQ(all.back().first, 1001) << "1000 and the one that tells of the loss";
    happens("x");
    sim.clock.advance(1s);
    EXPECT_EQ(std::ranges::count_if(stored(), [](auto& e) { return e.second.code == "events_lost"; }), 0)
        << "it was the oldest, and told once";
}

TEST_F(the_event_log, loses_and_repeats_nothing_that_overflows_during_a_write)
{
    kept.latency = 100ms;
    begin();
    happen(1, 1000);
    sim.clock.advance(50ms);  // the first 50 are being written
    happen(1001, 1030);
    sim.clock.advance(60s);
    std::vector<int> seen;
    for (const auto& text : stored_texts())
        seen.push_back(std::stoi(text));
    EXPECT_TRUE(std::ranges::is_sorted(seen));
    EXPECT_TRUE(std::ranges::adjacent_find(seen) == seen.end()) << "told twice";
    ASSERT_EQ(seen.size(), event_log::most_kept);
    EXPECT_EQ(seen.front(), 31);
    EXPECT_EQ(seen.back(), 1030);
}

TEST_F(the_event_log, does_not_write_over_what_somebody_put_back)
{
    begin();
    happens("a");
    sim.clock.advance(1s);
    store::transaction restored;
    restored.operations.push_back({store::operation::kind::put, records::event_key(shop, m1, 2),
        R"({"at":"2026-11-21T12:00:00Z","code":"x","text":"old"})", {}});
    ASSERT_TRUE(sim.outcome_after(0ms, kept.commit(std::move(restored), sim.clock.now() + 1s)));
    happens("b");
    sim.clock.advance(20s);
    EXPECT_EQ(stored_texts(), (texts{"a", "old", "b"}));
}

TEST_F(the_event_log, does_not_count_on_from_a_number_that_has_no_next_one)
{
    store::transaction hostile;
    hostile.operations.push_back(
        {store::operation::kind::put, records::events_prefix(shop, m1) + "9223372036854775807", "x", {}});
    ASSERT_TRUE(sim.outcome_after(0ms, kept.commit(std::move(hostile), sim.clock.now() + 1s)));
    begin();
    happens("a");
    sim.clock.advance(1s);
    const auto all = *sim.outcome_after(0ms, kept.list(records::events_prefix(shop), sim.clock.now() + 1s));
    ASSERT_EQ(all->pairs.size(), 2U);
    EXPECT_EQ(all->pairs.front().key, records::event_key(shop, m1, 1));
}

TEST_F(the_event_log, writes_what_is_left_when_it_is_told_to_end)
{
    begin();
    happens("first");
    sim.clock.advance(50ms);
    happens("last words");  // within the pause between two writes
    end();
    EXPECT_EQ(stored_texts(), (texts{"first", "last words"}));
}

}  // namespace
}  // namespace gantryd::daemon
