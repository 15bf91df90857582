#include <gantryd/secrets/private_file.hpp>
#include <gantryd/secrets/secret_key.hpp>

#include <gantryd/base/temporary_directory.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

using namespace gantryd;

namespace {

class private_file : public ::testing::Test {
protected:
    std::string make(const std::string& name, std::string_view content, mode_t mode = 0600)
    {
        const auto path = directory_ / name;
        std::ofstream(path, std::ios::binary) << content;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }
    static std::string refusal(const std::string& path)
    {
        const auto read = secrets::read_private_file(path, 100);
        return read ? "none" : read.error().context();
    }

    base::temporary_directory directory_;
};

TEST_F(private_file, is_read_as_it_is)
{
    const auto read = secrets::read_private_file(make("db", "line\nline\n"), 100);
    ASSERT_TRUE(read) << read.error().context();
    EXPECT_EQ(read->view(), "line\nline\n");
    EXPECT_TRUE(secrets::read_private_file(make("read-only", "x", 0400), 100));
}

TEST_F(private_file, is_refused_when_others_may_use_it)
{
    for (const mode_t mode : {0644U, 0640U, 0604U, 0660U, 0601U, 0610U, 0620U, 0777U}) {
        const auto path = make("open", "x", mode);
        EXPECT_TRUE(refusal(path).contains("chmod 600 " + path)) << refusal(path);
    }
}

TEST_F(private_file, is_refused_when_it_belongs_to_somebody_else)
{
    const auto path = make("given", "x");
    ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0) << "only root can give a file away";
    EXPECT_TRUE(refusal(path).contains("belongs to user 65534")) << refusal(path);
}

TEST_F(private_file, is_refused_when_it_is_no_file)
{
    const auto path = make("db", "x");
    std::filesystem::create_symlink(path, directory_ / "link");
    EXPECT_TRUE(refusal(directory_ / "link").contains("symbolic link"));
    EXPECT_TRUE(refusal(directory_.path()).contains("no regular file"));
    // A pipe that nobody writes to would stop whoever opens it.
    ASSERT_EQ(::mkfifo((directory_ / "pipe").c_str(), 0600), 0);
    EXPECT_TRUE(refusal(directory_ / "pipe").contains("no regular file"));
}

TEST_F(private_file, that_is_missing_is_told_apart)
{
    const auto missing = secrets::read_private_file(directory_ / "nothing", 100);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error(), base::errc::not_found);
    EXPECT_EQ(secrets::read_private_file(make("db", "x") + "/below", 100).error(), base::errc::not_found);
}

TEST_F(private_file, has_a_limit)
{
    EXPECT_TRUE(secrets::read_private_file(make("fits", std::string(100, 'x')), 100));
    const auto longer = secrets::read_private_file(make("longer", std::string(101, 'x')), 100);
    ASSERT_FALSE(longer);
    EXPECT_EQ(longer.error(), base::errc::limit_exceeded);
}

TEST_F(private_file, with_a_value_has_one_without_its_last_newline)
{
    EXPECT_EQ(secrets::read_value_file(make("db", "two words\n"))->view(), "two words");
    EXPECT_EQ(
        secrets::read_value_file(make("long", std::string(secrets::longest_value, 'x') + "\r\n"))->size(),
        secrets::longest_value);
    for (const auto& content : {std::string(), std::string("\n"), std::string("a\0b", 3),
             std::string(secrets::longest_value + 1, 'x')}) {
        const auto refused = secrets::read_value_file(make("wrong", content));
        ASSERT_FALSE(refused) << content.size();
        EXPECT_TRUE(refused.error().context().contains("wrong")) << refused.error().context();
    }
}

TEST_F(private_file, with_a_key_has_32_bytes)
{
    EXPECT_TRUE(secrets::read_key_file(make("key", std::string(32, 'k'))));
    for (const auto size : {0, 31, 33, 5000}) {
        const auto refused =
            secrets::read_key_file(make("key", std::string(static_cast<std::size_t>(size), 'k')));
        ASSERT_FALSE(refused) << size;
        EXPECT_TRUE(refused.error().context().contains("32 bytes")) << refused.error().context();
    }
    const auto missing = secrets::read_key_file(directory_ / "nothing");
    EXPECT_TRUE(missing.error().context().contains("openssl rand")) << missing.error().context();
    EXPECT_FALSE(secrets::read_key_file(make("open", std::string(32, 'k'), 0644)));
}

}  // namespace
