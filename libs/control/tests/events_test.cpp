#include <gantryd/control/events.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>
#include <gantryd/runtime/simulation.hpp>
#include <gantryd/store/memory_store.hpp>

#include <gtest/gtest.h>

namespace gantryd::control {
namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

class histories : public ::testing::Test {
protected:
    const model::project_name shop{"shop"};
    runtime::simulation sim;
    std::unique_ptr<store::store> kept = store::make_memory_store(sim.clock, 20);
    event_reader reader{*kept, shop};

    void write(const std::string& key, const std::string& value)
    {
        store::transaction what;
        what.operations.push_back({store::operation::kind::put, key, value, {}});
        const auto done = sim.outcome_after(0ms, kept->commit(std::move(what), sim.clock.now() + 1s));
        ASSERT_TRUE(done && *done);
    }
    /// `at`: seconds after the epoch.
    void happens(const std::string& machine, std::int64_t sequence, int at, const std::string& text)
    {
        model::event event;
        event.at = base::wall_time(std::chrono::seconds(at));
        event.code = "instance_ready";
        event.text = text;
        write(records::event_key(shop, model::machine_id(machine), sequence), records::encode(event));
    }
    static texts texts_of(const base::result<std::vector<model::event>>& from)
    {
        texts out;
        for (const auto& event : from.value())
            out.push_back(event.text);
        return out;
    }
    texts read() { return texts_of(*sim.outcome_after(0ms, reader.read(sim.clock.now() + 1s))); }
    texts next() { return texts_of(*sim.outcome_after(10ms, reader.next())); }
};

TEST_F(histories, of_one_machine_keep_their_order_when_the_clock_jumps)
{
    happens("m1", 9, 100, "a");
    happens("m1", 10, 40, "b");
    happens("m1", 11, 70, "c");
    EXPECT_EQ(read(), (texts{"a", "b", "c"}));
}

TEST_F(histories, of_several_machines_are_merged_by_time)
{
    happens("m1", 1, 10, "a");
    happens("m1", 2, 30, "c");
    happens("m2", 7, 20, "b");
    happens("m2", 8, 40, "d");
    EXPECT_EQ(read(), (texts{"a", "b", "c", "d"}));
}

TEST_F(histories, leave_out_what_cannot_be_read)
{
    happens("m1", 1, 10, "a");
    write(records::event_key(shop, model::machine_id("m1"), 2), "garbage");
    write("/gantryd/events/shop/m1/x", "{}");
    happens("m1", 3, 30, "c");
    EXPECT_EQ(read(), (texts{"a", "c"}));
}

TEST_F(histories, take_number_and_machine_from_the_key)
{
    happens("m1", 5, 10, "a");
    const auto all = *sim.outcome_after(0ms, reader.read(sim.clock.now() + 1s));
    EXPECT_EQ(all->front().sequence, 5);
    EXPECT_EQ(all->front().machine, model::machine_id("m1"));
}

TEST_F(histories, are_followed_without_loss_and_without_repetition)
{
    happens("m1", 1, 10, "a");
    EXPECT_EQ(read(), (texts{"a"}));
    happens("m1", 2, 20, "b");
    happens("m2", 1, 15, "c");
    texts got;
    while (got.size() < 2)
        for (auto& text : next())
            got.push_back(std::move(text));
    EXPECT_EQ(got.size(), 2U);
    EXPECT_EQ(std::ranges::count(got, "b") + std::ranges::count(got, "c"), 2);
    happens("m1", 3, 30, "d");
    EXPECT_EQ(next(), (texts{"d"}));
}

TEST_F(histories, go_on_after_the_store_has_forgotten_its_changes)
{
    happens("m1", 1, 10, "a");
    EXPECT_EQ(read(), (texts{"a"}));
    for (int i = 2; i <= 100; ++i)
        happens("m1", i, 10 + i, std::to_string(i));
    const auto lost = *sim.outcome_after(10ms, reader.next());
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error(), base::errc::compacted);
    const auto rest = read();
    EXPECT_EQ(rest.size(), 99U);
    EXPECT_EQ(rest.front(), "2");
}

}  // namespace
}  // namespace gantryd::control
