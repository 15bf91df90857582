#include "endpoint_ring.hpp"
#include "feed.hpp"
#include "lineage.hpp"

#include <gtest/gtest.h>

namespace gantryd::etcd {
namespace {

using base::errc;
using store::change;
using store::revision;
using namespace std::chrono_literals;

change put(const std::string& key, int at, int created = 0, const std::string& value = "")
{
    change out;
    out.pair.key = key;
    out.pair.value = value;
    out.pair.created = revision{created == 0 ? at : created};
    out.pair.modified = revision{at};
    return out;
}

change erase(const std::string& key, int at)
{
    change out;
    out.erased = true;
    out.pair.key = key;
    out.pair.modified = revision{at};
    return out;
}

std::string keys(const std::vector<change>& changes)
{
    std::string out;
    for (const auto& one : changes)
        out += one.pair.key;
    return out;
}

audit_answer::part part(std::int64_t count, const std::vector<change>& written = {})
{
    audit_answer::part out;
    out.count = count;
    for (const auto& one : written)
        out.written.push_back(one.pair);
    return out;
}

TEST(feed, gives_each_reader_what_he_has_not_seen)
{
    feed from("k/", revision{5});
    ASSERT_TRUE(from.take({put("a", 6), put("b", 6)}, false));
    ASSERT_TRUE(from.take({put("c", 9)}, false));
    EXPECT_EQ(keys(from.after(revision{5})), "abc");
    EXPECT_EQ(keys(from.after(revision{6})), "c");
    EXPECT_EQ(keys(from.after(revision{9})), "");
    EXPECT_EQ(keys(from.after(revision{20})), "");
    EXPECT_EQ(from.at(), revision{9});
    EXPECT_TRUE(from.can_serve("k/", revision{5}));
    EXPECT_TRUE(from.can_serve("k/", revision{20}));
    EXPECT_FALSE(from.can_serve("k/", revision{4})) << "what came before is not here";
    EXPECT_FALSE(from.can_serve("k", revision{5}));
}

TEST(feed, passes_over_what_etcd_repeats)
{
    feed from("k/", revision{5});
    ASSERT_TRUE(from.take({put("a", 6), put("b", 7)}, false));
    ASSERT_TRUE(from.take({put("x", 5), put("a", 6), put("b", 7), put("c", 8)}, false));
    EXPECT_EQ(keys(from.after(revision{5})), "abc");
}

TEST(feed, keeps_the_parts_of_a_revision_together)
{
    feed from("k/", revision{5});
    ASSERT_TRUE(from.take({put("a", 6)}, true));
    EXPECT_EQ(keys(from.after(revision{5})), "");
    ASSERT_TRUE(from.take({put("b", 6)}, true));
    ASSERT_TRUE(from.take({put("c", 6)}, false));
    EXPECT_EQ(keys(from.after(revision{5})), "abc");

    ASSERT_TRUE(from.take({put("d", 7)}, true));
    from.restart();  // the new stream begins with revision 7 again
    ASSERT_TRUE(from.take({put("d", 7), put("e", 7)}, false));
    EXPECT_EQ(keys(from.after(revision{6})), "de");
}

TEST(feed, has_a_limit_for_one_revision_and_for_all)
{
    feed from("k/", revision{5});
    const std::string large(9UL * 1024 * 1024, 'x');
    ASSERT_TRUE(from.take({put("a", 6), put("b", 7, 0, large)}, false));
    EXPECT_EQ(from.begin(), revision{6}) << "the older one had to go";
    EXPECT_EQ(keys(from.after(revision{6})), "b") << "the newest stays, whatever its size";
    for (int i = 8; i < 6000; ++i)
        ASSERT_TRUE(from.take({put("c", i), put("d", i)}, false));
    EXPECT_EQ(from.after(from.begin()).size(), 4096u);
    EXPECT_FALSE(from.can_serve("k/", revision{7}));
    EXPECT_TRUE(from.can_serve("k/", from.begin()));

    feed endless("k/", revision{5});
    base::result<void> taken;
    for (int i = 0; i < 9 && taken; ++i)
        taken = endless.take({put("a", 6, 0, large)}, true);
    EXPECT_TRUE(!taken && taken.error() == errc::limit_exceeded);
}

TEST(feed, notices_a_key_that_never_came)
{
    feed from("k/", revision{5});
    ASSERT_TRUE(from.take({put("a", 6)}, false));
    EXPECT_TRUE(from.agrees(revision{8}, part(1, {put("a", 6)})));
    EXPECT_FALSE(from.agrees(revision{8}, part(2, {put("a", 6), put("b", 7)})));
    EXPECT_FALSE(from.agrees(revision{8}, part(1, {put("a", 8, 6)}))) << "a newer version of it";
    ASSERT_TRUE(from.take({put("a", 8, 6)}, false));
    EXPECT_TRUE(from.agrees(revision{8}, part(1, {put("a", 8, 6)})));
}

TEST(feed, notices_an_erase_that_never_came)
{
    feed from("k/", revision{5});
    EXPECT_EQ(from.audited(), revision{5});
    ASSERT_TRUE(from.agrees(revision{5}, part(3)));
    from.settle(revision{5}, part(3));
    ASSERT_TRUE(from.take({put("a", 6), put("b", 7, 2), erase("c", 8), put("d", 9)}, false));
    EXPECT_TRUE(from.agrees(revision{9}, part(4, {put("a", 6), put("b", 7, 2), put("d", 9)})));
    EXPECT_FALSE(from.agrees(revision{9}, part(3, {put("a", 6), put("b", 7, 2)})));
    EXPECT_TRUE(from.agrees(revision{8}, part(3, {put("a", 6), put("b", 7, 2)})))
        << "what came after the question does not count";
    from.settle(revision{8}, part(3));
    EXPECT_EQ(from.audited(), revision{8});
    EXPECT_FALSE(from.agrees(revision{10}, part(3))) << "d came, and went unseen";
    ASSERT_TRUE(from.take({erase("d", 10)}, false));
    EXPECT_TRUE(from.agrees(revision{10}, part(3)));
}

TEST(feed, gives_up_at_the_second_doubt_in_a_row)
{
    feed from("k/", revision{5});
    EXPECT_FALSE(from.doubt());
    from.settle(revision{5}, part(0));
    EXPECT_FALSE(from.doubt());
    EXPECT_TRUE(from.doubt());
    from.fail(base::error(errc::compacted, "first"));
    from.fail(base::error(errc::unavailable, "second"));
    EXPECT_EQ(from.failure()->context(), "first");
    EXPECT_FALSE(from.can_serve("k/", revision{5}));
}

header at(std::uint64_t cluster, int revision_number, std::uint64_t term)
{
    return {cluster, 1, revision{revision_number}, term};
}

TEST(lineage, a_history_that_goes_on_is_one)
{
    lineage of;
    auto asked = of.now();
    of.note(asked, at(1, 5, 2));
    const auto slow = of.now();
    of.note(of.now(), at(1, 9, 3));
    of.note(slow, at(1, 6, 2));  // asked before the other, answered after it
    EXPECT_EQ(of.epoch(), 0u);
    EXPECT_EQ(of.now().newest.at, revision{9});
    EXPECT_EQ(of.now().newest.term, 3u);
}

TEST(lineage, a_restore_is_noticed_once)
{
    for (const auto& restored : {at(2, 20, 9), at(1, 4, 9), at(1, 20, 2)}) {
        lineage of;
        of.note(of.now(), at(1, 9, 3));
        const auto asked = of.now();
        of.note(asked, restored);
        EXPECT_EQ(of.epoch(), 1u);
        EXPECT_EQ(of.now().newest, restored);
        of.note(asked, restored);  // another question of the time before
        EXPECT_EQ(of.epoch(), 1u);
        of.note(of.now(), at(restored.cluster, 21, 9));
        EXPECT_EQ(of.epoch(), 1u);
    }
}

TEST(endpoint_ring, stays_with_whom_answers_and_leaves_alone_whom_failed)
{
    std::mt19937 random(1);
    endpoint_ring ring(3, random);
    const base::time_point now{};
    const auto first = *ring.pick(now);
    ring.succeeded(first);
    EXPECT_EQ(ring.pick(now), first);
    ring.failed(first, now);
    EXPECT_TRUE(ring.is_suspect(first));
    const auto second = *ring.pick(now);
    EXPECT_NE(second, first);
    ring.succeeded(second);
    EXPECT_EQ(ring.pick(now + 1h), second) << "it does not go back by itself";
    EXPECT_FALSE(ring.pick(now, {0, 1, 2}));
    const auto third = 3 - first - second;
    EXPECT_EQ(ring.pick(now, {first, second}), third);
}

TEST(endpoint_ring, asks_the_first_that_may_be_back_when_all_failed)
{
    std::mt19937 random(1);
    endpoint_ring ring(2, random);
    const base::time_point now{};
    for (int i = 0; i < 8; ++i)
        ring.failed(0, now);
    ring.failed(1, now);
    EXPECT_EQ(ring.pick(now), 1u);
    EXPECT_EQ(ring.pick(now, {1}), 0u);
    ring.succeeded(0);
    EXPECT_FALSE(ring.is_suspect(0));
    EXPECT_EQ(ring.pick(now), 0u);
}

TEST(endpoint_ring, clients_begin_anywhere)
{
    std::set<std::size_t> begun;
    for (unsigned seed = 0; seed < 50; ++seed) {
        std::mt19937 random(seed);
        begun.insert(*endpoint_ring(3, random).pick({}));
    }
    EXPECT_EQ(begun.size(), 3u);
}

}  // namespace
}  // namespace gantryd::etcd
