#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace gantryd::integration {
namespace {

/// glibc 2.36 declares pidfd_open() without extern "C".
int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

/// Starts the program with `out` and `err` as its output and nothing to read.
pid_t start(std::vector<std::string> words, const environment& added, int out, int err)
{
    auto variables = environment_with(added);
    const auto argv = pointers_to(words);
    const auto envp = pointers_to(variables);
    const auto parent = ::getpid();
    const auto pid = ::fork();
    if (pid < 0)
        throw std::system_error(errno, std::generic_category(), "fork");
    if (pid > 0)
        return pid;
    // Only calls that are allowed between fork and exec follow.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
        ::_exit(125);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    ::execvpe(argv[0], argv.data(), envp.data());
    ::_exit(127);
}

std::optional<int> wait_for(pid_t pid, int pidfd, std::chrono::milliseconds limit)
{
    pollfd watched{.fd = pidfd, .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, static_cast<int>(limit.count())) != 1)
        return std::nullopt;
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string text_of(int fd)
{
    std::string text;
    std::array<char, 4096> bytes;
    ::lseek(fd, 0, SEEK_SET);
    for (ssize_t n = 0; (n = ::read(fd, bytes.data(), bytes.size())) > 0;)
        text.append(bytes.data(), static_cast<std::size_t>(n));
    return text;
}

}  // namespace

std::vector<std::string> environment_with(const environment& added)
{
    std::vector<std::string> lines;
    for (char** line = environ; *line != nullptr; ++line) {
        const std::string text = *line;
        if (!added.contains(text.substr(0, text.find('='))))
            lines.push_back(text);
    }
    for (const auto& [name, value] : added)
        lines.push_back(std::string(name).append("=").append(value));
    return lines;
}

std::vector<char*> pointers_to(std::vector<std::string>& words)
{
    std::vector<char*> out;
    out.reserve(words.size() + 1);
    for (auto& word : words)
        out.push_back(word.data());
    out.push_back(nullptr);
    return out;
}

finished run(std::vector<std::string> words, const environment& added, std::chrono::seconds limit)
{
    const auto began = std::chrono::steady_clock::now();
    const int out = ::memfd_create("stdout", MFD_CLOEXEC);
    const int err = ::memfd_create("stderr", MFD_CLOEXEC);
    const auto pid = start(std::move(words), added, out, err);
    const int pidfd = open_pidfd(pid);
    finished result;
    if (const auto code = wait_for(pid, pidfd, limit)) {
        result.exit_code = *code;
    } else {
        ::kill(pid, SIGKILL);
        wait_for(pid, pidfd, std::chrono::seconds(10));
        result.exit_code = 124;
    }
    result.out = text_of(out);
    result.err = text_of(err);
    for (const int fd : {out, err, pidfd})
        ::close(fd);
    result.took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    return result;
}

program::program(std::vector<std::string> words, std::filesystem::path output, const environment& added)
    : output_(std::move(output))
{
    const int fd = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        throw std::system_error(errno, std::generic_category(), output_.string());
    pid_ = start(std::move(words), added, fd, fd);
    ::close(fd);
    pidfd_ = open_pidfd(pid_);
}

program::~program()
{
    if (running()) {
        send(SIGKILL);
        wait(std::chrono::seconds(10));
    }
    ::close(pidfd_);
}

bool program::running() { return !wait(std::chrono::milliseconds(0)).has_value(); }

void program::send(int signal)
{
    if (!exit_code_)
        ::kill(pid_, signal);
}

std::optional<int> program::wait(std::chrono::milliseconds limit)
{
    if (!exit_code_)
        exit_code_ = wait_for(pid_, pidfd_, limit);
    return exit_code_;
}

std::string program::output() const { return text_of_file(output_); }

bool process_runs(pid_t pid)
{
    const auto text = text_of_file("/proc/" + std::to_string(pid) + "/stat");
    const auto name_end = text.rfind(')');
    return name_end != std::string::npos && name_end + 2 < text.size() && text[name_end + 2] != 'Z';
}

std::vector<pid_t> processes_with(const std::string& text)
{
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; }))
            continue;
        if (text_of_file(entry.path() / "cmdline").find(text) != std::string::npos)
            found.push_back(static_cast<pid_t>(std::stol(name)));
    }
    return found;
}

std::optional<pid_t> pid_in_file(const std::filesystem::path& file)
{
    std::ifstream in(file);
    pid_t pid = 0;
    return in >> pid && pid > 0 ? std::optional(pid) : std::nullopt;
}

std::string text_of_file(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();  // an iterator would throw when a process of /proc ends in between
    return out.str();
}

}  // namespace gantryd::integration
