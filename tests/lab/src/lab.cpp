#include "lab/lab.hpp"

#include "lab/remains.hpp"
#include "wait.hpp"

#include <gantryd/base/environment.hpp>
#include <gantryd/base/number.hpp>
#include <gantryd/base/temporary_directory.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace gantryd::integration {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int most_machines = 250;

fs::path make_directory(const fs::path& root)
{
    sweep_labs(root);
    return base::make_directory_in(root.string(), "gantryd-lab");
}

std::string new_id()
{
    std::random_device random;
    std::array<char, 9> digits{};
    std::snprintf(digits.data(), digits.size(), "%08x", random());
    return digits.data();
}

std::string numbered(const char* kind, int number) { return kind + std::to_string(number); }

/// 10.77.1.N for members of etcd, 10.77.2.N for machines, 10.77.3.1 for the registry.
std::string address_of(const std::string& name)
{
    if (name == "router")
        return network::gateway;
    if (name == "registry")
        return "10.77.3.1";
    return (name.front() == 'e' ? "10.77.1." : "10.77.2.") + name.substr(1);
}

/// A part of the lab, whether it is well, and where it says why it is not.
struct expected {
    const node* where = nullptr;
    const char* what = "";
    std::function<bool()> well;
};

void wait_for(const expected& part)
{
    if (wait_until([&] { return part.well() || !part.where->runs(part.what); }, 60s) && part.well())
        return;
    const auto log = text_of_file(part.where->log_of(part.what));
    throw std::runtime_error(std::string(part.what) + " on " + part.where->name() + " does not answer: " +
                             log.substr(log.size() - std::min<std::size_t>(log.size(), 2000)));
}

}  // namespace

fs::path lab_root()
{
    const auto root = base::environment_variable("GANTRYD_TEST_ROOT");
    return root.empty() ? "/tmp" : root;
}

lab::lab(const layout& what) : lab(make_directory(lab_root()), &what, true) {}

lab lab::up(const fs::path& directory, const layout& what)
{
    if (!fs::create_directories(directory))
        throw std::runtime_error(directory.string() + " is there already");
    return {directory, &what, false};
}

lab lab::at(const fs::path& directory) { return {directory, nullptr, false}; }

lab::lab(fs::path directory, const layout* what, bool ends_with_us)
    : directory_(std::move(directory)),
      ours_(ends_with_us)
{
    if (what == nullptr) {
        read_nodes();
        return;
    }
    try {
        make(*what, ends_with_us);
    } catch (...) {
        // What a failed start has written to its logs is in the exception; nothing else is kept.
        try {
            down();
        } catch (const std::exception& why) {
            std::fprintf(stderr, "lab: %s\n", why.what());
        }
        throw;
    }
}

lab::lab(lab&& other) noexcept
    : directory_(std::move(other.directory_)),
      lifeline_(std::exchange(other.lifeline_, -1)),
      keeper_(std::exchange(other.keeper_, -1)),
      ours_(std::exchange(other.ours_, false)),
      router_(std::move(other.router_)),
      machines_(std::move(other.machines_)),
      members_(std::move(other.members_)),
      registries_(std::move(other.registries_))
{
}

lab::~lab()
{
    if (!ours_)
        return;
    try {
        down();
    } catch (const std::exception& why) {
        std::fprintf(stderr, "lab: %s\n", why.what());
    }
}

void lab::make(const layout& what, bool ends_with_us)
{
    if (what.machines < 0 || what.machines > most_machines || what.etcd_members < 0 ||
        what.etcd_members > most_machines)
        throw std::runtime_error("a lab has at most 250 machines and 250 members of etcd");
    std::vector<std::string> names{"router"};
    for (int i = 1; i <= what.machines; ++i)
        names.push_back(numbered("m", i));
    for (int i = 1; i <= what.etcd_members; ++i)
        names.push_back(numbered("e", i));
    if (what.registry)
        names.emplace_back("registry");
    for (const auto& name : names)
        fs::create_directory(directory_ / name);
    std::ofstream(directory_ / "id") << new_id() << "\n";
    start_keeper(names, ends_with_us);
    read_nodes();
    links().connect(nodes());
    if (what.start)
        start_all();
}

void lab::start_keeper(const std::vector<std::string>& names, bool ends_with_us)
{
    std::vector<std::string> words{LAB_KEEPER_PROGRAM, "keep"};
    if (ends_with_us)
        words.emplace_back("--while-open");
    words.push_back(directory_.string());
    words.insert(words.end(), names.begin(), names.end());
    const auto argv = pointers_to(words);

    std::array<int, 2> lifeline{};
    if (::pipe2(lifeline.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
    const auto log = (directory_ / "keeper.log").string();
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, lifeline[0], STDIN_FILENO);
    ::posix_spawn_file_actions_addopen(
        &files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);  // Ctrl-C is not for the keeper
    const int failed = ::posix_spawn(&keeper_, argv[0], &files, &attributes, argv.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    ::close(lifeline[0]);
    if (ends_with_us)
        lifeline_ = lifeline[1];
    else
        ::close(lifeline[1]);
    if (failed != 0)
        throw std::system_error(failed, std::generic_category(), argv[0]);

    const auto ended = [&] { return ::waitpid(keeper_, nullptr, WNOHANG) != 0; };
    const auto there = [&] { return fs::exists(directory_ / "nodes"); };
    bool dead = false;
    if (!wait_until([&] { return there() || (dead = ended()); }, 30s) || !there()) {
        if (dead)
            keeper_ = -1;
        throw std::runtime_error(
            "the lab's namespaces cannot be made (that needs root): " + text_of_file(log));
    }
}

void lab::read_nodes()
{
    std::ifstream in(directory_ / "nodes");
    std::vector<node> all;
    pid_t pid = 0;
    for (std::string name; in >> name >> pid;) {
        if (name == "keeper")
            keeper_ = pid;
        else
            all.emplace_back(name, address_of(name), directory_ / name, pid);
    }
    // The keeper has the lock; without it the numbers may be those of strangers by now.
    const int lock = all.empty() ? -1 : lock_lab(directory_);
    if (lock >= 0)
        ::close(lock);
    if (lock >= 0 || all.empty())
        throw std::runtime_error("no lab runs in " + directory_.string());
    std::string cluster;
    std::string etcd;
    std::string registry;
    for (const auto& each : all) {
        if (each.name() == "registry")
            registry = registries_.emplace_back(each).prefix();
        if (!each.name().starts_with('e'))
            continue;
        cluster += (cluster.empty() ? "" : ",") + each.name() + "=http://" + each.address() + ":" +
                   std::to_string(etcd_member::peer_port);
        etcd += (etcd.empty() ? "" : ",") + etcd_member(each, "").endpoint();
    }
    for (const auto& each : all) {
        if (each.name() == "router")
            router_.push_back(each);
        else if (each.name().starts_with('e'))
            members_.emplace_back(each, cluster);
        else if (each.name().starts_with('m'))
            machines_.emplace_back(each, base::number_in<int>(each.name().substr(1)).value(),
                cgroup_of(directory_), etcd, registry);
    }
}

void lab::down()
{
    if (keeper_ > 0) {
        const int fd = static_cast<int>(::syscall(SYS_pidfd_open, keeper_, 0));
        if (lifeline_ >= 0)
            ::close(std::exchange(lifeline_, -1));
        else
            ::kill(keeper_, SIGTERM);
        pollfd ended{.fd = fd, .events = POLLIN, .revents = 0};
        ::poll(&ended, 1, 60'000);
        if (fd >= 0)
            ::close(fd);
        ::waitpid(std::exchange(keeper_, -1), nullptr, WNOHANG);
    }
    ours_ = false;
    std::string left = text_of_file(directory_ / "keeper.log");
    const int lock = lock_lab(directory_);  // of a keeper that failed, or was killed
    if (lock >= 0) {
        remove_remains(directory_, 10s);
        ::close(lock);
    }
    if (fs::exists(directory_))
        throw std::runtime_error(directory_.string() + " could not be removed: " + left);
}

std::vector<node> lab::nodes() const
{
    std::vector<node> all(machines_.begin(), machines_.end());
    all.insert(all.end(), members_.begin(), members_.end());
    all.insert(all.end(), registries_.begin(), registries_.end());
    return all;
}

node lab::find(const std::string& name) const
{
    for (auto& each : nodes())
        if (each.name() == name)
            return each;
    throw std::runtime_error("the lab has no node " + name);
}

std::string lab::endpoints() const
{
    std::string all;
    for (const auto& each : members_)
        all += (all.empty() ? "" : ",") + each.endpoint();
    return all;
}

const etcd_member& lab::leader() const
{
    const etcd_member* found = nullptr;
    const auto look = [&] {
        std::int64_t highest = -1;
        for (const auto& each : members_)
            if (const auto term = each.term_led(); term && *term > highest) {
                highest = *term;
                found = &each;
            }
        return found != nullptr;
    };
    if (!wait_until(look, 30s))
        throw std::runtime_error("no member of etcd leads");
    return *found;
}

void lab::start_all(const std::string& node_name) const
{
    std::vector<expected> parts;
    const auto add = [&](const node& where, const char* what, auto start, std::function<bool()> well) {
        if (!node_name.empty() && where.name() != node_name)
            return;
        if (!where.runs(what))
            start();
        parts.emplace_back(&where, what, std::move(well));
    };
    for (const auto& each : members_)
        add(each, "etcd", [&] { each.start_etcd(); }, [&each] { return each.healthy(); });
    for (const auto& each : registries_)
        add(each, "registry", [&] { each.start_registry(); }, [&each] { return each.healthy(); });
    for (const auto& each : machines_)
        add(each, "docker", [&] { each.start_docker(); }, [&each] { return each.docker_answers(); });
    std::ranges::for_each(parts, wait_for);
}

}  // namespace gantryd::integration
