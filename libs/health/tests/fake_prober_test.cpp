#include <gantryd/health/fake_prober.hpp>
#include <gantryd/runtime/simulation.hpp>

#include <gtest/gtest.h>

namespace health = gantryd::health;
namespace model = gantryd::model;
namespace runtime = gantryd::runtime;
using gantryd::health_testing::fake_prober;
using namespace std::chrono_literals;

namespace {

const health::probe_target target{model::container_id("c1"), "10.0.0.2"};

}  // namespace

TEST(fake_prober, answers_what_the_test_says_after_its_delay)
{
    runtime::simulation sim;
    fake_prober prober(sim.clock);
    prober.delay = 1s;
    prober.on_probe = [](const model::check_spec& check, const health::probe_target& of) {
        return health::probe_result{check.port == 80, of.address};
    };
    model::check_spec check;
    check.port = 80;
    EXPECT_FALSE(sim.outcome_after(999ms, prober.probe(check, target)));
    auto got = sim.outcome_after(1s, prober.probe(check, target));
    ASSERT_TRUE(got);
    EXPECT_TRUE(got->passed);
    EXPECT_EQ(got->answer, "10.0.0.2");
    check.port = 81;
    got = sim.outcome_after(1s, prober.probe(check, target));
    ASSERT_TRUE(got);
    EXPECT_FALSE(got->passed);
    EXPECT_EQ(prober.probes, 3);
}

TEST(fake_prober, gives_up_at_the_checks_timeout)
{
    runtime::simulation sim;
    fake_prober prober(sim.clock);
    prober.delay = 1h;
    EXPECT_FALSE(sim.outcome_after(1999ms, prober.probe({}, target)));
    auto got = sim.outcome_after(2s, prober.probe({}, target));
    ASSERT_TRUE(got);
    EXPECT_FALSE(got->passed);
    EXPECT_EQ(got->answer, "no answer within 2s");
}

TEST(fake_prober, keeps_the_signals_that_were_sent)
{
    runtime::simulation sim;
    fake_prober prober(sim.clock);
    model::signal_spec signal;
    signal.path = "/quit";
    auto got = sim.outcome_after(0s, prober.signal(signal, target));
    ASSERT_TRUE(got && got->passed);
    prober.on_signal = [](const model::signal_spec&, const health::probe_target&) {
        return health::probe_result{false, "gone"};
    };
    got = sim.outcome_after(0s, prober.signal(signal, target));
    ASSERT_TRUE(got && !got->passed);
    ASSERT_EQ(prober.signals.size(), 2U);
    EXPECT_EQ(prober.signals[0].first.path, "/quit");
    EXPECT_EQ(prober.signals[0].second.container.text(), "c1");
}
