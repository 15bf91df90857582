#pragma once
#include "process.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace gantryd::integration {

/// A host of the lab: pid, net, mount, UTS and IPC namespaces of its own, with the address `address()` on the
/// lab's network, the machine's files (but for /run and /proc) and a directory. Programs that run in it are
/// told apart by the names they were started with. Copies stand for the same host.
class node {
public:
    /// `first` is the first process of the namespaces.
    node(std::string name, std::string address, std::filesystem::path directory, pid_t first);

    const std::string& name() const { return name_; }
    const std::string& address() const { return address_; }
    const std::filesystem::path& directory() const { return directory_; }
    pid_t first_process() const { return first_; }

    /// The words that run these words in the node, for run(), program and exec.
    std::vector<std::string> words_inside(std::vector<std::string> words) const;

    /// Runs a program in the node to its end.
    finished run(std::vector<std::string> words, const environment& added = {},
        std::chrono::seconds limit = std::chrono::seconds(60)) const;
    /// The same; throws what it said when it failed.
    std::string must_run(std::vector<std::string> words, const environment& added = {}) const;

    /// Starts a program that goes on until it is ended or the lab is. Its output is in log_of(what), after
    /// that of those before it. Throws when it cannot be started, or runs already.
    void start(const std::string& what, std::vector<std::string> words, const environment& added = {}) const;

    /// Its process, as the machine numbers it; none when it does not run.
    std::optional<pid_t> process(const std::string& what) const;
    bool runs(const std::string& what) const { return process(what).has_value(); }
    bool frozen(const std::string& what) const;
    std::filesystem::path log_of(const std::string& what) const { return directory_ / (what + ".log"); }
    /// Everything started so far and not removed since, running or not.
    std::vector<std::string> started() const;

    /// These throw when it does not run. kill() returns when it is gone.
    void send(const std::string& what, int signal) const;
    void kill(const std::string& what) const;
    void freeze(const std::string& what) const;
    void thaw(const std::string& what) const;
    /// SIGTERM; throws when it is still there after `limit`.
    void stop(const std::string& what, std::chrono::milliseconds limit = std::chrono::seconds(20)) const;

    /// All processes of the node at one moment, those in containers too, but for those that Docker has
    /// paused.
    void freeze_all() const;
    void thaw_all() const;
    void kill_all() const;

    /// The names of all processes in the node but the first, those in containers too.
    std::vector<std::string> process_names() const;

    /// The process that has this number in the node, as this machine numbers it.
    std::optional<pid_t> seen_from_outside(pid_t inside) const;

    /// Makes this thread's further sockets sockets of the node.
    void enter_network() const;

    /// What `body` returns, called by a thread in the node's network. An exception comes through.
    template <class Body>
    auto within(Body body) const
    {
        std::optional<decltype(body())> out;
        std::exception_ptr failed;
        std::thread([&] {
            try {
                enter_network();
                out.emplace(body());
            } catch (...) {
                failed = std::current_exception();
            }
        }).join();
        if (failed)
            std::rethrow_exception(failed);
        return *std::move(out);
    }

private:
    void signal_all(int signal) const;

    std::string name_;
    std::string address_;
    std::filesystem::path directory_;
    pid_t first_ = -1;
};

}  // namespace gantryd::integration
