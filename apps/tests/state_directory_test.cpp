#include "common/state_directory.hpp"

#include <gantryd/base/temporary_directory.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace gantryd::app;
using gantryd::base::errc;
using gantryd::base::mode_of;

namespace {

class a_state_directory : public ::testing::Test {
protected:
    std::string at(const std::string& name) const { return root_ / name; }
    /// Why it cannot be held.
    std::string refusal_of(const std::string& path)
    {
        const auto held = hold_state_directory(path);
        EXPECT_FALSE(held);
        if (held)
            return {};
        EXPECT_EQ(held.error(), errc::rejected);
        return held.error().context();
    }

    gantryd::base::temporary_directory root_;
};

}  // namespace

TEST_F(a_state_directory, is_private_and_so_is_what_is_in_it)
{
    const auto held = hold_state_directory(at("a/state"));
    ASSERT_TRUE(held) << held.error().context();
    EXPECT_EQ(mode_of(at("a/state")), 0700u);
    EXPECT_EQ(mode_of(at("a/state/lock")), 0600u);
    EXPECT_EQ(mode_of(at("a/state/machine-id")), 0600u);
    EXPECT_EQ(hold_state_directory(at("a/state")).error(), errc::conflict) << "held by one at a time";
}

TEST_F(a_state_directory, that_everybody_may_write_to_is_refused)
{
    for (const unsigned mode : {0777u, 01777u, 0702u}) {
        ASSERT_EQ(::chmod(root_.path().c_str(), mode), 0);
        EXPECT_NE(refusal_of(root_.path()).find("everybody may write to it: chmod o-w " + root_.path()),
            std::string::npos);
        EXPECT_FALSE(fs::exists(at("lock")));
    }
    ASSERT_EQ(::chmod(root_.path().c_str(), 0770), 0);
    EXPECT_TRUE(hold_state_directory(root_.path())) << "a group of operators is somebody's decision";
}

TEST_F(a_state_directory, is_judged_before_a_store_is_made_in_it)
{
    EXPECT_TRUE(check_state_directory(at("missing")));
    EXPECT_FALSE(fs::exists(at("missing")));
    ASSERT_EQ(::chmod(root_.path().c_str(), 0777), 0);
    const auto judged = check_state_directory(root_.path());
    ASSERT_FALSE(judged);
    EXPECT_NE(judged.error().context().find("everybody may write to it"), std::string::npos);
    ASSERT_EQ(::chmod(root_.path().c_str(), 0700), 0);
    EXPECT_TRUE(check_state_directory(root_.path()));
}

TEST_F(a_state_directory, of_another_user_is_refused)
{
    ASSERT_EQ(::geteuid(), 0u) << "only root can give a directory away";
    ASSERT_EQ(::chown(root_.path().c_str(), 4711, 4711), 0);
    EXPECT_NE(
        refusal_of(root_.path()).find("it belongs to user 4711, and this is user 0"), std::string::npos);
    ASSERT_EQ(::chown(root_.path().c_str(), 0, 0), 0);
}

TEST_F(a_state_directory, writes_through_no_link)
{
    std::ofstream(at("precious")) << "keep me!";
    for (const std::string name : {"lock", "machine-id"}) {
        fs::create_directory(at("state"));
        fs::create_symlink(at("precious"), at("state/" + name));
        EXPECT_NE(refusal_of(at("state")).find(name), std::string::npos);
        std::ifstream in(at("precious"));
        EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "keep me!") << name;
        fs::remove_all(at("state"));
    }
}

TEST_F(a_state_directory, takes_no_id_that_is_no_name)
{
    for (const std::string bad : {"../../x", "a b", "a/b", "\x1b[m", ""}) {
        std::ofstream(at("machine-id")) << bad << '\n';
        const auto held = hold_state_directory(root_.path());
        ASSERT_TRUE(held);
        EXPECT_EQ((*held)->machine().text().size(), 24u) << "drawn anew";
    }
    std::ofstream(at("machine-id")) << "m-1\n";
    EXPECT_EQ((*hold_state_directory(root_.path()))->machine().text(), "m-1");
}
