#include "common/state_directory.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace gantryd::app;
using gantryd::base::errc;

namespace {

class a_state_directory : public ::testing::Test {
protected:
    a_state_directory()
    {
        auto pattern = (fs::temp_directory_path() / "gantryd-state-XXXXXX").string();
        EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
    }
    ~a_state_directory() override
    {
        std::error_code ignored;
        fs::remove_all(root_, ignored);
    }

    std::string at(const std::string& name) const { return (root_ / name).string(); }
    static mode_t mode_of(const std::string& path)
    {
        struct stat found{};
        EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
        return found.st_mode & 07777;
    }
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

    fs::path root_;
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
        ASSERT_EQ(::chmod(root_.c_str(), mode), 0);
        EXPECT_NE(refusal_of(root_).find("everybody may write to it: chmod o-w " + root_.string()),
            std::string::npos);
        EXPECT_FALSE(fs::exists(at("lock")));
    }
    ASSERT_EQ(::chmod(root_.c_str(), 0770), 0);
    EXPECT_TRUE(hold_state_directory(root_)) << "a group of operators is somebody's decision";
}

TEST_F(a_state_directory, of_another_user_is_refused)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can give a directory away";
    ASSERT_EQ(::chown(root_.c_str(), 4711, 4711), 0);
    EXPECT_NE(refusal_of(root_).find("it belongs to user 4711, and this is user 0"), std::string::npos);
    ASSERT_EQ(::chown(root_.c_str(), 0, 0), 0);
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
        const auto held = hold_state_directory(root_);
        ASSERT_TRUE(held);
        EXPECT_EQ((*held)->machine().text().size(), 24u) << "drawn anew";
    }
    std::ofstream(at("machine-id")) << "m-1\n";
    EXPECT_EQ((*hold_state_directory(root_))->machine().text(), "m-1");
}
