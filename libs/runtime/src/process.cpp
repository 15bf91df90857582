#include <gantryd/runtime/process.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;

namespace gantryd::runtime {
namespace {

constexpr std::size_t most_output = 64UL * 1024;

int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

bool is_readable(int fd)
{
    pollfd asked{fd, POLLIN, 0};
    return ::poll(&asked, 1, 0) == 1;
}

/// A child and the read end of its output. Kills and reaps it if nobody did before.
class child_process {
public:
    child_process(pid_t pid, int output_fd) : pid_(pid), output_fd_(output_fd) {}
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process()
    {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            (void)reap();
        }
        if (output_fd_ >= 0)
            ::close(output_fd_);
    }

    int reap()
    {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    int release_output() { return std::exchange(output_fd_, -1); }

private:
    pid_t pid_;
    int output_fd_;
};

/// A file in memory that holds the input, at its begin; -1 and errno when the kernel refused.
int input_file(const std::string& input)
{
    const int fd = ::memfd_create("input", MFD_CLOEXEC);
    for (std::size_t written = 0; fd >= 0 && written < input.size();) {
        const auto n = ::write(fd, input.data() + written, input.size() - written);
        if (n < 0) {
            ::close(fd);
            return -1;
        }
        written += static_cast<std::size_t>(n);
    }
    ::lseek(fd, 0, SEEK_SET);
    return fd;
}

/// posix_spawn() with the signals and the group of a fresh program; its errno.
int spawn_with(const std::vector<std::string>& command, const posix_spawn_file_actions_t& files, pid_t& pid)
{
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    sigset_t defaults;
    sigfillset(&defaults);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    // A group of its own: Ctrl-C at our terminal must not reach a proxy that is to outlive us.
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

    std::vector<char*> arguments;
    for (const auto& word : command)
        arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT: execve's signature
    arguments.push_back(nullptr);

    const int failed = ::posix_spawnp(&pid, arguments[0], &files, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

base::result<std::pair<pid_t, int>> spawn(
    const std::vector<std::string>& command, const process_streams& streams)
{
    const int input = input_file(streams.input);
    if (input < 0)
        return base::fail(
            base::errc::unavailable, std::string("memfd: ") + std::generic_category().message(errno));
    std::array<int, 2> pipe_ends{};
    if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) {
        ::close(input);
        return base::fail(
            base::errc::unavailable, std::string("pipe: ") + std::generic_category().message(errno));
    }
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, pipe_ends[1], STDOUT_FILENO);
    if (streams.keep_errors)
        posix_spawn_file_actions_adddup2(&files, pipe_ends[1], STDERR_FILENO);
    else
        posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid = -1;
    const int failed = spawn_with(command, files, pid);
    posix_spawn_file_actions_destroy(&files);
    ::close(pipe_ends[1]);
    ::close(input);
    if (failed != 0) {
        ::close(pipe_ends[0]);
        const auto code = failed == ENOENT ? base::errc::not_found : base::errc::unavailable;
        return base::fail(code, command[0] + ": " + std::generic_category().message(failed));
    }
    return std::pair(pid, pipe_ends[0]);
}

void keep_some(std::string& output, const char* bytes, std::size_t count)
{
    output.append(bytes, std::min(count, most_output - output.size()));
}

asio::awaitable<void> read_output(asio::posix::stream_descriptor& from, std::string& output)
{
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto [ec, n] =
            co_await from.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
        if (ec)
            co_return;
        keep_some(output, buffer.data(), n);
    }
}

void take_what_is_there(int fd, std::string& output)
{
    std::array<char, 4096> buffer{};
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    for (;;) {
        const auto n = ::read(fd, buffer.data(), buffer.size());
        if (n <= 0)
            return;
        keep_some(output, buffer.data(), static_cast<std::size_t>(n));
    }
}

asio::awaitable<base::result<process_outcome>> collect(
    std::vector<std::string> command, process_streams streams)
{
    auto started = spawn(command, streams);
    if (!started)
        co_return std::unexpected(started.error());
    child_process child(started->first, started->second);
    asio::posix::stream_descriptor output(co_await asio::this_coro::executor, child.release_output());

    // Read while it runs, or a full pipe would stop it; but its exit ends the reading, because a daemon that
    // it left behind may hold the pipe open.
    process_outcome outcome;
    const auto ex = co_await asio::this_coro::executor;
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(ex, read_output(output, outcome.output), asio::deferred),
        asio::co_spawn(ex, wait_for_exit(started->first), asio::deferred));
    (void)co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    co_await wait_for_exit(started->first);
    outcome.exit_code = child.reap();
    take_what_is_there(output.native_handle(), outcome.output);
    co_return outcome;
}

}  // namespace

asio::awaitable<base::result<process_outcome>> run_process(
    clock& clk, std::vector<std::string> command, time_point deadline, process_streams streams)
{
    std::string what = command.at(0) + " did not end in time";
    co_return co_await with_deadline(
        clk, deadline, std::move(what), collect(std::move(command), std::move(streams)));
}

asio::awaitable<void> wait_for_exit(pid_t pid)
{
    const int fd = open_pidfd(pid);
    if (fd < 0)
        co_return;
    asio::posix::stream_descriptor gone(co_await asio::this_coro::executor, fd);
    // Asio may wake us by an event of the descriptor that had this one's place before.
    while (!is_readable(fd)) {
        const auto [ec] = co_await gone.async_wait(
            asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
        if (ec)
            throw boost::system::system_error(ec);
    }
}

bool is_alive(pid_t pid)
{
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(stat, line))
        return false;
    const auto name_end = line.rfind(')');
    return name_end != std::string::npos && name_end + 2 < line.size() && line[name_end + 2] != 'Z';
}

bool is_in_cgroup(pid_t pid, std::string_view part)
{
    if (part.empty())
        return false;  // every name has that
    std::ifstream groups("/proc/" + std::to_string(pid) + "/cgroup");
    for (std::string line; std::getline(groups, line);)
        if (line.contains(part))
            return true;
    return false;
}

}  // namespace gantryd::runtime
