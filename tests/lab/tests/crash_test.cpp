#include "lab/lab.hpp"
#include "lab/remains.hpp"
#include "wait.hpp"

#include <gantryd/base/temporary_directory.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>

namespace gantryd::integration {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// "net:[4026532123]" and the like of a process; "" when it is gone.
std::string namespace_of(const fs::path& process, const std::string& kind)
{
    std::error_code gone;
    return fs::read_symlink(process / "ns" / kind, gone).string();
}

/// What a lab is made of, as the machine sees it.
struct traces {
    std::set<std::string> namespaces;
    std::string directory;
    std::string cgroup;
};

traces traces_of(const lab& here)
{
    traces out{
        .namespaces = {}, .directory = here.directory().string(), .cgroup = cgroup_of(here.directory())};
    auto nodes = here.nodes();
    nodes.push_back(here.router());
    for (const auto& each : nodes)
        for (const std::string kind : {"net", "pid", "mnt", "uts", "ipc"})
            out.namespaces.insert(namespace_of("/proc/" + std::to_string(each.first_process()), kind));
    return out;
}

/// Processes in its namespaces or with its directory in their command line or their mounts.
std::string processes_of(const traces& of)
{
    std::string found;
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        if (!fs::is_directory(entry.path() / "ns", gone) || entry.path().filename() == "self" ||
            entry.path().filename() == "thread-self")
            continue;
        bool ours = text_of_file(entry.path() / "cmdline").find(of.directory + "/") != std::string::npos ||
                    text_of_file(entry.path() / "mounts").find(of.directory + "/") != std::string::npos;
        for (const std::string kind : {"net", "pid", "mnt", "uts", "ipc"})
            ours = ours || of.namespaces.contains(namespace_of(entry.path(), kind));
        if (ours)
            found += entry.path().filename().string() + " " + text_of_file(entry.path() / "comm");
    }
    return found;
}

std::string cgroups_of(const traces& of)
{
    std::string found;
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator("/sys/fs/cgroup"))
        if (fs::exists(entry.path() / of.cgroup, gone))
            found += (entry.path() / of.cgroup).string() + "\n";
    return found;
}

std::set<std::string> interfaces()
{
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator("/sys/class/net"))
        names.insert(entry.path().filename().string());
    return names;
}

/// A process that has made a lab, with a paused container in it, and does nothing more.
class crash : public ::testing::Test {
protected:
    void SetUp() override
    {
        root_ = base::make_directory_in(lab_root().string(), "crash");
        maker_.emplace(std::vector<std::string>{GANTRYD_LAB_PROGRAM, "up", "1", "--etcd", "1",
                           "--no-registry", "--foreground"},
            fs::path(root_) / "output", environment{{"GANTRYD_TEST_ROOT", root_}});
        ASSERT_TRUE(wait_until(
            [&] { return maker_->output().find("m1 ") != std::string::npos || !maker_->running(); }, 60s));
        const auto text = maker_->output();
        here_.emplace(lab::at(text.substr(0, text.find(','))));
        traces_ = traces_of(*here_);
        const auto& where = here_->m(1);
        where.docker().run(
            {"run", "--detach", "--name", "paused", where.make_image("demo:crash", {{"VERSION", "crash"}})});
        where.docker().run({"pause", "paused"});
    }

    void TearDown() override
    {
        maker_.reset();
        sweep_labs(root_);
        fs::remove_all(root_);
    }

    std::string root_;
    std::optional<program> maker_;
    std::optional<lab> here_;
    traces traces_;
};

TEST_F(crash, of_whoever_made_a_lab_leaves_nothing)
{
    ASSERT_NE(processes_of(traces_), "");
    ASSERT_NE(cgroups_of(traces_), "");
    maker_->send(SIGKILL);
    EXPECT_TRUE(wait_until([&] { return !fs::exists(traces_.directory); }, 60s));
    EXPECT_EQ(processes_of(traces_), "");
    EXPECT_EQ(cgroups_of(traces_), "");
    for (const auto& name : interfaces())
        EXPECT_FALSE(name.starts_with("to-")) << name;
}

TEST_F(crash, of_the_keeper_too_leaves_files_that_the_next_lab_sweeps_away)
{
    here_->m(1).docker().run({"unpause", "paused"});
    ::kill(here_->keeper(), SIGKILL);
    maker_->send(SIGKILL);
    EXPECT_TRUE(wait_until([&] { return processes_of(traces_).empty(); }, 60s)) << processes_of(traces_);
    EXPECT_TRUE(fs::exists(traces_.directory));

    sweep_labs(root_);
    EXPECT_FALSE(fs::exists(traces_.directory));
    EXPECT_EQ(cgroups_of(traces_), "");
}

TEST_F(crash, of_nobody_is_a_lab_swept_away)
{
    sweep_labs(root_);
    EXPECT_TRUE(fs::exists(traces_.directory));
    EXPECT_TRUE(here_->m(1).docker_answers());
    maker_->send(SIGTERM);
    EXPECT_EQ(maker_->wait(60s), 0) << maker_->output();
    EXPECT_FALSE(fs::exists(traces_.directory));
    EXPECT_EQ(processes_of(traces_), "");
}

}  // namespace
}  // namespace gantryd::integration
