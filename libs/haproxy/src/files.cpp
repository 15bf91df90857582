#include "files.hpp"

#include <gantryd/base/descriptor.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantryd::haproxy {
namespace {

using base::errc;
using base::fail;
using base::result;

constexpr std::size_t most_bytes = 64u << 20;

std::unexpected<base::error> failed(const std::string& what, const std::string& path, int reason)
{
    const auto code = reason == ENOENT ? errc::not_found : errc::unavailable;
    return fail(code, what + " " + path + ": " + std::generic_category().message(reason));
}

result<void> write_all(int fd, const std::string& text, const std::string& path)
{
    for (std::size_t done = 0; done < text.size();) {
        const auto n = ::write(fd, text.data() + done, text.size() - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(errc::unavailable, "write " + path + ": " + std::generic_category().message(errno));
        done += static_cast<std::size_t>(n);
    }
    if (::fsync(fd) != 0)
        return fail(errc::unavailable, "write " + path + ": " + std::generic_category().message(errno));
    return {};
}

}  // namespace

result<void> make_private_directory(const std::string& path)
{
    const auto parent = std::filesystem::path(path).lexically_normal().parent_path();
    std::error_code why;
    std::filesystem::create_directories(parent, why);
    if (why)
        return fail(errc::unavailable, "make " + parent.string() + ": " + why.message());
    if (::mkdir(path.c_str(), 0700) == 0)
        return {};
    const int reason = errno;
    struct stat found{};
    if (reason != EEXIST || ::lstat(path.c_str(), &found) != 0)
        return fail(errc::unavailable, "make " + path + ": " + std::generic_category().message(reason));
    // A link may lead to a directory that others need, and of another's we never know what is in it.
    if (!S_ISDIR(found.st_mode))
        return fail(errc::unavailable, "make " + path + ": something else is there, and no directory");
    if (found.st_uid != ::geteuid())
        return fail(
            errc::unavailable, path + " belongs to another user (" + std::to_string(found.st_uid) + ")");
    if ((found.st_mode & 0777) != 0700 && ::chmod(path.c_str(), 0700) != 0)
        return fail(
            errc::unavailable, "make " + path + " private: " + std::generic_category().message(errno));
    return {};
}

result<std::string> read_file(const std::string& path)
{
    const base::descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0)
        return failed("read", path, errno);
    std::string text;
    std::array<char, 16'384> buffer{};
    for (;;) {
        const auto n = ::read(file.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed("read", path, errno);
        if (n == 0)
            return text;
        text.append(buffer.data(), static_cast<std::size_t>(n));
        if (text.size() > most_bytes)
            return fail(errc::limit_exceeded, "read " + path + ": more than 64 MiB");
    }
}

result<void> write_file(const std::string& path, const std::string& text)
{
    const auto temporary = path + ".tmp";
    ::unlink(temporary.c_str());  // one that a crash left behind
    {
        const base::descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (file.get() < 0)
            return fail(
                errc::unavailable, "write " + temporary + ": " + std::generic_category().message(errno));
        if (auto done = write_all(file.get(), text, temporary); !done)
            return done;
    }
    return move_file(temporary, path);
}

result<void> move_file(const std::string& from, const std::string& to)
{
    if (::rename(from.c_str(), to.c_str()) != 0)
        return fail(
            errc::unavailable, "move " + from + " to " + to + ": " + std::generic_category().message(errno));
    const auto directory = std::filesystem::path(to).parent_path();
    const base::descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened.get() < 0 || ::fsync(opened.get()) != 0)
        return fail(
            errc::unavailable, "write " + directory.string() + ": " + std::generic_category().message(errno));
    return {};
}

}  // namespace gantryd::haproxy
