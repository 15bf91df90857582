#include "common/state_directory.hpp"

#include <gantryd/base/names.hpp>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantryd::app {
namespace {

using base::errc;

class held_directory final : public state_directory {
public:
    held_directory(int lock, model::machine_id machine) : lock_(lock), machine_(std::move(machine)) {}
    held_directory(const held_directory&) = delete;
    held_directory& operator=(const held_directory&) = delete;
    ~held_directory() override { ::close(lock_); }
    const model::machine_id& machine() const override { return machine_; }

private:
    int lock_;
    model::machine_id machine_;
};

std::string read_line(const std::string& path)
{
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    return line;
}

base::result<void> make_directory(const std::string& path)
{
    std::error_code ec;
    const auto parent = std::filesystem::path(path).parent_path();
    if (!parent.empty())
        std::filesystem::create_directories(parent, ec);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return base::fail(
            errc::rejected, "state directory " + path + ": " + std::generic_category().message(errno));
    return check_state_directory(path);
}

/// The id of this machine; a new one is written when there is none that makes sense.
base::result<model::machine_id> machine_in(const std::string& directory)
{
    const auto path = directory + "/machine-id";
    auto known = read_line(path);
    if (base::is_name(known))
        return model::machine_id(std::move(known));
    std::random_device entropy;
    auto fresh = fmt::format("{:08x}{:08x}{:08x}", entropy(), entropy(), entropy());
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    const auto line = fresh + "\n";
    const bool written =
        fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    const int why = errno;
    if (fd >= 0)
        ::close(fd);
    if (!written)
        return base::fail(errc::rejected, path + ": " + std::generic_category().message(why));
    return model::machine_id(std::move(fresh));
}

}  // namespace

// Whoever can put files there can tell us what to run, and lead our writes elsewhere by a link.
base::result<void> check_state_directory(const std::string& path)
{
    const auto refuse = [&](std::string why) {
        return base::fail(errc::rejected, "state directory " + path + ": " + std::move(why));
    };
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0)
        return errno == ENOENT ? base::result<void>() : refuse(std::generic_category().message(errno));
    if (!S_ISDIR(found.st_mode))
        return refuse("not a directory");
    if (found.st_uid != ::geteuid() && found.st_uid != 0)
        return refuse(fmt::format("it belongs to user {}, and this is user {}", found.st_uid, ::geteuid()));
    if ((found.st_mode & S_IWOTH) != 0)
        return refuse("everybody may write to it: chmod o-w " + path);
    return {};
}

base::result<std::unique_ptr<state_directory>> hold_state_directory(const std::string& path)
{
    auto made = make_directory(path);
    if (!made)
        return std::unexpected(made.error());
    const auto lock_path = path + "/lock";
    const int fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return base::fail(errc::rejected, lock_path + ": " + std::generic_category().message(errno));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ::close(fd);
        return base::fail(errc::conflict,
            "state directory " + path + " is used by another gantryd with pid " + read_line(lock_path));
    }
    const auto line = std::to_string(::getpid()) + "\n";
    const bool written = ::ftruncate(fd, 0) == 0 && ::pwrite(fd, line.data(), line.size(), 0) > 0;
    auto machine = machine_in(path);
    if (!written || !machine) {
        ::close(fd);
        return machine ? base::fail(errc::rejected, lock_path + ": cannot be written")
                       : std::unexpected(machine.error());
    }
    return std::make_unique<held_directory>(fd, std::move(*machine));
}

bool is_held(const std::string& path)
{
    // Asking for the lock itself could refuse it to a daemon that starts just now.
    const auto pid = read_line(path + "/lock");
    const bool is_number = !pid.empty() && pid.find_first_not_of("0123456789") == std::string::npos;
    return is_number && read_line("/proc/" + pid + "/comm") == "gantryd";
}

std::string boot_id() { return read_line("/proc/sys/kernel/random/boot_id"); }

std::string ephemeral_ports() { return read_line("/proc/sys/net/ipv4/ip_local_port_range"); }

std::string host_name()
{
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data())
                                                            : std::string("unknown");
}

std::string user_at_host()
{
    const auto* user = ::getpwuid(::getuid());  // NOLINT(concurrency-mt-unsafe): no other thread calls it
    return fmt::format(
        "{}@{}", user == nullptr ? std::to_string(::getuid()) : std::string(user->pw_name), host_name());
}

}  // namespace gantryd::app
