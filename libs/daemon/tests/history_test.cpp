// Stores that begin another history: lost and made anew, or put back from a backup.
#include "link_store.hpp"
#include "machine.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace gantryd::daemon {
namespace {

using model::release_outcome;

/// A store that can be put back, as etcd's does it: the same keys and values with other revisions, no leases,
/// and watchers that are told to list.
class restorable_store final : public store::store {
public:
    explicit restorable_store(runtime::clock& clk) : clk_(clk) { begin(); }

    void put_back(const std::vector<gantryd::store::operation>& saved, runtime::simulation& sim)
    {
        begin();
        auto write = gantryd::store::transaction{.conditions = {}, .operations = saved};
        ASSERT_TRUE(sim.outcome_after(0ms, now_->commit(std::move(write), clk_.now() + 1s)).value());
    }

    boost::asio::awaitable<base::result<gantryd::store::revision>> commit(
        gantryd::store::transaction what, runtime::time_point deadline) override
    {
        return now_->commit(std::move(what), deadline);
    }
    boost::asio::awaitable<base::result<std::optional<gantryd::store::key_value>>> get(
        std::string key, runtime::time_point deadline) override
    {
        return now_->get(std::move(key), deadline);
    }
    boost::asio::awaitable<base::result<gantryd::store::snapshot>> list(
        std::string prefix, runtime::time_point deadline) override
    {
        return now_->list(std::move(prefix), deadline);
    }
    std::unique_ptr<gantryd::store::watcher> watch(
        std::string prefix, gantryd::store::revision after) override
    {
        return std::make_unique<told_watcher>(*this, now_->watch(std::move(prefix), after));
    }
    boost::asio::awaitable<base::result<gantryd::store::lease_id>> grant(
        std::chrono::seconds ttl, runtime::time_point deadline) override
    {
        return now_->grant(ttl, deadline);
    }
    boost::asio::awaitable<base::result<void>> keep_alive(
        gantryd::store::lease_id lease, runtime::time_point deadline) override
    {
        return now_->keep_alive(lease, deadline);
    }
    boost::asio::awaitable<base::result<void>> revoke(
        gantryd::store::lease_id lease, runtime::time_point deadline) override
    {
        return now_->revoke(lease, deadline);
    }

private:
    class told_watcher final : public gantryd::store::watcher {
    public:
        told_watcher(restorable_store& of, std::unique_ptr<gantryd::store::watcher> there)
            : of_(of),
              there_(std::move(there)),
              history_(of.now_)
        {
        }
        boost::asio::awaitable<base::result<std::vector<gantryd::store::change>>> next() override
        {
            for (;;) {
                if (history_ != of_.now_)
                    co_return base::fail(base::errc::compacted, "the store was put back");
                auto waiting = there_->next();
                auto found = co_await runtime::with_deadline(
                    of_.clk_, of_.clk_.now() + 100ms, "look", std::move(waiting));
                if (found || found.error() != base::errc::timed_out)
                    co_return found;
            }
        }

    private:
        restorable_store& of_;
        std::unique_ptr<gantryd::store::watcher> there_;
        const gantryd::store::store* history_;
    };

    void begin()
    {
        all_.push_back(gantryd::store::make_memory_store(clk_));
        now_ = all_.back().get();
    }

    runtime::clock& clk_;
    std::vector<std::unique_ptr<gantryd::store::store>> all_;
    gantryd::store::store* now_ = nullptr;
};

std::vector<store::operation> saved_components(machine& m)
{
    const auto prefix = records::components_prefix(m.project);
    const auto all = m.sim.outcome_after(0ms, m.desired->list(prefix, m.sim.clock.now() + 1s)).value();
    std::vector<store::operation> out;
    for (const auto& pair : all->pairs)
        out.push_back({store::operation::kind::put, pair.key, pair.value, {}});
    return out;
}

TEST(a_store_that_was_put_back_from_a_backup, is_believed_although_its_revisions_are_older)
{
    machine m;
    auto restorable = std::make_unique<restorable_store>(m.sim.clock);
    auto& store = *restorable;
    m.desired = std::move(restorable);
    m.start();
    m.make_live("1");
    const auto saved = saved_components(m);
    for (const auto* tag : {"2", "3", "4"})
        m.make_live(tag);
    m.run_for(5s);

    m.always("one serves", [&] { return !m.serving().empty(); });
    store.put_back(saved, m.sim);
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-1-1"); })) << "it is what the backup wants";
    m.release("5");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(2) == release_outcome::live; }));
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }));
    EXPECT_EQ(m.docker.find("shop-web-2-1")->details.image, machine::image_of_web("5"));
}

TEST(a_container, is_not_taken_for_the_release_to_which_another_store_gave_its_number)
{
    std::unique_ptr<store::store> books;  // outlives the machine
    machine m;
    books = std::exchange(m.desired, nullptr);
    auto link = std::make_unique<link_store>(m.sim.clock, *books);
    auto& way = *link;
    m.desired = std::move(link);
    m.books = books.get();
    m.start();
    m.make_live("1");
    m.make_live("2");
    m.crash();

    // Meanwhile the store was lost, and has come as far as number 2 again.
    m.add_image(machine::web(), "other");
    auto other = m.release_in_store(2);
    other.image = machine::image_of_web("other");
    other.spec_hash = "of another spec";
    other.outcome = release_outcome::pending;
    const model::component_name web("web");
    const auto erase = [](std::string key) {
        return store::operation{store::operation::kind::erase, std::move(key), {}, {}};
    };
    store::transaction lose{.conditions = {},
        .operations = {erase(records::rollout_key(m.project, web)),
            erase(records::step_key(m.project, web, model::machine_id("m1")))}};
    ASSERT_TRUE(m.sim.outcome_after(0ms, books->commit(std::move(lose), m.sim.clock.now() + 1s)).value());
    m.put(records::release_key(m.project, web, other.number), records::encode(other));

    way.latency = 500ms;  // Docker answers first
    m.start();
    m.run_for(1s);
    way.latency = {};
    m.always("one serves", [&] { return !m.serving().empty(); });
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(2) == release_outcome::live; }));
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-2"); }));
    EXPECT_EQ(m.docker.find("shop-web-2-2")->details.image, other.image);
}

}  // namespace
}  // namespace gantryd::daemon
