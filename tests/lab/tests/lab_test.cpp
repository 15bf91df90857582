#include "lab/lab.hpp"
#include "wait.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace gantryd::integration {
namespace {

const layout bare{.machines = 1, .etcd_members = 1, .registry = false, .start = false};

std::filesystem::path new_directory(const std::string& name) { return lab_root() / ("gantryd-lab." + name); }

TEST(a_lab, has_the_nodes_that_were_asked_for)
{
    const lab here(bare);
    EXPECT_EQ(here.machines().size(), 1u);
    EXPECT_EQ(here.members().size(), 1u);
    EXPECT_FALSE(here.has_registry());
    EXPECT_EQ(here.endpoints(), "http://10.77.1.1:2379");
    EXPECT_THROW(here.find("m2"), std::runtime_error);
    EXPECT_THROW(here.registry(), std::out_of_range);
}

TEST(a_lab, does_not_know_of_another_one)
{
    const lab one(bare);
    const lab other(bare);
    one.e(1).start("server", {DEMO_SERVER_PROGRAM}, {{"VERSION", "one"}});
    EXPECT_TRUE(wait_until([&] { return answers(one.m(1), one.e(1).address(), 8080, "/"); }));
    EXPECT_FALSE(answers(other.m(1), other.e(1).address(), 8080, "/"));
}

TEST(a_lab, may_outlive_the_object_and_is_found_again)
{
    const auto directory = new_directory("found");
    {
        const auto here = lab::up(directory, bare);
        here.m(1).start("server", {DEMO_SERVER_PROGRAM}, {{"VERSION", "found"}});
    }
    EXPECT_THROW(lab::up(directory, bare), std::runtime_error);

    auto again = lab::at(directory);
    EXPECT_TRUE(wait_until([&] { return again.m(1).version_at(8080) == "found"; }));
    again.down();
    EXPECT_FALSE(std::filesystem::exists(directory));
    EXPECT_THROW(lab::at(directory), std::runtime_error);
}

}  // namespace
}  // namespace gantryd::integration
