#include <gantryd/secrets/private_file.hpp>

#include <gantryd/base/descriptor.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantryd::secrets {
namespace {

using base::errc;
using base::fail;

std::unexpected<base::error> cannot(const std::string& path, int error)
{
    if (error == ELOOP)
        return fail(errc::rejected, path + " is a symbolic link; it is not followed");
    const bool missing = error == ENOENT || error == ENOTDIR;
    return fail(missing ? errc::not_found : errc::rejected,
        missing ? path + " is not there" : path + ": " + std::generic_category().message(error));
}

base::result<void> check_owner_and_mode(const std::string& path, const struct stat& found)
{
    if (!S_ISREG(found.st_mode))
        return fail(errc::rejected, path + " is no regular file");
    if (found.st_uid != ::geteuid() && found.st_uid != 0)
        return fail(errc::rejected, fmt::format("{} belongs to user {}, who is neither root nor {}, as whom "
                                                "gantryd runs: chown {} {}",
                                        path, found.st_uid, ::geteuid(), ::geteuid(), path));
    if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return fail(errc::rejected, fmt::format("{} has mode {:04o}, and others may use it: chmod 600 {}",
                                        path, found.st_mode & 07777, path));
    return {};
}

}  // namespace

base::result<secret_text> read_private_file(const std::string& path, std::size_t longest)
{
    const base::descriptor file(
        ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat found{};
    if (!file || ::fstat(file.get(), &found) != 0)
        return cannot(path, errno);
    if (auto checked = check_owner_and_mode(path, found); !checked)
        return std::unexpected(checked.error());
    secret_text out(longest + 1);
    std::size_t size = 0;
    while (size < out.size()) {
        const auto n = ::read(file.get(), out.bytes().data() + size, out.size() - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cannot(path, errno);
        if (n == 0)
            break;
        size += static_cast<std::size_t>(n);
    }
    if (size > longest)
        return fail(errc::limit_exceeded, fmt::format("{} is longer than {} bytes", path, longest));
    out.shorten(size);
    return out;
}

base::result<secret_text> read_value_file(const std::string& path)
{
    auto out = read_private_file(path, longest_value + 2);
    if (!out)
        return out;
    drop_last_newline(*out);
    if (const auto problem = problem_with_value(out->view()); !problem.empty())
        return fail(errc::rejected, fmt::format("the value in {}: {}", path, problem));
    return out;
}

}  // namespace gantryd::secrets
