#include "daemon_test.hpp"

#include <gantryd/base/temporary_directory.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace json = boost::json;

namespace gantryd::integration {
namespace {

std::string next_project_name()
{
    static int count = 0;
    return "it-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

std::string end_of(const std::string& text, std::size_t most = 6000)
{
    return text.size() <= most ? text : ".. " + text.substr(text.size() - most);
}

}  // namespace

daemon_test::daemon_test(const std::string& docker_host)
    : project_(next_project_name()),
      directory_(base::make_test_directory("it")),
      docker_(docker_host),
      port_(free_port()),
      docker_host_(docker_host)
{
}

void daemon_test::SetUp()
{
    const auto problem = docker_.problem();
    ASSERT_EQ(problem, "");
}

void daemon_test::TearDown()
{
    if (HasFailure())
        std::printf("--- the daemon's log\n%s\n", end_of(daemon_log()).c_str());
    try {
        remove_everything();
    } catch (const std::exception& why) {
        ADD_FAILURE() << "cleaning up: " << why.what();
    }
}

void daemon_test::remove_everything()
{
    daemon_.reset();
    stop_proxy();
    for (const auto pid : processes_with(directory_.string() + "/")) {
        ADD_FAILURE() << "a process was left: " << text_of_file("/proc/" + std::to_string(pid) + "/cmdline");
        ::kill(pid, SIGKILL);
    }
    if (docker_.problem().empty()) {
        docker_.remove_containers(project_);
        docker_.remove_images(images_);
    }
    std::filesystem::remove_all(directory_);
}

void daemon_test::stop_proxy() const
{
    // One that was told to stop may still finish its connections, and has no pid file any more.
    for (const auto pid : proxy_processes())
        ::kill(pid, SIGTERM);
    if (wait_until([&] { return proxy_processes().empty(); }, 5s))
        return;
    for (const auto pid : proxy_processes())
        ::kill(pid, SIGKILL);
    wait_until([&] { return proxy_processes().empty(); }, 5s);
}

std::vector<pid_t> daemon_test::proxy_processes() const
{
    return processes_with((state_directory() / "haproxy").string());
}

environment daemon_test::variables() const
{
    environment out{{"GANTRYD_STATE_DIR", state_directory().string()}, {"NO_COLOR", "1"}};
    out.insert(added_.begin(), added_.end());
    if (!docker_host_.empty())
        out["DOCKER_HOST"] = docker_host_;
    return out;
}

finished daemon_test::gantryd(const std::vector<std::string>& words, std::chrono::seconds limit) const
{
    std::vector<std::string> all{GANTRYD_PROGRAM};
    all.insert(all.end(), words.begin(), words.end());
    return run(std::move(all), variables(), limit);
}

std::unique_ptr<program> daemon_test::begin_gantryd(
    std::vector<std::string> words, const std::string& output) const
{
    return begin(GANTRYD_PROGRAM, std::move(words), output);
}

std::unique_ptr<program> daemon_test::begin(
    const std::string& name, std::vector<std::string> words, const std::string& output) const
{
    words.insert(words.begin(), name);
    return std::make_unique<program>(std::move(words), directory_ / output, variables());
}

finished daemon_test::gantry(const std::vector<std::string>& words, std::chrono::seconds limit) const
{
    std::vector<std::string> all{GANTRY_PROGRAM, "--project", project_};
    all.insert(all.end(), words.begin(), words.end());
    return run(std::move(all), variables(), limit);
}

std::string daemon_test::make_image(const std::string& version, settings more, const std::string& what)
{
    more["VERSION"] = version;
    images_.push_back(docker_.make_image(project_ + "/" + what + ":live", more));
    return images_.back();
}

json::object daemon_test::component(
    const std::string& name, std::uint16_t port, const std::string& what) const
{
    const json::object probe{{"kind", "http"}, {"port", 8080}, {"path", "/health"}, {"interval", "100ms"},
        {"timeout", "1s"}, {"fall", 2}};
    return json::object{
        {"name", name},
        {"repo", project_ + "/" + what},
        {"tag", "live"},
        {"ports", json::array{json::object{{"external", port}, {"container", 8080}, {"kind", "http"}}}},
        {"readyChecks", json::array{probe}},
        {"healthChecks", json::array{probe}},
        {"readyTimeout", "10s"},
        {"drain", json::object{{"timeout", "10s"}}},
    };
}

std::string daemon_test::write_file(const std::string& name, const std::string& text) const
{
    const auto path = directory_ / name;
    std::ofstream(path) << text;
    return path.string();
}

std::string daemon_test::write_project(const std::vector<json::object>& components) const
{
    return write_file("project.json",
        json::serialize(json::object{{"components", json::array(components.begin(), components.end())}}));
}

void daemon_test::configure(const std::vector<json::object>& components) const
{
    const auto done = gantryd({"setconfig", project_, write_project(components)});
    ASSERT_TRUE(ended_with(0, done));
    EXPECT_EQ(done.out, "Configuration updated\n");
}

void daemon_test::start_daemon()
{
    const auto written = daemon_log().size();
    daemon_ = begin(daemon_program_, {"run", project_}, "daemon.log");
    ASSERT_TRUE(wait_until([&] { return daemon_log().size() > written || !daemon_->running(); }));
    ASSERT_TRUE(daemon_->running()) << daemon_log();
}

void daemon_test::kill_daemon()
{
    daemon_->send(SIGKILL);
    ASSERT_EQ(daemon_->wait(5s), 128 + SIGKILL);
    daemon_.reset();
}

void daemon_test::stop_daemon()
{
    daemon_->send(SIGTERM);
    EXPECT_EQ(daemon_->wait(20s), 0);
    daemon_.reset();
}

std::string daemon_test::daemon_log() const { return text_of_file(directory_ / "daemon.log"); }

finished daemon_test::update(const std::string& component) const
{
    return gantryd({"update", project_, "-c", component, "--wait", "--timeout", "60s"});
}

void daemon_test::deploy(const std::string& version, settings more)
{
    make_image(version, std::move(more));
    ASSERT_TRUE(ended_with(0, update()));
    ASSERT_EQ(version_at(port_), version);
}

void daemon_test::deploy_web(int instances)
{
    auto web = component("web", port_);
    web["instances"] = instances;
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_NO_FATAL_FAILURE(deploy("v1"));
}

std::vector<container> daemon_test::running(const std::string& component) const
{
    return docker_.running(project_, component);
}

std::optional<pid_t> daemon_test::proxy_pid() const
{
    const auto pid = pid_in_file(state_directory() / "haproxy" / "haproxy.pid");
    return pid && process_runs(*pid) ? pid : std::nullopt;
}

std::string daemon_test::why(const std::string& component) const
{
    return gantryd({"why", project_, component}).both();
}

::testing::AssertionResult ended_with(int exit_code, const finished& what)
{
    if (what.exit_code == exit_code)
        return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "exit code " << what.exit_code << " instead of " << exit_code
                                         << " after " << what.took.count() << " ms\nstdout:\n"
                                         << what.out << "stderr:\n"
                                         << what.err;
}

::testing::AssertionResult lost_nothing(const load::report& report, const std::vector<std::string>& expected)
{
    const auto& versions = report.requests.versions;
    const bool only_expected = std::ranges::all_of(
        versions, [&](const auto& seen) { return std::ranges::count(expected, seen.first) == 1; });
    if (load::problems_in(report).empty() && only_expected && versions.size() == expected.size())
        return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << load::table_of(report);
}

::testing::AssertionResult has(const std::string& text, const std::string& part)
{
    if (text.find(part) != std::string::npos)
        return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "\"" << part << "\" is not in:\n" << text;
}

}  // namespace gantryd::integration
