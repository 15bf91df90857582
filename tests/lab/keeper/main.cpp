#include "lab/remains.hpp"

#include <gantryd/base/number.hpp>

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

// Keeps a lab's namespaces, and ends the lab with whoever made it.
//
//   lab_keeper keep [--while-open] DIRECTORY NODE ..
//       Makes a pid, net, mount, UTS and IPC namespace for each node and writes their first processes,
//       and its own, to DIRECTORY/nodes. Ends on SIGTERM; with --while-open also when the other end of its
//       standard input is closed, which a process cannot help doing when it dies. At the end it kills the
//       first processes, with which the kernel kills everything in their namespaces and takes the mounts and
//       interfaces away. The first processes die with the keeper too, should it be killed.
//
//   lab_keeper start PID PID-FILE LOG PROGRAM ARGUMENT ..
//       Starts a program in the namespaces of the process PID.
//
//   lab_keeper signal PID NUMBER
//       Sends the signal to all processes in the pid namespace of the process PID and in those below, at one
//       moment, but for PID itself.

namespace {

using namespace gantryd::integration;
using namespace std::chrono_literals;

constexpr int namespaces = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC;

[[noreturn]] void fail(const std::string& what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

void expect(bool done, const char* what)
{
    if (!done)
        fail(what);
}

struct ends {
    int read = -1;
    int write = -1;
};

int number_in(const char* word)
{
    const auto number = gantryd::base::number_in<int>(word);
    if (!number)
        throw std::runtime_error(std::string(word) + " is no number");
    return *number;
}

/// Its children will be in these namespaces of the process; for all but the pid namespace it is itself.
void enter(pid_t process, int which)
{
    const int node = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
    expect(node >= 0 && ::setns(node, which) == 0, "enter the node");
}

ends make_pipe()
{
    std::array<int, 2> fds{};
    expect(::pipe2(fds.data(), O_CLOEXEC) == 0, "pipe");
    return {.read = fds[0], .write = fds[1]};
}

/// `text` in a file that is there as a whole or not at all.
void write_file(const std::string& path, const std::string& text)
{
    std::ofstream(path + ".new") << text;
    expect(std::rename((path + ".new").c_str(), path.c_str()) == 0, path.c_str());
}

void furnish(const std::string& name)
{
    expect(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "mount / private");
    expect(::mount("proc", "/proc", "proc", 0, nullptr) == 0, "mount /proc");
    // containerd's sockets and the lock of iptables have fixed places in /run, the Engine's id has in
    // /etc/docker.
    expect(::mount("tmpfs", "/run", "tmpfs", 0, "mode=755") == 0, "mount /run");
    if (::access("/etc/docker", F_OK) == 0)
        expect(::mount("tmpfs", "/etc/docker", "tmpfs", 0, "mode=755") == 0, "mount /etc/docker");
    expect(::sethostname(name.data(), name.size()) == 0, "sethostname");
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq loopback{};
    std::string("lo").copy(loopback.ifr_name, IFNAMSIZ - 1);
    loopback.ifr_flags = IFF_UP;
    expect(::ioctl(socket, SIOCSIFFLAGS, &loopback) == 0, "lo up");
    ::close(socket);
    if (name == "router")
        std::ofstream("/proc/sys/net/ipv4/ip_forward") << "1\n";
}

/// The first process of a node: it is there, and its orphans are reaped by the kernel.
[[noreturn]] void be_first(const std::string& name, ends keeper, ends ready)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(keeper.write);
    pollfd alive{.fd = keeper.read, .events = 0, .revents = 0};
    if (::poll(&alive, 1, 0) != 0)
        ::_exit(1);  // the keeper died before the line above
    try {
        furnish(name);
    } catch (const std::exception& why) {
        std::fprintf(stderr, "lab_keeper: node %s: %s\n", name.c_str(), why.what());
        ::_exit(1);
    }
    ::prctl(PR_SET_NAME, ("lab-" + name).c_str());
    std::signal(SIGCHLD, SIG_IGN);
    (void)!::write(ready.write, "", 1);
    ::close_range(STDERR_FILENO + 1, ~0U, 0);
    ::chdir("/");
    for (;;)
        ::pause();
}

pid_t make_node(const std::string& name, ends keeper)
{
    const auto ready = make_pipe();
    const auto pid =
        static_cast<pid_t>(::syscall(SYS_clone, namespaces | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    expect(pid >= 0, "clone");
    if (pid == 0)
        be_first(name, keeper, ready);
    ::close(ready.write);
    char byte = 0;
    const auto got = ::read(ready.read, &byte, 1);
    ::close(ready.read);
    if (got != 1)
        throw std::runtime_error("node " + name + " did not come up");
    return pid;
}

bool all_ended(std::vector<pid_t>& pids)
{
    std::erase_if(pids, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
    return pids.empty();
}

/// A first process is gone when the kernel has killed everything in its namespaces.
bool end_nodes(std::vector<pid_t> pids, const std::string& cgroup)
{
    for (const auto pid : pids)
        ::kill(pid, SIGKILL);
    for (int tries = 0; tries < 1500; ++tries) {
        if (all_ended(pids))
            return true;
        thaw_cgroups(cgroup);
        std::this_thread::sleep_for(20ms);
    }
    return false;
}

/// SIGTERM, SIGINT, or the end of whoever holds the other end of our input.
void wait_for_the_end(bool while_open)
{
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::sigaddset(&signals, SIGINT);
    std::array<pollfd, 2> watched{
        pollfd{.fd = ::signalfd(-1, &signals, SFD_CLOEXEC), .events = POLLIN, .revents = 0},
        pollfd{.fd = while_open ? STDIN_FILENO : -1, .events = 0, .revents = 0}};
    while (::poll(watched.data(), watched.size(), -1) <= 0) {
    }
}

int keep(std::span<char*> words)
{
    const bool while_open = !words.empty() && std::string(words[0]) == "--while-open";
    words = words.subspan(while_open ? 1 : 0);
    if (words.size() < 2)
        throw std::runtime_error("keep needs a directory and nodes");
    const std::string directory = words[0];
    const auto cgroup = cgroup_of(directory);
    const int lock = lock_lab(directory);
    if (lock < 0 || cgroup.empty())
        throw std::runtime_error("no lab to keep in " + directory);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::sigaddset(&signals, SIGINT);
    ::sigaddset(&signals, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    const auto alive = make_pipe();
    std::vector<pid_t> nodes;
    std::string lines = "keeper " + std::to_string(::getpid()) + "\n";
    bool made = true;
    try {
        for (const std::string name : words.subspan(1)) {
            nodes.push_back(make_node(name, alive));
            lines += name + " " + std::to_string(nodes.back()) + "\n";
        }
        write_file(directory + "/nodes", lines);
        wait_for_the_end(while_open);
    } catch (const std::exception& why) {
        std::fprintf(stderr, "lab_keeper: %s\n", why.what());
        made = false;
    }
    const bool ended = end_nodes(nodes, cgroup);
    if (!made)
        return 1;  // whoever made the lab wants to read what we wrote
    if (ended && remove_remains(directory, 20s))
        return 0;
    std::fprintf(stderr, "lab_keeper: %s could not be removed\n", directory.c_str());
    return 1;
}

[[noreturn]] void become(std::span<char*> words, int log, int failure)
{
    ::setsid();
    ::chdir("/");
    ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execvp(words[0], words.data());
    const int why = errno;
    (void)!::write(failure, &why, sizeof why);
    ::_exit(127);
}

int start(std::span<char*> words)
{
    if (words.size() < 4)
        throw std::runtime_error("start needs PID PID-FILE LOG PROGRAM");
    const int log = ::open(words[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    expect(log >= 0, words[2]);
    enter(number_in(words[0]), namespaces);
    const auto failure = make_pipe();
    const auto pid = ::fork();
    expect(pid >= 0, "fork");
    if (pid == 0)
        become(words.subspan(3), log, failure.write);  // ends with the null pointer of argv
    ::close(failure.write);
    int why = 0;
    if (::read(failure.read, &why, sizeof why) > 0) {
        errno = why;
        fail(words[3]);
    }
    write_file(words[1], std::to_string(pid) + "\n");
    return 0;
}

int signal_all(std::span<char*> words)
{
    if (words.size() != 2)
        throw std::runtime_error("signal needs PID NUMBER");
    const int number = number_in(words[1]);
    enter(number_in(words[0]), CLONE_NEWPID);
    const auto pid = ::fork();
    expect(pid >= 0, "fork");
    if (pid == 0) {
        // Only in a namespace that we are not in has the child no parent. Elsewhere -1 would be the machine.
        if (::getppid() != 0)
            ::_exit(1);
        ::_exit(::kill(-1, number) == 0 || errno == ESRCH ? 0 : 1);
    }
    int status = 0;
    expect(::waitpid(pid, &status, 0) == pid, "wait");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

int main(int argc, char** argv)
{
    const std::span words(argv, static_cast<std::size_t>(argc));
    const std::string what = argc < 2 ? "" : argv[1];
    try {
        if (what == "keep")
            return keep(words.subspan(2));
        if (what == "start")
            return start(words.subspan(2));
        if (what == "signal")
            return signal_all(words.subspan(2));
        throw std::runtime_error("usage: lab_keeper keep|start|signal ..");
    } catch (const std::exception& why) {
        std::fprintf(stderr, "lab_keeper: %s\n", why.what());
        return 1;
    }
}
