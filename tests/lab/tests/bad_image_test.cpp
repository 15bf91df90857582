// A release that is no good never reaches a second machine.
#include "lab/slots.hpp"
#include "rollout_fixture.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace gantryd::integration {
namespace {

class bad_image : public rollout_lab<bad_image> {
public:
    static layout wanted() { return {}; }

protected:
    void SetUp() override
    {
        rollout_lab::SetUp();
        begin({.rollout = R"({"minHealthyTime": "8s"})", .ready_timeout = "3s"});
    }

    /// Releases an image that behaves so: v1 is what everybody gets throughout, and only one machine has seen
    /// the new one.
    void expect_stopped(const std::string& how, const std::map<std::string, std::string>& settings) const
    {
        const std::vector<std::string> only_v1{"v1"};
        const bool lives_for_a_while = settings.contains("EXIT_AFTER_MS");  // then both serve
        SCOPED_TRACE(how);
        observer watching(here().machines(), what());
        slot_watch slots(here(), project_, "web");
        const auto bad = push("bad", settings);
        const auto failed = update();
        EXPECT_EQ(failed.exit_code, 4) << failed.both() << logs();
        EXPECT_TRUE(wait_until([&] { return all_run(first_image_) && slots.holder().empty(); })) << logs();
        const auto seen = watching.finish();
        std::set<std::string> touched;
        for (const auto& [machine, looks] : seen) {
            for (const auto& look : looks)
                for (const auto& container : look.containers)
                    if (container.image == bad && container.started)
                        touched.insert(machine);
        }
        EXPECT_EQ(touched.size(), 1u);
        for (const auto& [machine, looks] : seen)
            EXPECT_TRUE(
                versions_served(looks) == only_v1 || (lives_for_a_while && touched.contains(machine)));
        EXPECT_EQ(below(seen, 1), std::vector<std::string>());
        EXPECT_EQ(begun_without_slot(seen, slots.finish()), std::vector<std::string>());
    }
};

TEST_F(bad_image, never_reaches_a_second_machine)
{
    expect_stopped("exits at once", {{"EXIT_CODE", "3"}});
    expect_stopped("is never ready", {{"UNHEALTHY", "1"}});
    expect_stopped("dies after five seconds", {{"EXIT_AFTER_MS", "5000"}, {"EXIT_CODE", "3"}});
}

}  // namespace
}  // namespace gantryd::integration
