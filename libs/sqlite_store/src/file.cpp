#include "file.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantryd::sqlite_store {
namespace {

/// errno as a failure: what an operator has to change is rejected, what may pass by itself unavailable.
std::unexpected<base::error> system_failure(const std::string& what)
{
    const int number = errno;
    const bool permanent = number == EACCES || number == EPERM || number == EROFS || number == ENOTDIR ||
                           number == ELOOP || number == ENAMETOOLONG || number == EISDIR;
    const auto code = permanent ? base::errc::rejected : base::errc::unavailable;
    return base::fail(code, what + ": " + std::generic_category().message(number));
}

base::result<void> make_directories(const std::string& path)
{
    struct stat found{};
    if (::stat(path.c_str(), &found) == 0) {
        if (S_ISDIR(found.st_mode))
            return {};
        return base::fail(base::errc::rejected, path + " is not a directory");
    }
    if (errno != ENOENT)
        return system_failure(path);
    const auto slash = path.find_last_not_of('/', path.rfind('/'));
    if (path.rfind('/') != std::string::npos && slash != std::string::npos) {
        const auto parent = make_directories(path.substr(0, slash + 1));
        if (!parent)
            return parent;
    }
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return system_failure("make directory " + path);
    return {};
}

base::result<void> make_file(const std::string& path)
{
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? base::result<void>() : system_failure("make file " + path);
    ::close(fd);
    return {};
}

/// The directory's real path, so that SQLite can be told to follow no link at all.
base::result<std::string> real_directory(const std::string& path)
{
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    if (!real)
        return system_failure(path);
    return std::string(real.get());
}

std::string kind_of(mode_t mode)
{
    if (S_ISDIR(mode))
        return "a directory";
    if (S_ISLNK(mode))
        return "a symbolic link";
    return "not a regular file";
}

}  // namespace

std::optional<file_identity> identity_of(const std::string& path)
{
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0)
        return std::nullopt;
    return file_identity{found.st_dev, found.st_ino};
}

base::result<std::string> prepare_file(const options& what)
{
    const auto slash = what.path.rfind('/');
    const auto name = slash == std::string::npos ? what.path : what.path.substr(slash + 1);
    if (name.empty() || name == "." || name == "..")
        return base::fail(base::errc::rejected, "store file '" + what.path + "': not the name of a file");
    auto directory = slash == std::string::npos ? std::string(".") : what.path.substr(0, slash + 1);
    if (what.create) {
        const auto made = make_directories(directory);
        if (!made)
            return base::fail("store file " + what.path, made.error());
    }

    struct stat found{};
    const bool missing = ::lstat(what.path.c_str(), &found) != 0;
    if (missing && errno != ENOENT)
        return system_failure("store file " + what.path);
    if (missing && !what.create)
        return base::fail(base::errc::not_found, "store file " + what.path + " does not exist");
    if (!missing && !S_ISREG(found.st_mode))
        return base::fail(base::errc::rejected, "store file " + what.path + " is " + kind_of(found.st_mode));

    const auto real = real_directory(directory);
    if (!real)
        return base::fail("store file " + what.path, real.error());
    // SQLite makes and removes files beside it.
    if (::faccessat(AT_FDCWD, real->c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0)
        return system_failure("store file " + what.path + ": no access to its directory");
    auto path = (*real == "/" ? std::string() : *real) + "/" + name;
    if (missing) {
        const auto made = make_file(path);
        if (!made)
            return base::fail("store file " + what.path, made.error());
    }
    if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0)
        return system_failure("store file " + what.path + ": cannot be read and written");
    return path;
}

}  // namespace gantryd::sqlite_store
