// Termination signals, termination checks, and the deadlines of a drain.
#include "machine.hpp"
#include "moody_store.hpp"

#include <gtest/gtest.h>

namespace gantryd::daemon {
namespace {

using texts = std::vector<std::string>;

model::signal_spec signal(const std::string& id)
{
    model::signal_spec out;
    out.id = id;
    out.port = 80;
    out.timeout = 2s;
    return out;
}

model::check_spec check(const std::string& id, model::check_kind kind = model::check_kind::exec)
{
    model::check_spec out;
    out.kind = kind;
    out.id = id;
    out.command = {"/check", id};
    out.interval = 1s;
    out.timeout = 2s;
    return out;
}

/// Release 1 of a component with these rules, live; release 2 takes its place when leave() is called.
class leaving : public ::testing::Test {
protected:
    void make_live(const model::component_spec& spec)
    {
        spec_ = spec;
        m.start();
        m.release(spec, "1");
        ASSERT_TRUE(
            m.run_until([&] { return m.outcome_of(1) == model::release_outcome::live && m.is_alone(old); }));
    }
    void leave() { m.release(spec_, "2"); }
    texts signals_sent() const
    {
        texts out;
        for (const auto& [signal, target] : m.prober.signals)
            out.push_back(signal.id);
        return out;
    }
    std::string why()
    {
        const auto told = m.reason("draining");
        return told ? told->text : "not draining";
    }
    bool is_gone() { return m.is_alone("shop-web-2-1"); }

    machine m;
    const std::string old = "shop-web-1-1";

private:
    model::component_spec spec_;
};

TEST_F(leaving, sends_its_signals_in_order_before_it_is_stopped_and_tells_the_answers)
{
    auto spec = machine::web();
    spec.termination_signals = {signal("pause"), signal("flush")};
    make_live(spec);
    m.prober.delay = 50ms;
    m.prober.on_signal = [&](const model::signal_spec& s, const health::probe_target&) {
        EXPECT_EQ(m.docker.count_calls("stop"), 0U);
        EXPECT_FALSE(m.serving().contains(old)) << "it still gets traffic";
        return health::probe_result{s.id == "pause", s.id == "pause" ? "200 OK" : "500 no"};
    };
    leave();
    ASSERT_TRUE(m.run_until([&] { return is_gone(); }));
    m.run_for(1s);
    EXPECT_EQ(signals_sent(), (texts{"pause", "flush"}));
    EXPECT_EQ(m.told("signal_delivered"), (texts{"signal \"pause\": 200 OK"}));
    EXPECT_EQ(m.told("signal_failed"), (texts{"signal \"flush\": 500 no"}));
    ASSERT_EQ(m.told("drain_ended").size(), 1U);
    EXPECT_TRUE(m.told("drain_ended")[0].ends_with("with 0 connections left")) << m.told("drain_ended")[0];
}

TEST_F(leaving, says_which_signal_it_is_at)
{
    auto spec = machine::web();
    spec.termination_signals = {signal("pause"), signal("flush")};
    make_live(spec);
    m.proxy.latency = 50ms;
    leave();
    ASSERT_TRUE(m.run_until([&] { return m.log_lines.count(base::log_level::info, "drain begun") == 1; }));
    m.prober.delay = 1500ms;
    ASSERT_TRUE(m.run_until([&] { return m.prober.signals.size() == 2; }));
    m.run_for(500ms);
    EXPECT_EQ(why(), "release 2 takes its place: its termination signals are sent, 2 of 2");
}

TEST_F(leaving, gives_up_a_signal_that_hangs_at_its_own_deadline)
{
    auto spec = machine::web();
    spec.termination_signals = {signal("hangs"), signal("flush")};
    spec.drain.timeout = 1h;
    make_live(spec);
    m.proxy.latency = 50ms;
    leave();
    ASSERT_TRUE(m.run_until([&] { return m.log_lines.count(base::log_level::info, "drain begun") == 1; }));
    m.prober.delay = 1h;
    ASSERT_TRUE(m.run_until([&] { return m.docker.count_calls("stop " + old) == 1; }));
    m.run_for(1s);
    EXPECT_EQ(m.told("signal_failed"),
        (texts{"signal \"hangs\": no answer within 2s", "signal \"flush\": no answer within 2s"}));
}

TEST_F(leaving, does_not_let_signals_take_it_over_the_deadline_of_its_drain)
{
    auto spec = machine::web();
    spec.termination_signals = {signal("hangs"), signal("late")};
    spec.termination_signals[0].timeout = 1min;
    spec.drain.timeout = 3s;
    make_live(spec);
    m.proxy.latency = 50ms;
    leave();
    ASSERT_TRUE(m.run_until([&] { return m.log_lines.count(base::log_level::info, "drain begun") == 1; }));
    m.prober.delay = 1h;
    m.run_for(2500ms);
    EXPECT_EQ(signals_sent(), texts{"hangs"});
    m.run_for(1s);
    EXPECT_EQ(signals_sent(), texts{"hangs"});
    EXPECT_EQ(m.docker.count_calls("stop " + old), 1U);
    const auto failed = m.told("signal_failed");
    ASSERT_EQ(failed.size(), 2U);
    EXPECT_TRUE(failed[0].starts_with("signal \"hangs\": no answer within ")) << failed[0];
    EXPECT_EQ(failed[1], "signal \"late\": not sent, the drain's deadline has passed");
}

/// The daemon ends `after` the drain began and a new one goes on; nothing is sent twice.
void crash_among_signals(runtime::duration after)
{
    machine m;
    auto& ledger = *new moody_store(m.sim.clock);
    m.ledger.reset(&ledger);
    ledger.latency = 7ms;
    auto spec = machine::web();
    spec.termination_signals = {signal("one"), signal("two"), signal("three")};
    m.start();
    m.release(spec, "1");
    ASSERT_TRUE(m.run_until([&] { return m.outcome_of(1) == model::release_outcome::live; }));
    m.run_for(1s);
    m.prober.delay = 20ms;
    m.release(spec, "2");
    ASSERT_TRUE(m.run_until([&] { return !m.told("drain_begun").empty() || !m.prober.signals.empty(); }));
    m.run_for(after, 1ms);
    m.crash();
    m.run_for(50ms);
    m.start();
    ASSERT_TRUE(m.run_until([&] { return m.is_alone("shop-web-2-1"); }));
    texts sent;
    for (const auto& [signal, target] : m.prober.signals)
        sent.push_back(signal.id);
    EXPECT_EQ(sent, (texts{"one", "two", "three"})) << after / 1ms << " ms";
    m.run_for(1s);
    // Each answer is told; one that came in the daemon's last milliseconds, perhaps as one that is not known.
    const auto told = m.told("signal_delivered").size() + m.told("signal_failed").size();
    EXPECT_TRUE(told == 3 || told == 4) << told << ", " << after / 1ms << " ms";
}

TEST(a_daemon_that_ends_among_termination_signals, sends_none_of_them_twice)
{
    for (auto after = 0ms; after < 120ms; after += 1ms)
        crash_among_signals(after);
}

TEST_F(leaving, sends_its_signals_though_the_ledger_cannot_be_written)
{
    auto& ledger = *new moody_store(m.sim.clock);
    m.ledger.reset(&ledger);
    auto spec = machine::web();
    spec.termination_signals = {signal("flush")};
    make_live(spec);
    ledger.refuses_writes = base::error(base::errc::unavailable, "database or disk is full");
    leave();
    ASSERT_TRUE(m.run_until([&] { return is_gone(); }));
    EXPECT_EQ(signals_sent(), (texts{"flush"}));
}

TEST_F(leaving, asks_its_termination_checks_in_turn)
{
    auto spec = machine::web();
    spec.termination_checks = {
        check("flushed"), check("alone", model::check_kind::connection), check("done")};
    spec.drain.timeout = 10min;
    make_live(spec);
    texts asked;
    std::string failing = "flushed";
    m.prober.on_probe = [&](const model::check_spec& c, const health::probe_target&) {
        if (c.kind == model::check_kind::exec && (asked.empty() || asked.back() != c.id))
            asked.push_back(c.id);
        return health::probe_result{c.id != failing, c.id == failing ? "exit code 1: 3 jobs" : "exit code 0"};
    };
    m.proxy.sessions[m.endpoint_of(old)] = 2;
    leave();
    m.run_for(20s);
    EXPECT_EQ(asked, (texts{"flushed"}));
    EXPECT_TRUE(why().starts_with("release 2 takes its place: draining 2: ")) << why();
    failing = "done";
    m.run_for(20s);
    EXPECT_EQ(asked, (texts{"flushed"})) << "the connections come before the last check";
    m.proxy.sessions.clear();
    ASSERT_TRUE(m.run_until([&] { return asked.size() == 2; }));
    m.run_for(20s);
    EXPECT_EQ(asked, (texts{"flushed", "done"}));
    EXPECT_EQ(m.docker.count_calls("stop"), 0U);
    EXPECT_EQ(why(),
        "release 2 takes its place: no connections; its termination check \"done\" does not pass: "
        "exit code 1: 3 jobs");
    failing = "";
    ASSERT_TRUE(m.run_until([&] { return is_gone(); }));
    m.run_for(1s);
    EXPECT_EQ(m.told("check_changed"), (texts{"termination check \"flushed\" fails: exit code 1: 3 jobs",
                                           "termination check \"flushed\" passes: exit code 0",
                                           "termination check \"done\" fails: exit code 1: 3 jobs",
                                           "termination check \"done\" passes: exit code 0"}));
}

TEST_F(leaving, does_not_ask_before_it_is_out_of_the_routes)
{
    auto spec = machine::web();
    spec.termination_checks = {check("flushed")};
    make_live(spec);
    m.proxy.latency = 400ms;
    bool asked_in_time = true;
    m.prober.on_probe = [&](const model::check_spec& c, const health::probe_target&) {
        if (c.id == "flushed" && m.serving().contains(old))
            asked_in_time = false;
        return health::probe_result{true, "exit code 0"};
    };
    leave();
    ASSERT_TRUE(m.run_until([&] { return is_gone(); }));
    EXPECT_TRUE(asked_in_time);
}

TEST_F(leaving, is_stopped_at_the_deadline_when_a_check_hangs)
{
    auto spec = machine::web();
    spec.termination_checks = {check("flushed")};
    spec.drain.timeout = 20s;
    make_live(spec);
    m.proxy.latency = 50ms;
    leave();
    ASSERT_TRUE(m.run_until([&] { return m.log_lines.count(base::log_level::info, "drain begun") == 1; }));
    m.prober.delay = 1h;  // whoever is asked now never answers
    m.run_for(15s);
    EXPECT_EQ(why(), "release 2 takes its place: no connections; its termination check \"flushed\" does not "
                     "pass: no answer within 2s");
    const auto told = m.reason("draining");
    ASSERT_TRUE(told && told->until);
    EXPECT_EQ(told->then, "it is stopped, and connections that are left are cut");
    EXPECT_EQ(told->command, "docker kill shop-web-1-1");
    EXPECT_EQ(m.docker.count_calls("stop"), 0U);
    m.run_for(6s);
    EXPECT_EQ(m.docker.count_calls("stop " + old), 1U);
}

TEST_F(leaving, says_that_it_ignores_its_stop_signal)
{
    m.docker.on_start = [](const docker::fake_container&) {
        docker::fake_run run;
        run.ignores_stop = true;
        return run;
    };
    make_live(machine::web());
    leave();
    ASSERT_TRUE(m.run_until([&] { return m.docker.count_calls("stop " + old) == 1; }));
    m.run_for(5s);
    const auto told = m.reason("stopping");
    ASSERT_TRUE(told && told->until);
    EXPECT_EQ(told->instance, old);
    EXPECT_EQ(told->text, "release 2 takes its place");
    EXPECT_EQ(*told->until - told->since, 10s);
    EXPECT_EQ(told->then, "SIGKILL");
    EXPECT_EQ(told->command, "docker kill shop-web-1-1");
    ASSERT_TRUE(m.run_until([&] { return is_gone(); }));
    m.run_for(1s);
    EXPECT_EQ(
        m.told("container_stopping"), (texts{"release 2 takes its place; it has 10.0s to end by itself"}));
    EXPECT_EQ(m.told("container_stopped"), (texts{"ended 10.0s after its stop signal, with code 137"}));
    EXPECT_EQ(m.told("stopping").size(), 2U) << "began and ended";
}

TEST_F(leaving, keeps_its_deadline_when_the_daemon_is_away_at_that_moment)
{
    auto spec = machine::web();
    spec.drain.timeout = 30s;
    make_live(spec);
    m.proxy.sessions[m.endpoint_of(old)] = 1;
    leave();
    ASSERT_TRUE(m.run_until([&] { return m.draining().contains(old); }));
    m.run_for(20s);
    m.crash();
    m.run_for(15s);
    EXPECT_EQ(m.docker.count_calls("stop"), 0U);
    m.start();
    EXPECT_TRUE(m.run_until([&] { return m.docker.count_calls("stop " + old) == 1; }, 500ms))
        << "the deadline passed 5 s ago";
    ASSERT_TRUE(m.run_until([&] { return is_gone(); }));
    m.run_for(1s);
    ASSERT_EQ(m.told("drain_ended").size(), 1U);
    EXPECT_TRUE(m.told("drain_ended")[0].ends_with("with 1 connection left")) << m.told("drain_ended")[0];
    EXPECT_EQ(m.told("drain_begun").size(), 1U);
}

TEST_F(leaving, begins_no_new_deadline_with_a_new_daemon)
{
    auto spec = machine::web();
    spec.drain.timeout = 30s;
    make_live(spec);
    m.proxy.sessions[m.endpoint_of(old)] = 1;
    leave();
    ASSERT_TRUE(m.run_until([&] { return m.draining().contains(old); }));
    m.run_for(10s);
    m.crash();
    m.start();
    m.run_for(18s);
    EXPECT_EQ(m.docker.count_calls("stop"), 0U);
    m.run_for(3s);
    EXPECT_EQ(m.docker.count_calls("stop " + old), 1U);
}

TEST_F(leaving, does_not_care_what_the_wall_clock_says)
{
    for (const auto jump : {runtime::duration(240h), runtime::duration(-240h)}) {
        SCOPED_TRACE(jump / 1h);
        machine machine;
        auto spec = machine::web();
        spec.drain.timeout = 30s;
        machine.start();
        machine.release(spec, "1");
        ASSERT_TRUE(machine.run_until([&] { return machine.outcome_of(1) == model::release_outcome::live; }));
        machine.run_for(1s);
        machine.proxy.sessions[machine.endpoint_of(old)] = 1;
        machine.release(spec, "2");
        ASSERT_TRUE(machine.run_until([&] { return machine.draining().contains(old); }));
        machine.sim.clock.set_wall_clock(jump);
        machine.run_for(10s);
        machine.crash();
        machine.sim.clock.set_wall_clock(-2 * jump);
        machine.start();
        machine.run_for(18s);
        EXPECT_EQ(machine.docker.count_calls("stop"), 0U);
        const auto told = machine.reason("draining");
        ASSERT_TRUE(told && told->until);
        EXPECT_NEAR(static_cast<double>((*told->until - machine.sim.clock.wall_now()) / 1ms), 2000, 1500);
        machine.run_for(3s);
        EXPECT_EQ(machine.docker.count_calls("stop " + old), 1U);
    }
}

/// A daemon finds a container that is not ready yet after somebody set the clock: it gets its ready timeout
/// anew, because nobody asked it meanwhile, and not more and not less.
void ready_after_a_jump(runtime::duration jump)
{
    SCOPED_TRACE(jump / 1h);
    machine m;
    m.prober.on_probe = [&](const model::check_spec&, const health::probe_target&) {
        return health::probe_result{false, "starting"};
    };
    m.start();
    m.release("1");
    ASSERT_TRUE(m.run_until([&] { return m.is_running("shop-web-1-1"); }));
    m.run_for(4s);
    m.crash();
    m.sim.clock.set_wall_clock(jump);
    m.start();
    m.run_for(9s);
    EXPECT_TRUE(m.is_running("shop-web-1-1"));
    const auto told = m.reason("waiting_ready");
    ASSERT_TRUE(told && told->until);
    EXPECT_EQ(told->text, "its ready check \"up\" does not pass: starting");
    EXPECT_NEAR(static_cast<double>((m.sim.clock.wall_now() - told->since) / 1ms), 13000, 1100);
    EXPECT_NEAR(static_cast<double>((*told->until - m.sim.clock.wall_now()) / 1ms), 1000, 1100);
    m.run_for(2s);
    EXPECT_FALSE(m.is_running("shop-web-1-1"));
    EXPECT_EQ(m.outcome_of(1), model::release_outcome::failed);
}

TEST(a_clock_that_jumps, does_not_change_how_long_a_container_may_take_to_get_ready)
{
    ready_after_a_jump(0h);
    ready_after_a_jump(24h);
    ready_after_a_jump(-24h);
}

}  // namespace
}  // namespace gantryd::daemon
