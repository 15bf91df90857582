#include "lab_fixture.hpp"
#include "wait.hpp"

#include <gtest/gtest.h>

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;

/// Machines on which nothing runs but a web server on each.
class lab_network : public shared_lab<lab_network> {
public:
    static layout wanted() { return {.machines = 3, .etcd_members = 0, .registry = false, .start = false}; }

protected:
    static constexpr std::uint16_t port = 8080;

    void SetUp() override
    {
        shared_lab::SetUp();
        for (const auto& each : here().machines())
            if (!each.runs("server"))
                each.start("server", {DEMO_SERVER_PROGRAM}, {{"VERSION", each.name()}});
        for (const auto& each : here().machines())
            ASSERT_TRUE(wait_until([&] { return each.version_at(port) == each.name(); }));
    }

    void TearDown() override { here().links().heal_all(here().nodes()); }
};

TEST_F(lab_network, connects_every_node_with_every_other)
{
    for (const auto& from : here().machines())
        for (const auto& to : here().machines())
            EXPECT_TRUE(reaches(from, to, port)) << from.name() << " to " << to.name();
}

TEST_F(lab_network, a_port_is_a_machines_own)
{
    EXPECT_EQ(here().m(1).version_at(port), "m1");
    EXPECT_EQ(here().m(2).version_at(port), "m2");
}

TEST_F(lab_network, a_cut_node_reaches_nobody_and_is_reached_by_nobody_until_it_is_healed)
{
    here().links().cut(here().m(1));
    EXPECT_FALSE(reaches(here().m(1), here().m(2), port));
    EXPECT_FALSE(reaches(here().m(2), here().m(1), port));
    EXPECT_TRUE(reaches(here().m(2), here().m(3), port));
    EXPECT_EQ(here().links().impairments().size(), 2u);

    here().links().heal(here().m(1));
    EXPECT_TRUE(reaches(here().m(1), here().m(2), port));
    EXPECT_TRUE(reaches(here().m(2), here().m(1), port));
    EXPECT_TRUE(here().links().impairments().empty());
}

TEST_F(lab_network, a_cut_between_two_leaves_the_others_alone)
{
    here().links().cut(here().m(1), here().m(2));
    EXPECT_FALSE(reaches(here().m(1), here().m(2), port));
    EXPECT_FALSE(reaches(here().m(2), here().m(1), port));
    EXPECT_TRUE(reaches(here().m(1), here().m(3), port));
    EXPECT_TRUE(reaches(here().m(3), here().m(2), port));
}

TEST_F(lab_network, a_cut_is_silent)
{
    here().links().cut(here().m(2));
    const auto done = here().m(1).run({"curl", "--silent", "--max-time", "2",
        "http://" + here().m(2).address() + ":" + std::to_string(port) + "/"});
    EXPECT_EQ(done.exit_code, 28) << "nobody may tell that it is away; curl said " << done.both();
}

TEST_F(lab_network, a_lossy_link_loses_some_packets_and_not_all)
{
    here().links().lose(here().m(1), 0.2);
    const auto url = "http://" + here().m(1).address() + ":" + std::to_string(port) + "/";
    int answered = 0;
    for (int i = 0; i < 40; ++i) {
        // A lost packet of the handshake is sent again after a second: too late.
        const auto done =
            here().m(2).run({"curl", "--silent", "--output", "/dev/null", "--max-time", "0.9", url});
        answered += done.exit_code == 0 ? 1 : 0;
    }
    // Two of three are; none or all of forty would be less than one in ten million labs.
    EXPECT_GT(answered, 0);
    EXPECT_LT(answered, 40);
}

TEST_F(lab_network, a_slow_link_lets_everything_pass_at_its_rate)
{
    const auto file = here().m(1).directory() / "bytes";
    here().m(1).must_run({"truncate", "--size", "60K", file});
    const auto upload = [&] {
        return here().m(1).run({"curl", "--silent", "--show-error", "--output", "/dev/null", "--data-binary",
            "@" + file.string(), "http://" + here().m(2).address() + ":" + std::to_string(port) + "/"});
    };
    here().links().slow(here().m(1), 200);  // 25 kB/s: it cannot be done in less than two seconds
    const auto slow = upload();
    EXPECT_EQ(slow.exit_code, 0) << slow.both();
    EXPECT_GT(slow.took, 2s);

    here().links().heal(here().m(1));
    const auto healed = upload();
    EXPECT_EQ(healed.exit_code, 0) << healed.both();
    EXPECT_LT(healed.took, slow.took);
}

}  // namespace
}  // namespace gantryd::integration
