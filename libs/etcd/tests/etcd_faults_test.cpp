#include "moody_proxy.hpp"
#include "real_etcd.hpp"

#include <gantryd/runtime/task_scope.hpp>

#include <boost/asio/this_coro.hpp>

#include <set>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace gantryd::etcd {
namespace {

using base::errc;
using etcd_testing::cluster;
using etcd_testing::cluster_options;

cluster_options three()
{
    cluster_options out;
    out.members = 3;
    return out;
}

class three_members : public real_etcd {
protected:
    /// Commits number after number until told to stop, and keeps what became of each.
    struct writer {
        bool stop = false;
        std::set<int> written;
        std::set<int> unknown;
        int refused = 0;
    };

    asio::awaitable<void> write_numbers(store::store& with, writer& to)
    {
        for (int i = 0; !to.stop; ++i) {
            const auto done = co_await put(with, "k/number", std::to_string(i), 5s);
            if (done)
                to.written.insert(i);
            else if (done.error() == errc::timed_out)
                to.unknown.insert(i);
            else
                ++to.refused;
            co_await pass(10ms);
        }
    }

    /// Reads on until the key "k/end" comes. Watchers that are told that etcd is away are made anew.
    asio::awaitable<void> read_numbers(store::store& with, store::revision after, std::vector<int>& to)
    {
        auto from = with.watch("k/", after);
        for (;;) {
            auto seen = co_await next(*from, 60s);
            if (!seen) {
                EXPECT_EQ(seen.error().code(), errc::unavailable) << seen.error().context();
                if (seen.error() != errc::unavailable)
                    co_return;
                from = with.watch("k/", after);
                continue;
            }
            for (const auto& one : *seen) {
                EXPECT_GT(one.pair.modified, after) << "repeated or out of order";
                after = one.pair.modified;
                if (one.pair.key == "k/end")
                    co_return;
                to.push_back(std::stoi(one.pair.value));
            }
        }
    }

    /// Writes and watches while `fault` happens: nothing that was written may be missed, and nothing may be
    /// seen twice or out of order.
    void loses_nothing_while(asio::awaitable<void> fault, writer& numbers)
    {
        loop->run(write_and_watch(std::move(fault), numbers), 110s);
    }

    asio::awaitable<void> write_and_watch(asio::awaitable<void> fault, writer& numbers)
    {
        const auto start = co_await must_list(*client, "k/");
        std::vector<int> seen;
        runtime::task_scope tasks(co_await asio::this_coro::executor);
        tasks.spawn("writer", write_numbers(*client, numbers));
        tasks.spawn("reader", read_numbers(*client, start.at, seen));
        co_await pass(500ms);
        co_await std::move(fault);
        numbers.stop = true;
        while (tasks.size() > 1)
            co_await pass(10ms);
        (void)co_await must_put(*client, "k/end", "");
        co_await tasks.join();
        for (const auto number : seen) {
            EXPECT_TRUE(numbers.written.erase(number) + numbers.unknown.erase(number) == 1)
                << number << " was not written";
        }
        EXPECT_TRUE(numbers.written.empty()) << numbers.written.size() << " were missed";
    }

    /// Until that many more numbers are written.
    asio::awaitable<void> more_written(writer& numbers, std::size_t more)
    {
        const auto enough = numbers.written.size() + more;
        const auto until = in(40s);
        while (numbers.written.size() < enough && loop->clock().now() < until)
            co_await pass(10ms);
        EXPECT_GE(numbers.written.size(), enough);
    }

    cluster members{three()};
    std::unique_ptr<store::store> client = open_at(members.endpoints());

    asio::awaitable<void> kill_leader(writer& numbers)
    {
        const auto leader = members.leader();
        members.kill(leader);
        co_await more_written(numbers, 20);
        members.start(leader);
        co_await more_written(numbers, 20);
    }

    asio::awaitable<void> kill_each(writer& numbers)
    {
        for (std::size_t i = 0; i < members.size(); ++i) {
            members.kill(i);
            co_await more_written(numbers, 20);
            members.start(i);
            (void)members.leader();
            co_await pass(2s);
        }
    }

    asio::awaitable<void> pause_each(writer& numbers)
    {
        for (std::size_t i = 0; i < members.size(); ++i) {
            members.pause(i);
            co_await more_written(numbers, 20);
            members.resume(i);
            co_await pass(2s);
        }
    }

    asio::awaitable<void> lose_quorum(writer& numbers)
    {
        members.kill(0);
        members.kill(1);
        co_await pass(2s);
        const auto before = numbers.written.size();
        const auto begun = loop->clock().now();
        const auto read = co_await client->get("k/number", in(3s));
        EXPECT_FALSE(read) << "a question was answered without a quorum";
        EXPECT_LT(loop->clock().now() - begun, 10s);
        co_await pass(10s);  // longer than watchers wait
        EXPECT_EQ(numbers.written.size(), before);
        EXPECT_GT(numbers.refused + static_cast<int>(numbers.unknown.size()), 0);
        members.start(0);
        members.start(1);
        co_await more_written(numbers, 20);
    }
};

TEST_F(three_members, lose_nothing_when_the_leader_is_killed)
{
    writer numbers;
    loses_nothing_while(kill_leader(numbers), numbers);
}

TEST_F(three_members, lose_nothing_when_one_after_the_other_is_killed)
{
    writer numbers;
    loses_nothing_while(kill_each(numbers), numbers);
}

TEST_F(three_members, lose_nothing_when_one_after_the_other_is_frozen)
{
    writer numbers;
    loses_nothing_while(pause_each(numbers), numbers);
}

TEST_F(three_members, lose_nothing_when_the_quorum_is_lost_and_comes_back)
{
    writer numbers;
    loses_nothing_while(lose_quorum(numbers), numbers);
}

/// A client behind a proxy, and one beside it.
class behind_a_proxy : public real_etcd {
protected:
    asio::awaitable<void> setup()
    {
        const auto ex = co_await asio::this_coro::executor;
        proxy = std::make_unique<moody_proxy>(ex, members.port(0));
        client = open_at(proxy->endpoint());
        beside = open_at(members.endpoints());
        const auto start = co_await must_list(*client, "k/");
        watch = client->watch("k/", start.at);
        (void)co_await must_put(*beside, "k/a", "1");
        const auto first = co_await next(*watch);
        EXPECT_EQ(words_of(first), "k/a=1");
    }

    asio::awaitable<void> put_later(runtime::duration after, std::string key, std::string value)
    {
        co_await pass(after);
        (void)co_await must_put(*beside, std::move(key), std::move(value));
    }

    asio::awaitable<void> stalled()
    {
        co_await setup();
        proxy->swallow();
        (void)co_await must_put(*beside, "k/b", "2");
        (void)co_await must_put(*beside, "k/a", "3");
        const auto seen = co_await next(*watch);
        EXPECT_EQ(words_of(seen), "k/b=2 k/a=3");
        co_await proxy->end();
    }

    asio::awaitable<void> stalled_before_an_erase()
    {
        co_await setup();
        runtime::task_scope tasks(co_await asio::this_coro::executor);
        tasks.spawn("later", put_later(6s, "k/x", "x"));  // audits have looked twice by then
        const auto before = co_await next(*watch);
        EXPECT_EQ(words_of(before), "k/x=x");
        co_await tasks.join();
        proxy->swallow();
        store::transaction what;
        what.operations.push_back({store::operation::kind::erase, "k/a", "", {}});
        const auto done = co_await beside->commit(std::move(what), in(5s));
        EXPECT_TRUE(done);
        const auto seen = co_await next(*watch);
        EXPECT_EQ(words_of(seen), "-k/a");
        co_await proxy->end();
    }

    asio::awaitable<void> quiet()
    {
        co_await setup();
        const auto before = proxy->connections;
        const auto seen = co_await next(*watch, 9s);
        EXPECT_TRUE(!seen && seen.error() == errc::timed_out) << words_of(seen);
        // One audit in two to three seconds of silence, and nothing else.
        EXPECT_LE(proxy->connections - before, 6);
        EXPECT_GE(proxy->connections - before, 2);
        co_await proxy->end();
    }

    asio::awaitable<void> resumed()
    {
        co_await setup();
        proxy->cut();
        (void)co_await must_put(*beside, "k/b", "2");
        runtime::task_scope tasks(co_await asio::this_coro::executor);
        tasks.spawn("heal", heal_later(2s));
        const auto seen = co_await next(*watch);
        EXPECT_EQ(words_of(seen), "k/b=2");
        co_await tasks.join();
        co_await proxy->end();
    }

    asio::awaitable<void> heal_later(runtime::duration after)
    {
        co_await pass(after);
        proxy->heal();
    }

    asio::awaitable<void> away()
    {
        co_await setup();
        proxy->cut();
        const auto seen = co_await next(*watch, 60s);
        EXPECT_TRUE(!seen && seen.error() == errc::unavailable) << words_of(seen);
        const auto read = co_await client->get("k/a", in(2s));
        EXPECT_TRUE(!read && read.error() == errc::unavailable);
        const auto written = co_await put(*client, "k/a", "9", 2s);
        EXPECT_FALSE(written);
        proxy->heal();
        const auto now = co_await must_list(*client, "k/");
        watch = client->watch("k/", now.at);
        (void)co_await must_put(*beside, "k/c", "3");
        const auto after = co_await next(*watch);
        EXPECT_EQ(words_of(after), "k/c=3");
        co_await proxy->end();
    }

    asio::awaitable<void> compacted()
    {
        co_await setup();
        proxy->cut();
        (void)co_await must_put(*beside, "k/b", "2");
        (void)co_await must_put(*beside, "k/b", "3");
        members.compact();
        proxy->heal();
        const auto seen = co_await next(*watch);
        EXPECT_TRUE(!seen && seen.error() == errc::compacted) << words_of(seen);
        const auto listed = co_await must_list(*client, "k/");
        EXPECT_EQ(listed.pairs.size(), 2u);
        watch = client->watch("k/", listed.at);
        (void)co_await must_put(*beside, "k/b", "4");
        const auto after = co_await next(*watch);
        EXPECT_EQ(words_of(after), "k/b=4");
        co_await proxy->end();
    }

    /// What goes over the wire is one stream, however many watch.
    asio::awaitable<void> shared()
    {
        co_await setup();
        const auto at = (co_await must_list(*client, "k/")).at;
        const auto second = client->watch("k/", at);
        const auto third = client->watch("k/", at);
        const auto before = proxy->connections;
        (void)co_await must_put(*beside, "k/b", "2");
        for (const auto* each : {watch.get(), second.get(), third.get()}) {
            const auto seen = co_await next(const_cast<store::watcher&>(*each));
            EXPECT_EQ(words_of(seen), "k/b=2");
        }
        EXPECT_EQ(proxy->connections, before);
        co_await proxy->end();
    }

    /// What nobody watches any more does not go over the wire for long.
    asio::awaitable<void> abandoned()
    {
        co_await setup();
        const auto start = co_await must_list(*client, "large/");
        auto second = client->watch("large/", start.at);
        const std::string much(100'000, 'x');
        (void)co_await must_put(*beside, "large/a", much);
        auto seen = co_await next(*second);
        EXPECT_TRUE(seen && seen->size() == 1);
        second.reset();
        const auto nothing =
            co_await next(*watch, 5s);  // an audit comes after two to three seconds of silence
        EXPECT_TRUE(!nothing && nothing.error() == errc::timed_out) << words_of(nothing);
        const auto before = proxy->bytes_to_client;
        (void)co_await must_put(*beside, "large/a", much);
        (void)co_await must_put(*beside, "k/b", "2");
        seen = co_await next(*watch);
        EXPECT_EQ(words_of(seen), "k/b=2");
        EXPECT_LT(proxy->bytes_to_client - before, much.size());
        co_await proxy->end();
    }

    cluster members;
    std::unique_ptr<moody_proxy> proxy;
    std::unique_ptr<store::store> client;
    std::unique_ptr<store::store> beside;
    std::unique_ptr<store::watcher> watch;
};

TEST_F(behind_a_proxy, a_watch_that_stalls_silently_is_noticed) { loop->run(stalled()); }
TEST_F(behind_a_proxy, a_stall_is_noticed_by_an_erase_alone) { loop->run(stalled_before_an_erase()); }
TEST_F(behind_a_proxy, a_silent_watch_that_is_well_is_left_alone) { loop->run(quiet()); }
TEST_F(behind_a_proxy, a_watch_goes_on_where_its_connection_was_cut) { loop->run(resumed()); }
TEST_F(behind_a_proxy, an_outage_is_told_and_ends) { loop->run(away(), 110s); }
TEST_F(behind_a_proxy, a_compaction_while_disconnected_asks_for_a_new_list) { loop->run(compacted()); }
TEST_F(behind_a_proxy, watchers_of_one_prefix_share_the_stream) { loop->run(shared()); }
TEST_F(behind_a_proxy, what_nobody_watches_any_more_is_not_told) { loop->run(abandoned()); }

class restored : public real_etcd {
protected:
    asio::awaitable<void> put_back(std::string token)
    {
        (void)co_await must_put(*client, "k/kept", "1");
        const auto saved = members.save();
        const auto lost = co_await must_put(*client, "k/lost", "1");
        const auto watch = client->watch("k/", lost);
        runtime::task_scope tasks(co_await asio::this_coro::executor);
        base::result<std::vector<store::change>> seen = std::vector<store::change>();
        tasks.spawn("watch", keep(*watch, seen));
        co_await pass(500ms);
        members.restore(saved, token);
        co_await tasks.join();
        EXPECT_TRUE(!seen && (seen.error() == errc::compacted || seen.error() == errc::unavailable))
            << words_of(seen);

        const auto now = co_await must_list(*client, "k/");
        EXPECT_EQ(now.pairs.size(), 1u);
        EXPECT_LT(now.at, lost);
        const auto old = client->watch("k/", lost);
        const auto refused = co_await next(*old);
        EXPECT_TRUE(!refused && refused.error() == errc::compacted) << words_of(refused);
        const auto anew = client->watch("k/", now.at);
        (void)co_await must_put(*client, "k/new", "2");
        const auto after = co_await next(*anew);
        EXPECT_EQ(words_of(after), "k/new=2");
    }

    asio::awaitable<void> keep(store::watcher& from, base::result<std::vector<store::change>>& to)
    {
        to = co_await next(from);
    }

    /// The restored etcd has gone on beyond where the watcher was: only its name tells.
    asio::awaitable<void> overtaken()
    {
        const auto beside = open_at(members.endpoints());
        (void)co_await must_put(*client, "k/kept", "1");
        const auto saved = members.save();
        const auto at = co_await must_put(*client, "k/lost", "1");
        const auto watch = client->watch("k/", at);
        members.restore(saved, "another");
        for (int i = 0; i < 10; ++i)
            (void)co_await must_put(*beside, "k/new", std::to_string(i));
        const auto seen = co_await next(*watch);
        EXPECT_TRUE(!seen && seen.error() == errc::compacted) << words_of(seen);
    }

    cluster members;
    std::unique_ptr<store::store> client = open_at(members.endpoints());
};

TEST_F(restored, as_another_cluster_asks_for_a_new_list) { loop->run(put_back("another"), 110s); }
TEST_F(restored, as_the_same_cluster_asks_for_a_new_list) { loop->run(put_back("gantryd-test"), 110s); }
TEST_F(restored, and_overtaken_asks_for_a_new_list) { loop->run(overtaken(), 110s); }

}  // namespace
}  // namespace gantryd::etcd
