#include "lab/lab.hpp"
#include "lab/remains.hpp"

#include <gantryd/base/environment.hpp>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

// A lab from the command line: docs/lab.md.

namespace {

using namespace gantryd::integration;

struct typed {
    std::string directory = "/tmp/gantryd-lab.default";
    layout what;
    bool foreground = false;
    std::string node;
    std::string other;
    std::string part;
    double share = 0;
    int kilobits = 0;
    std::string version;
};

/// Docker, etcd or the registry: what the node is there for.
std::string part_of(const node& where)
{
    return where.name() == "registry" ? "registry" : where.name().starts_with('m') ? "docker" : "etcd";
}

const machine& machine_called(const lab& all, const std::string& name)
{
    const auto found = std::ranges::find(all.machines(), name, &machine::name);
    if (found == all.machines().end())
        throw std::runtime_error(name + " is no machine");
    return *found;
}

/// Our environment for programs in the node: they find gantryd, and are told by ours whom to talk to.
environment variables_in(const lab& all, const std::string& name)
{
    environment out{{"ETCDCTL_API", "3"}};
    if (!all.members().empty())
        out["ETCDCTL_ENDPOINTS"] = all.endpoints();
    if (name.starts_with('m'))
        out = machine_called(all, name).variables();
    out["PATH"] = std::filesystem::path(GANTRYD_PROGRAM).parent_path().string() + ":" +
                  gantryd::base::environment_variable("PATH");
    return out;
}

/// Becomes the program. Does not return.
[[noreturn]] void become(const lab& all, const std::string& name, std::vector<std::string> words)
{
    auto inside = all.find(name).words_inside(std::move(words));
    auto variables = environment_with(variables_in(all, name));
    const auto argv = pointers_to(inside);
    const auto envp = pointers_to(variables);
    ::execvpe(argv[0], argv.data(), envp.data());
    throw std::system_error(errno, std::generic_category(), argv[0]);
}

void print_status(const lab& all)
{
    std::printf("%s, keeper %d\n", all.directory().c_str(), all.keeper());
    for (const auto& each : all.nodes()) {
        std::printf("%-9s %-12s", each.name().c_str(), each.address().c_str());
        for (const auto& part : each.started()) {
            const auto pid = each.process(part);
            const auto state = !pid ? "ended" : each.frozen(part) ? "frozen" : "runs";
            std::printf("  %s %s", part.c_str(), state);
        }
        std::printf("\n");
    }
    for (const auto& line : all.links().impairments())
        std::printf("link: %s\n", line.c_str());
}

void up(const typed& t)
{
    const std::filesystem::path directory(t.directory);
    sweep_labs(directory.parent_path());
    if (!t.foreground) {
        print_status(lab::up(directory, t.what));
        return;
    }
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGINT);
    ::sigaddset(&signals, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    const auto ours = lab(t.what);
    print_status(ours);
    std::fflush(stdout);
    int which = 0;
    ::sigwait(&signals, &which);
}

void start(const typed& t, const std::vector<std::string>& rest)
{
    const auto all = lab::at(t.directory);
    const auto part = t.part.empty() ? part_of(all.find(t.node)) : t.part;
    if (part != "gantryd") {
        all.start_all(t.node);
        return;
    }
    if (rest.empty())
        throw std::runtime_error("start NODE gantryd needs a project");
    machine_called(all, t.node).start_gantryd(rest.front(), {rest.begin() + 1, rest.end()});
}

void kill(const typed& t)
{
    const auto all = lab::at(t.directory);
    if (!t.part.empty())
        all.find(t.node).kill(t.part);
    else if (t.node.starts_with('m'))
        machine_called(all, t.node).power_off();
    else
        all.find(t.node).kill_all();
}

void freeze(const typed& t)
{
    const auto where = lab::at(t.directory).find(t.node);
    t.part.empty() ? where.freeze_all() : where.freeze(t.part);
}

void thaw(const typed& t)
{
    const auto where = lab::at(t.directory).find(t.node);
    t.part.empty() ? where.thaw_all() : where.thaw(t.part);
}

void cut(const typed& t)
{
    const auto all = lab::at(t.directory);
    if (t.other.empty())
        all.links().cut(all.find(t.node));
    else
        all.links().cut(all.find(t.node), all.find(t.other));
}

void heal(const typed& t)
{
    const auto all = lab::at(t.directory);
    if (t.node.empty())
        all.links().heal_all(all.nodes());
    else
        all.links().heal(all.find(t.node));
}

/// Makes the demo server's image on m1 and pushes it.
void push_image(const typed& t)
{
    const auto all = lab::at(t.directory);
    const auto name = all.registry().prefix() + "/demo:" + t.version;
    const auto id = all.m(1).make_image(name, {{"VERSION", t.version}});
    all.m(1).docker().run({"push", "--quiet", name});
    std::printf("%s %s\n", name.c_str(), id.c_str());
}

CLI::App& command(CLI::App& cli, const std::string& name, const std::string& what, const typed& t,
    void (*body)(const typed&))
{
    auto& sub = *cli.add_subcommand(name, what);
    if (body != nullptr)
        sub.callback([&t, body] { body(t); });
    return sub;
}

void add_node(CLI::App& to, typed& t, bool part)
{
    to.add_option("NODE", t.node, "m1 .., e1 .. or registry")->required();
    if (part)
        to.add_option("PART", t.part, "docker, gantryd, etcd or registry; without it all of the node");
}

void add_commands(CLI::App& cli, typed& t)
{
    auto& up_ = command(cli, "up", "Makes a lab and starts everything but gantryd", t, up);
    up_.add_option("MACHINES", t.what.machines)->check(CLI::Range(1, 250))->capture_default_str();
    up_.add_option("--etcd", t.what.etcd_members, "Members of etcd")
        ->check(CLI::Range(0, 9))
        ->capture_default_str();
    up_.add_flag("!--no-registry", t.what.registry, "Without a registry");
    up_.add_flag("--foreground", t.foreground, "A lab without a name that ends with this command");
    command(cli, "down", "Ends the lab with everything in it", t,
        [](const typed& with) { lab::at(with.directory).down(); });
    command(cli, "status", "What runs, and what is done to the links", t,
        [](const typed& with) { print_status(lab::at(with.directory)); });
    auto& run_ = command(cli, "run", "Runs a command in a node", t, nullptr);
    add_node(run_, t, false);
    run_.prefix_command();
    run_.callback([&t, &run_] { become(lab::at(t.directory), t.node, run_.remaining()); });
    add_node(command(cli, "shell", "A shell in a node", t,
                 [](const typed& with) { become(lab::at(with.directory), with.node, {"bash", "--norc"}); }),
        t, false);
    auto& start_ = command(cli, "start",
        "Starts a part that does not run: `start m1`, `start m1 gantryd PROJECT ..`", t, nullptr);
    add_node(start_, t, true);
    start_.prefix_command();
    start_.callback([&t, &start_] { start(t, start_.remaining()); });
    add_node(command(cli, "kill", "SIGKILL; without a part, the node loses its power", t, kill), t, true);
    add_node(command(cli, "freeze", "SIGSTOP", t, freeze), t, true);
    add_node(command(cli, "thaw", "SIGCONT", t, thaw), t, true);
    auto& cut_ = command(cli, "cut", "Lets no packet pass from or to the node, or between the two", t, cut);
    add_node(cut_, t, false);
    cut_.add_option("OTHER", t.other);
    auto& lose = command(cli, "lose", "Loses this share of the packets, each way", t, [](const typed& with) {
        const auto all = lab::at(with.directory);
        all.links().lose(all.find(with.node), with.share);
    });
    add_node(lose, t, false);
    lose.add_option("SHARE", t.share, "from 0 to 1")->required()->check(CLI::Range(0.0, 1.0));
    auto& slow =
        command(cli, "slow", "Lets so many kilobits per second pass, each way", t, [](const typed& with) {
            const auto all = lab::at(with.directory);
            all.links().slow(all.find(with.node), with.kilobits);
        });
    add_node(slow, t, false);
    slow.add_option("KILOBITS", t.kilobits)->required()->check(CLI::PositiveNumber);
    command(cli, "heal", "Undoes what was done to the node's link, or to all", t, heal)
        .add_option("NODE", t.node);
    command(cli, "image", "Makes the demo server's image answer with VERSION, and pushes it", t, push_image)
        .add_option("VERSION", t.version)
        ->required();
}

}  // namespace

int main(int argc, char** argv)
try {
    typed t;
    CLI::App cli("Machines, an etcd and a registry on this machine, to try gantryd on. Needs root.");
    cli.add_option("--directory", t.directory, "Of the lab; several may be there")->capture_default_str();
    cli.require_subcommand(1);
    add_commands(cli, t);
    try {
        std::vector<std::string> words(argv + 1, argv + argc);
        // The command that is run in a node may begin with it, as everywhere.
        if (const auto mark = std::ranges::find(words, "--"); mark != words.end())
            words.erase(mark);
        std::ranges::reverse(words);  // as the library wants it
        cli.parse(std::move(words));
        return 0;
    } catch (const CLI::ParseError& e) {
        return cli.exit(e) == 0 ? 0 : 2;
    }
} catch (const std::exception& e) {
    std::fprintf(stderr, "gantryd_lab: %s\n", e.what());
    return 1;
}
