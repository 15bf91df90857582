// Three machines, one registry: what is released runs everywhere or nowhere.
#include "rollout_fixture.hpp"
#include "traffic.hpp"

#include <memory>
#include <vector>

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t further = 8091;

class fleet_images : public rollout_lab<fleet_images> {
public:
    static layout wanted() { return {.etcd_members = 1}; }

protected:
    void SetUp() override
    {
        rollout_lab::SetUp();
        begin({});
    }

    /// Without waiting for anything.
    static finished order(const std::vector<std::string>& more = {})
    {
        std::vector<std::string> words{"update", project_, "-c", "web"};
        words.insert(words.end(), more.begin(), more.end());
        return here().m(1).gantryd(words);
    }
    static std::string why() { return here().m(1).gantryd({"why", project_, "-c", "web"}).both(); }
    static bool is_told(const std::string& text)
    {
        return wait_until([&] { return why().find(text) != std::string::npos; });
    }
    static bool all_serve(const std::string& version)
    {
        return wait_until(
            [&] {
                return std::ranges::all_of(here().machines(),
                    [&](const machine& each) { return each.version_at(external) == version; });
            },
            45s);
    }
    /// The same, and nothing is left of what ran before.
    static bool all_run_only(const std::string& version)
    {
        return all_serve(version) && wait_until([] {
            const auto all = images_that_run();
            return all.size() == 3 && std::ranges::count(all, all.front()) == 3;
        });
    }
    /// The ids of the images of all containers of the project, machine by machine.
    static std::vector<std::string> images_that_run()
    {
        std::vector<std::string> out;
        for (const auto& each : here().machines())
            for (const auto& container : each.docker().containers(project_))
                out.push_back(container.image);
        return out;
    }
};

TEST_F(fleet_images, are_the_recorded_ones_everywhere_though_the_tag_moves_before_they_are_pulled)
{
    const auto recorded = make("v2");
    publish();
    for (const int number : {2, 3})
        here().m(number).freeze("gantryd");
    done(order());
    make("moved");
    publish();
    EXPECT_EQ(here().m(1).version_at(external), "v1") << "it waits for the others";
    for (const int number : {2, 3})
        here().m(number).thaw("gantryd");
    ASSERT_TRUE(all_run_only("v2")) << logs();
    EXPECT_EQ(images_that_run(), std::vector<std::string>(3, recorded));
}

TEST_F(fleet_images, that_the_registry_does_not_give_leave_every_machine_as_it_is)
{
    const auto before = images_that_run();
    make("v3");
    publish();
    here().registry().stop("registry");
    done(order());
    ASSERT_TRUE(is_told("pull_failed")) << logs();
    ASSERT_TRUE(is_told("no machine is touched before all of them could run release")) << logs();
    EXPECT_TRUE(why().find("connection refused") != std::string::npos) << why();
    EXPECT_TRUE(holds_for(2s, [&] { return images_that_run() == before; }));
    const auto waited = order({"--wait", "--timeout", "1s"});
    EXPECT_TRUE(waited.both().find("none is touched before all of them could run it") != std::string::npos)
        << waited.both();
    const auto plan = here().m(1).gantryd({"plan", project_, "-c", "web"}).both();
    EXPECT_TRUE(plan.find("no machine is touched before all of them could run release") != std::string::npos)
        << plan;
    here().registry().start_registry();
    EXPECT_TRUE(all_run_only("v3")) << logs();
}

TEST_F(fleet_images, of_a_moved_tag_run_nowhere_when_no_registry_had_told_a_digest)
{
    const auto before = images_that_run();
    const auto recorded = make("v4");
    done(order());
    make("other");
    publish();
    ASSERT_TRUE(is_told("image_mismatch")) << logs();
    EXPECT_TRUE(holds_for(2s, [&] { return images_that_run() == before; }));
    here().m(1).docker().run({"tag", recorded, image() + ":live"});
    publish();
    EXPECT_TRUE(all_run_only("v4")) << logs();
}

TEST_F(fleet_images, wait_for_a_port_that_one_machine_cannot_have)
{
    const auto before = images_that_run();
    configure({.more_ports = R"(, {"external": 8091, "container": 8080, "kind": "http"})"});
    auto stranger = here().m(3).within([] { return std::make_shared<port_holder>(further); });
    make("v5");
    publish();
    done(order());
    ASSERT_TRUE(is_told("port_taken")) << logs();
    EXPECT_TRUE(is_told("port 8091 is taken by")) << why();
    EXPECT_TRUE(holds_for(2s, [&] { return images_that_run() == before; }));
    stranger.reset();
    EXPECT_TRUE(all_run_only("v5")) << logs();
    EXPECT_TRUE(wait_until([&] { return here().m(3).version_at(further) == "v5"; }));
}

}  // namespace
}  // namespace gantryd::integration
