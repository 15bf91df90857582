// A daemon and a store that is away: also at the daemon's start.
#include "fleet.hpp"

#include <gantryd/daemon/store_copy.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <gtest/gtest.h>

namespace gantryd::daemon {
namespace {

/// The machine's daemon ends, and the next one finds no way to the store.
void restart_without_store(fleet& f, std::size_t number)
{
    f.crash(number);
    f.link(number).cut();
    f.at(number).start();
}

/// Release 1 is live, and known to every machine.
class settled_fleet : public running_fleet {
public:
    explicit settled_fleet(int machines) : running_fleet(machines) { run_for(1s); }
};

TEST(a_start_without_the_store, restarts_nothing_and_converges_when_it_is_back)
{
    settled_fleet f(3);
    f.always("every machine serves", [&] { return f.all_serve(); });
    const auto before = f.changes();
    for (std::size_t i = 1; i <= f.size(); ++i)
        restart_without_store(f, i);
    f.run_for(3min, 20ms);
    for (std::size_t i = 1; i <= f.size(); ++i)
        EXPECT_EQ(f.at(i).log_lines.count(base::log_level::warning, "store copy used"), 1U);
    for (std::size_t i = 1; i <= f.size(); ++i)
        f.link(i).heal();
    f.run_for(1min, 20ms);
    EXPECT_EQ(f.changes(), before);
    EXPECT_EQ(f.at(1).told("store_copy_used").size(), 1U) << "history is told when the store is back";
    EXPECT_FALSE(f.at(1).reason("store_unreachable"));
    const auto two = f.release("2");
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }));
}

TEST(a_start_without_the_store, replaces_what_died)
{
    settled_fleet f(3);
    restart_without_store(f, 2);
    f.may_stop_serving = true;
    auto& m = f.at(2);
    m.docker.die(m.id_of("shop-web-1-1"), 1);
    ASSERT_TRUE(f.run_until([&] { return m.is_alone("shop-web-1-2"); }, 30s));
    m.docker.die(m.id_of("shop-web-1-2"), 137);
    ASSERT_TRUE(f.run_until([&] { return m.is_alone("shop-web-1-3") || m.is_alone("shop-web-1-1"); }, 30s));
    const auto before = f.changes();
    f.link(2).heal();
    f.run_for(1min, 20ms);
    EXPECT_EQ(f.changes(), before);
}

TEST(a_start_without_the_store, brings_back_what_a_boot_has_ended)
{
    settled_fleet f(1);
    f.may_stop_serving = true;
    f.crash(1);
    auto& m = f.at(1);
    m.docker.die(m.id_of("shop-web-1-1"), 255);
    m.proxy.routes.clear();
    m.boot_id = "boot-2";
    f.link(1).cut();
    m.start();
    ASSERT_TRUE(f.run_until([&] { return m.serving() == names{"shop-web-1-2"}; }, 30s));
}

TEST(a_start_without_the_store, goes_on_with_a_drain)
{
    settled_fleet f(1);
    auto& m = f.at(1);
    m.proxy.sessions[m.endpoint_of("shop-web-1-1")] = 1;
    const auto two = f.release("2");
    const names old{"shop-web-1-1"};
    ASSERT_TRUE(f.run_until([&] { return m.draining() == old; }));
    f.run_for(1s);
    restart_without_store(f, 1);
    f.run_for(5s, 20ms);
    EXPECT_EQ(m.draining(), old);
    m.proxy.sessions.clear();
    EXPECT_TRUE(f.run_until([&] { return m.is_alone(fmt::format("shop-web-{}-1", two)); }, 30s));
}

TEST(a_start_without_the_store, begins_no_release_that_the_machine_had_no_slot_for)
{
    settled_fleet f(3);
    f.always("every machine serves", [&] { return f.all_serve(); });
    auto spec = machine::web();
    spec.rollout.min_healthy_time = 20s;
    const auto two = f.release(spec, "2");
    ASSERT_TRUE(f.run_until([&] { return f.running_on(1) == std::set<int>{1, two}; }));
    f.run_for(1s);
    for (std::size_t i = 1; i <= f.size(); ++i)
        restart_without_store(f, i);
    f.run_for(5min, 20ms);
    EXPECT_EQ(f.running_on(1), (std::set<int>{1, two})) << "its slot is of no use without the store";
    EXPECT_EQ(f.running_on(2), std::set<int>{1});
    EXPECT_EQ(f.running_on(3), std::set<int>{1});
    for (std::size_t i = 1; i <= f.size(); ++i)
        f.link(i).heal();
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }, 5min));
}

TEST(a_start_without_the_store, takes_what_was_wanted_meanwhile_when_it_is_back)
{
    settled_fleet f(2);
    f.always("every machine serves", [&] { return f.all_serve(); });
    restart_without_store(f, 2);
    f.run_for(5s, 20ms);
    const auto two = f.release("2");
    ASSERT_TRUE(f.run_until([&] { return f.running_on(1) == std::set<int>{two}; }, 2min));
    EXPECT_EQ(f.running_on(2), std::set<int>{1});
    f.link(2).heal();
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }));
    // After so long a time the store is listed again within ten seconds; who announces himself reads it
    // before.
    EXPECT_TRUE(f.run_until([&] { return f.has_copy(2); }, 15s));
}

TEST(starts_without_the_store, leave_the_machine_its_id)
{
    settled_fleet f(2);
    restart_without_store(f, 1);
    f.run_for(3s, 20ms);
    restart_without_store(f, 1);
    f.run_for(1s, 20ms);
    f.link(1).heal();
    f.run_for(20s, 20ms);
    EXPECT_TRUE(f.at(1).told("machine_id_refused").empty());
    const auto two = f.release("2");
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }));
}

/// What a daemon does that starts without its store on `change`d ground: the machine's container is dead.
bool is_healed_after(const std::function<void(machine&)>& change)
{
    settled_fleet f(1);
    f.may_stop_serving = true;
    f.crash(1);
    auto& m = f.at(1);
    m.docker.die(m.id_of("shop-web-1-1"), 1);
    change(m);
    f.link(1).cut();
    m.start();
    f.run_for(1min, 20ms);
    const bool healed = !m.serving().empty();
    EXPECT_EQ(m.log_lines.count(base::log_level::warning, "store copy used"), healed ? 1U : 0U);
    f.link(1).heal();
    EXPECT_TRUE(f.run_until([&] { return !m.serving().empty(); }, 1min)) << "the store is back";
    EXPECT_TRUE(f.run_until([&] { return f.has_copy(1); }, 1min)) << "and is kept anew";
    return healed;
}

void put_into_ledger(machine& m, const std::string& key, const std::string& value)
{
    store::transaction write;
    write.operations.push_back({store::operation::kind::put, key, value, {}});
    const auto done = m.sim.outcome_after(0ms, m.ledger->commit(std::move(write), m.sim.clock.now() + 5s));
    EXPECT_TRUE(done && *done);
}

TEST(a_copy_of_the_store, is_believed_when_one_address_of_the_store_is_the_same)
{
    EXPECT_TRUE(is_healed_after([](machine&) {}));
    EXPECT_TRUE(is_healed_after([](machine& m) { m.store_members = {"http://store", "http://another"}; }));
    EXPECT_FALSE(is_healed_after([](machine& m) { m.store_members = {"http://another"}; }));
}

TEST(a_copy_of_the_store, that_is_damaged_is_left_aside_with_a_warning)
{
    const auto key = records::state_key(model::project_name("shop"), model::component_name("web"));
    const std::vector<std::pair<std::string, std::string>> damage{{"copy", "{"}, {"copy", "{\"project\":7}"},
        {"copy/" + key, "not a pair"}, {"copy/" + key + "s", "1 1 a state of nobody"}};
    for (const auto& [where, what] : damage) {
        SCOPED_TRACE(fmt::format("{} {}", where, what));
        EXPECT_EQ(
            is_healed_after([&](machine& m) { put_into_ledger(m, where, what); }), where.ends_with("states"));
    }
    EXPECT_FALSE(is_healed_after([&](machine& m) {
        store::transaction write;
        write.operations.push_back({store::operation::kind::erase, "copy/" + key, {}, {}});
        const auto done =
            m.sim.outcome_after(0ms, m.ledger->commit(std::move(write), m.sim.clock.now() + 5s));
        EXPECT_TRUE(done && *done);
    })) << "a part is missing";
}

TEST(a_copy_of_the_store, tells_until_when_the_store_was_heard)
{
    settled_fleet f(1);
    auto& m = f.at(1);
    const auto age = [&] { return f.sim.clock.wall_now() - f.copy_of(1).value().as_of; };
    f.run_for(1h, 1s);
    EXPECT_LE(age(), 6min) << "nothing changes, and nothing is missing";
    f.crash(1);
    f.link(1).cut();
    m.start();
    f.run_for(1h, 1s);
    EXPECT_GT(age(), 1h) << "a copy is not heard";
    f.link(1).heal();
    EXPECT_TRUE(f.run_until([&] { return age() < 1min; }, 1min));
}

TEST(a_copy_of_the_store, is_not_made_of_one_that_is_on_the_machine)
{
    machine m;
    m.store_members.clear();
    m.start();
    m.make_live("1");
    m.run_for(1s);
    const auto all = m.sim.outcome_after(0ms, m.ledger->list("copy", m.sim.clock.now() + 5s));
    ASSERT_TRUE(all && *all);
    EXPECT_TRUE((*all)->pairs.empty());
}

TEST(a_copy_of_the_store, has_what_this_machine_would_tell_while_it_cannot)
{
    settled_fleet f(1);
    auto& m = f.at(1);
    const auto kept = [&] { return f.copy_of(1).value().said.pairs; };
    const auto of_machine = [&] {
        return std::ranges::count_if(kept(),
            [](const auto& pair) { return pair.key.contains("/machines/") || pair.key.contains("/fleet/"); });
    };
    EXPECT_EQ(of_machine(), 0);
    restart_without_store(f, 1);
    f.run_for(20s, 20ms);
    EXPECT_EQ(of_machine(), 2) << "its presence, and its report on the component";
    for (const auto& pair : kept())
        if (const auto report = records::decode_component_report(pair.value);
            report && records::is_report_key(m.project, pair.key)) {
            EXPECT_EQ(report->instances.size(), 1U);
            ASSERT_FALSE(report->conditions.empty());
            EXPECT_EQ(report->conditions.front().code, "store_unreachable");
            EXPECT_NE(report->conditions.front().text.find("goes by the copy"), std::string::npos);
        }
    f.link(1).heal();
    f.run_for(30s, 20ms);
    EXPECT_EQ(of_machine(), 0);
}

// ---- orders as the Python gantryd writes them
// --------------------------------------------------------------

void give_order(machine& m, const std::string& tag)
{
    m.put(records::config_key(m.project), R"({"components": [{"name": "web", "repo": "web", "tag": ")" + tag +
                                              R"(", "ports": [{"external": 8888, "container": 80}],
            "readyChecks": [{"id": "up", "kind": "http", "port": 80}]}]})");
    m.put(records::state_key(m.project, model::component_name("web")),
        R"({"status": "ready", "imageid": ")" + machine::image(machine::web(), tag).text() + "\"}");
}

TEST(an_order_without_a_release, gets_one_and_goes_its_way)
{
    fleet f(3);
    f.make_slow();
    for (std::size_t i = 1; i <= f.size(); ++i)
        for (const auto* tag : {"1", "2"})
            f.at(i).add_image(machine::web(), tag);
    f.start_all();
    give_order(f.at(1), "1");
    ASSERT_TRUE(f.run_until([&] { return f.all_run(1); }));
    ASSERT_TRUE(f.run_until([&] { return f.is_over(1); }));
    EXPECT_EQ(f.at(1).release_in_store(1).created_by.substr(0, 13), "gantryd@host-");

    f.always("every machine serves", [&] { return f.all_serve(); });
    f.always("one machine changes", [&] { return f.in_change() <= 1; });
    give_order(f.at(1), "2");
    ASSERT_TRUE(f.run_until([&] {
        const auto second = f.at(1).value_of(records::release_key(
            f.at(1).project, model::component_name("web"), static_cast<model::release_number>(2)));
        return second && f.is_over(2);
    }));
    give_order(f.at(1), "2");
    const auto before = f.changes();
    f.run_for(1min, 20ms);
    EXPECT_EQ(f.changes(), before) << "the same order again is the same release";
    EXPECT_TRUE(f.all_run(2));
}

TEST(an_order_without_a_release, waits_for_a_config)
{
    machine m;
    m.add_image(machine::web(), "1");
    m.start();
    m.put(records::state_key(m.project, model::component_name("web")),
        R"({"status":"ready","imageid":")" + machine::image(machine::web(), "1").text() + "\"}");
    ASSERT_TRUE(m.run_until([&] { return m.reason("retrying").has_value(); }));
    EXPECT_NE(m.reason("retrying")->text.find("no component web"), std::string::npos);
    EXPECT_TRUE(m.containers().empty());
    give_order(m, "1");
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-1-1"); }, 2min));
}

TEST(an_order_without_a_release, to_stop_is_obeyed)
{
    machine m;
    m.start();
    m.make_live("1");
    m.put(records::state_key(m.project, model::component_name("web")), R"({"status":"stopped"})");
    ASSERT_TRUE(m.run_until([&] { return m.containers().empty(); }));
    give_order(m, "1");
    ASSERT_TRUE(m.run_until([&] { return !m.serving().empty(); }, 2min));
}

}  // namespace
}  // namespace gantryd::daemon
