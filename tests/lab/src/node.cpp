#include "lab/node.hpp"

#include "wait.hpp"

#include <gantryd/base/number.hpp>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace gantryd::integration {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

fs::path pid_namespace_of(pid_t pid)
{
    std::error_code gone;
    return fs::read_symlink("/proc/" + std::to_string(pid) + "/ns/pid", gone);
}

std::string joined(const std::vector<std::string>& words)
{
    std::string out;
    for (const auto& word : words)
        out += (out.empty() ? "" : " ") + word;
    return out;
}

}  // namespace

node::node(std::string name, std::string address, fs::path directory, pid_t first)
    : name_(std::move(name)),
      address_(std::move(address)),
      directory_(std::move(directory)),
      first_(first)
{
}

std::vector<std::string> node::words_inside(std::vector<std::string> words) const
{
    // setpriv: nsenter only waits for the program, so it must die with nsenter when that is killed.
    const std::vector<std::string> enter{"nsenter", "--target", std::to_string(first_), "--mount", "--net",
        "--pid", "--uts", "--ipc", "--", "setpriv", "--pdeathsig", "KILL", "--"};
    words.insert(words.begin(), enter.begin(), enter.end());
    return words;
}

finished node::run(std::vector<std::string> words, const environment& added, std::chrono::seconds limit) const
{
    return integration::run(words_inside(std::move(words)), added, limit);
}

std::string node::must_run(std::vector<std::string> words, const environment& added) const
{
    const auto command = joined(words);
    auto done = run(std::move(words), added);
    if (done.exit_code != 0)
        throw std::runtime_error(
            name_ + ": " + command + ": exit code " + std::to_string(done.exit_code) + ": " + done.both());
    return std::move(done.out);
}

void node::start(const std::string& what, std::vector<std::string> words, const environment& added) const
{
    if (runs(what))
        throw std::runtime_error(what + " runs already on " + name_);
    const std::vector<std::string> starter{LAB_KEEPER_PROGRAM, "start", std::to_string(first_),
        (directory_ / (what + ".pid")).string(), log_of(what).string()};
    words.insert(words.begin(), starter.begin(), starter.end());
    const auto done = integration::run(std::move(words), added);
    if (done.exit_code != 0)
        throw std::runtime_error(what + " cannot be started on " + name_ + ": " + done.err);
}

std::optional<pid_t> node::process(const std::string& what) const
{
    const auto pid = pid_in_file(directory_ / (what + ".pid"));
    // A number may be somebody else's by now.
    const bool ours = pid && process_runs(*pid) && pid_namespace_of(*pid) == pid_namespace_of(first_);
    return ours ? pid : std::nullopt;
}

bool node::frozen(const std::string& what) const
{
    const auto pid = process(what);
    const auto text = pid ? text_of_file("/proc/" + std::to_string(*pid) + "/stat") : "";
    return text.find(") T ") != std::string::npos;
}

std::vector<std::string> node::started() const
{
    std::vector<std::string> found;
    for (const auto& file : fs::directory_iterator(directory_))
        if (file.path().extension() == ".log")
            found.push_back(file.path().stem());
    std::ranges::sort(found);
    return found;
}

void node::send(const std::string& what, int signal) const
{
    const auto pid = process(what);
    if (!pid)
        throw std::runtime_error(what + " does not run on " + name_);
    ::kill(*pid, signal);
}

void node::kill(const std::string& what) const
{
    send(what, SIGKILL);
    if (!wait_until([&] { return !runs(what); }))
        throw std::runtime_error(what + " on " + name_ + " survived SIGKILL");
}

void node::freeze(const std::string& what) const
{
    send(what, SIGSTOP);
    if (!wait_until([&] { return frozen(what); }))
        throw std::runtime_error(what + " on " + name_ + " does not stand still");
}

void node::thaw(const std::string& what) const { send(what, SIGCONT); }

void node::stop(const std::string& what, std::chrono::milliseconds limit) const
{
    send(what, SIGTERM);
    if (!wait_until([&] { return !runs(what); }, limit))
        throw std::runtime_error(what + " on " + name_ + " does not end on SIGTERM");
}

void node::signal_all(int signal) const
{
    const auto done =
        integration::run({LAB_KEEPER_PROGRAM, "signal", std::to_string(first_), std::to_string(signal)});
    if (done.exit_code != 0)
        throw std::runtime_error("no signal to the processes of " + name_ + ": " + done.err);
}

void node::freeze_all() const { signal_all(SIGSTOP); }

void node::thaw_all() const { signal_all(SIGCONT); }

void node::kill_all() const
{
    signal_all(SIGKILL);
    if (!wait_until([&] { return process_names().empty(); }))
        throw std::runtime_error(name_ + ": processes survived SIGKILL: " + joined(process_names()));
}

std::vector<std::string> node::process_names() const
{
    std::vector<std::string> found;
    // Its own /proc, which has all its processes and those in namespaces below it.
    const auto processes = "/proc/" + std::to_string(first_) + "/root/proc";
    for (const auto& entry : fs::directory_iterator(processes)) {
        const auto pid = base::number_in<pid_t>(entry.path().filename().native());
        if (!pid || pid == 1)
            continue;
        auto name = text_of_file(entry.path() / "comm");
        if (!name.empty())
            found.push_back(name.substr(0, name.find('\n')));
    }
    return found;
}

std::optional<pid_t> node::seen_from_outside(pid_t inside) const
{
    const auto ours = pid_namespace_of(first_);
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const auto pid = base::number_in<pid_t>(entry.path().filename().native());
        if (!pid || pid_namespace_of(*pid) != ours)
            continue;
        // Its numbers in all namespaces from ours down to its own.
        const auto status = text_of_file(entry.path() / "status");
        const auto line = status.find("\nNSpid:");
        const auto end = status.find('\n', line + 1);
        if (line != std::string::npos && status.substr(0, end).ends_with("\t" + std::to_string(inside)))
            return pid;
    }
    return std::nullopt;
}

void node::enter_network() const
{
    const auto path = "/proc/" + std::to_string(first_) + "/ns/net";
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool entered = fd >= 0 && ::setns(fd, CLONE_NEWNET) == 0;
    const int why = errno;
    if (fd >= 0)
        ::close(fd);
    if (!entered)
        throw std::system_error(why, std::generic_category(), "enter the network of " + name_);
}

}  // namespace gantryd::integration
