#include "child_process.hpp"
#include "steps.hpp"

#include <gantryd/base/temporary_directory.hpp>

#include <SQLiteCpp/Database.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace base = gantryd::base;
namespace fs = std::filesystem;
namespace store = gantryd::store;
namespace sqlite_store = gantryd::sqlite_store;
using base::errc;
using sqlite_store::open_file;
using sqlite_store::outcome;
using namespace std::chrono_literals;

namespace {

const int read_write_create = SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE;

class sqlite_store_open : public testing::Test {
protected:
    /// open() that must be refused, with a sentence that has all these words and the file's name.
    void must_refuse(const std::string& file, errc why, std::initializer_list<const char*> words)
    {
        const auto opened = open_file(file, loop->clock());
        ASSERT_FALSE(opened);
        const auto& sentence = opened.error().context();
        EXPECT_EQ(opened.error().code(), why) << sentence;
        EXPECT_NE(sentence.find(file), std::string::npos) << sentence;
        for (const auto* word : words)
            EXPECT_NE(sentence.find(word), std::string::npos) << sentence;
    }

    base::temporary_directory directory;
    std::string path = directory / "state.db";
    std::unique_ptr<store::test_loop> loop = store::make_virtual_loop();
};

unsigned mode_of(const std::string& path)
{
    struct stat found{};
    return ::lstat(path.c_str(), &found) == 0 ? found.st_mode & 07777u : 0u;
}

std::string content_of(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& content)
{
    std::ofstream(path, std::ios::binary) << content;
}

}  // namespace

TEST_F(sqlite_store_open, makes_private_files_in_a_private_directory)
{
    ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
    const auto deep = directory / "a/b//state.db";
    const auto opened = open_file(deep, loop->clock());
    ASSERT_TRUE(opened) << opened.error().context();
    const auto at = outcome(*loop, (*opened)->commit(sqlite_store::put("k", "v"), loop->clock().now() + 1s));
    ASSERT_TRUE(at) << at.error().context();
    EXPECT_EQ(mode_of(directory.path()), 0755u) << "what was there is left alone";
    EXPECT_EQ(mode_of(directory / "a"), 0700u);
    EXPECT_EQ(mode_of(directory / "a/b"), 0700u);
    for (const auto* side : {"", "-wal", "-shm", "-changed"})
        EXPECT_EQ(mode_of(deep + side), 0600u) << side;
}

TEST_F(sqlite_store_open, data_history_and_revisions_survive)
{
    auto opened = open_file(path, loop->clock());
    ASSERT_TRUE(opened) << opened.error().context();
    const auto soon = loop->clock().now() + 10s;
    const auto first = outcome(*loop, (*opened)->commit(sqlite_store::put("k", "1"), soon));
    const auto second = outcome(*loop, (*opened)->commit(sqlite_store::put("k", "2"), soon));
    ASSERT_TRUE(first && second);
    opened->reset();
    opened = open_file(path, loop->clock());
    ASSERT_TRUE(opened) << opened.error().context();
    const auto got = outcome(*loop, (*opened)->get("k", soon));
    ASSERT_TRUE(got && *got);
    EXPECT_EQ(**got, (store::key_value{"k", "2", *first, *second, {}}));
    const auto watch = (*opened)->watch("k", *first);
    const auto seen = outcome(*loop, watch->next());
    ASSERT_TRUE(seen && seen->size() == 1);
    EXPECT_EQ(seen->front().pair.value, "2");
}

TEST_F(sqlite_store_open, a_name_without_a_directory_is_in_the_working_directory)
{
    const auto before = fs::current_path();
    fs::current_path(directory.path());
    const auto opened = open_file("state.db", loop->clock());
    fs::current_path(before);
    ASSERT_TRUE(opened) << opened.error().context();
    const auto got = outcome(*loop, (*opened)->get("k", loop->clock().now() + 1s));
    EXPECT_TRUE(got) << "it finds its file from any directory";
    EXPECT_TRUE(fs::exists(path));
}

TEST_F(sqlite_store_open, a_missing_file_is_not_made_unasked)
{
    sqlite_store::options what;
    what.path = directory / "no/state.db";
    what.create = false;
    const auto opened = sqlite_store::open(what, loop->clock());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), errc::not_found);
    EXPECT_NE(opened.error().context().find(what.path), std::string::npos);
    EXPECT_FALSE(fs::exists(directory / "no"));
}

TEST_F(sqlite_store_open, an_empty_file_is_a_new_store)
{
    write_file(path, "");
    const auto opened = open_file(path, loop->clock());
    EXPECT_TRUE(opened) << opened.error().context();
}

TEST_F(sqlite_store_open, a_symbolic_link_is_refused_and_its_target_untouched)
{
    write_file(directory / "target", "precious");
    fs::create_symlink(directory / "target", path);
    must_refuse(path, errc::rejected, {"symbolic link"});
    fs::remove(path);
    fs::create_symlink(directory / "nothing", path);
    must_refuse(path, errc::rejected, {"symbolic link"});
    EXPECT_EQ(content_of(directory / "target"), "precious");
    EXPECT_FALSE(fs::exists(directory / "nothing"));
}

TEST_F(sqlite_store_open, a_directory_behind_a_symbolic_link_is_fine)
{
    fs::create_directory(directory / "real");
    fs::create_directory_symlink(directory / "real", directory / "link");
    const auto opened = open_file(directory / "link/state.db", loop->clock());
    EXPECT_TRUE(opened) << opened.error().context();
    EXPECT_TRUE(fs::exists(directory / "real/state.db"));
}

TEST_F(sqlite_store_open, only_a_regular_file_will_do)
{
    fs::create_directory(path);
    must_refuse(path, errc::rejected, {"a directory"});
    must_refuse(path + "/", errc::rejected, {"not the name of a file"});
    const auto fifo = directory / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    must_refuse(fifo, errc::rejected, {"not a regular file"});
    write_file(directory / "file", "");
    must_refuse(directory / "file/state.db", errc::rejected, {"Not a directory"});
    EXPECT_FALSE(open_file("", loop->clock()));
}

TEST_F(sqlite_store_open, bytes_that_are_no_database_are_refused_and_untouched)
{
    const std::string text(5000, 'x');
    write_file(path, text);
    must_refuse(path, errc::rejected, {"file is not a database"});
    EXPECT_EQ(content_of(path), text);
}

TEST_F(sqlite_store_open, a_damaged_database_is_refused)
{
    {
        const auto opened = open_file(path, loop->clock());
        ASSERT_TRUE(opened) << opened.error().context();
    }
    auto content = content_of(path);
    ASSERT_GT(content.size(), 4096u);
    content.replace(100, 3996, 3996, '\xff');  // the page of the schema; the header stays
    write_file(path, content);
    must_refuse(path, errc::rejected, {"malformed"});
}

TEST_F(sqlite_store_open, another_programs_database_is_refused_and_untouched)
{
    {
        SQLite::Database other(path, read_write_create);
        other.exec("CREATE TABLE bookmarks (url TEXT)");
    }
    const auto before = content_of(path);
    must_refuse(path, errc::rejected, {"another program's database"});
    EXPECT_EQ(content_of(path), before);

    const auto marked = directory / "marked.db";
    {
        SQLite::Database other(marked, read_write_create);
        other.exec("PRAGMA application_id = 252006673; CREATE TABLE state (x)");
    }
    must_refuse(marked, errc::rejected, {"another program's database", "0x0f055111"});
}

TEST_F(sqlite_store_open, a_newer_format_is_refused)
{
    {
        const auto opened = open_file(path, loop->clock());
        ASSERT_TRUE(opened) << opened.error().context();
    }
    {
        SQLite::Database newer(path, SQLite::OPEN_READWRITE);
        newer.exec("PRAGMA user_version = 7");
    }
    must_refuse(path, errc::rejected, {"format 7", "format 1"});
}

TEST_F(sqlite_store_open, a_lock_that_stays_is_unavailable)
{
    {
        const auto opened = open_file(path, loop->clock());
        ASSERT_TRUE(opened) << opened.error().context();
    }
    SQLite::Database greedy(path, SQLite::OPEN_READWRITE);
    greedy.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE state SET revision = revision");
    must_refuse(path, errc::unavailable, {"locked by another process"});
}

TEST_F(sqlite_store_open, no_permission_is_refused_with_a_reason)
{
    {
        const auto opened = open_file(path, loop->clock());
        ASSERT_TRUE(opened) << opened.error().context();
    }
    const auto refused_as_nobody = [&](const std::string& file, const char* word) {
        gantryd::sqlite_store::child_process child([&] {
            constexpr uid_t nobody = 65534;  // root may do everything
            if (::geteuid() == 0 && ::setresuid(nobody, nobody, nobody) != 0)
                return 2;
            const auto opened = open_file(file, loop->clock());
            if (opened)
                return 3;
            const auto& sentence = opened.error().context();
            const bool clear = opened.error() == errc::rejected && sentence.find(file) != std::string::npos &&
                               sentence.find(word) != std::string::npos;
            if (!clear)
                std::fprintf(stderr, "%s\n", sentence.c_str());
            return clear ? 0 : 4;
        });
        return child.wait();
    };
    ASSERT_EQ(::chmod(directory.path().c_str(), 0777), 0);
    ASSERT_EQ(::chmod(path.c_str(), 0), 0);
    EXPECT_EQ(refused_as_nobody(path, "cannot be read and written"), 0);
    ASSERT_EQ(::chmod(path.c_str(), 0444), 0);
    EXPECT_EQ(refused_as_nobody(path, "cannot be read and written"), 0);
    ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
    ASSERT_EQ(::chmod(directory.path().c_str(), 0555), 0);
    EXPECT_EQ(refused_as_nobody(path, "directory"), 0);
    EXPECT_EQ(refused_as_nobody(directory / "new/state.db", "make directory"), 0);
    ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
}
