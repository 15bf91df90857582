#include "../src/files.hpp"

#include <gantryd/base/temporary_directory.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace gantryd::haproxy;
using gantryd::base::errc;
using gantryd::base::mode_of;

namespace {

class files : public ::testing::Test {
protected:
    std::string at(const std::string& name) const { return root_ / name; }

    gantryd::base::temporary_directory root_;
};

}  // namespace

TEST_F(files, a_directory_is_for_this_user_alone)
{
    ASSERT_TRUE(make_private_directory(at("a/b")));
    EXPECT_EQ(mode_of(at("a/b")), 0700u);
    fs::permissions(at("a/b"), fs::perms::all);
    ASSERT_TRUE(make_private_directory(at("a/b")));
    EXPECT_EQ(mode_of(at("a/b")), 0700u);
}

TEST_F(files, a_link_is_no_directory_of_ours)
{
    fs::create_directory(at("others"));
    fs::permissions(at("others"), fs::perms(0755));
    fs::create_directory_symlink(at("others"), at("link"));
    const auto made = make_private_directory(at("link"));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), errc::unavailable);
    EXPECT_NE(made.error().context().find("something else is there"), std::string::npos);
    EXPECT_EQ(mode_of(at("others")), 0755u) << "what it leads to is not touched";
}

TEST_F(files, neither_is_that_of_another_user)
{
    ASSERT_EQ(::geteuid(), 0u) << "only root can give a directory away";
    fs::create_directory(at("others"));
    ASSERT_EQ(::chown(at("others").c_str(), 4711, 4711), 0);
    const auto made = make_private_directory(at("others"));
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().context().find("belongs to another user (4711)"), std::string::npos);
}

TEST_F(files, a_link_in_the_way_of_a_file_is_replaced_and_not_followed)
{
    std::ofstream(at("precious")) << "keep";
    fs::create_symlink(at("precious"), at("cfg"));
    fs::create_symlink(at("precious"), at("cfg.tmp"));
    ASSERT_TRUE(write_file(at("cfg"), "new"));
    EXPECT_EQ(read_file(at("precious")).value_or(""), "keep");
    EXPECT_EQ(read_file(at("cfg")).value_or(""), "new");
    EXPECT_FALSE(fs::is_symlink(at("cfg")));
    EXPECT_EQ(mode_of(at("cfg")), 0600u);
}
