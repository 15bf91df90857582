#pragma once
#include "docker.hpp"
#include "process.hpp"
#include "traffic.hpp"
#include "wait.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::integration {

using namespace std::chrono_literals;

using settings = std::map<std::string, std::string>;

/// A project of its own on real Docker and HAProxy: its own state directory, names and ports. Whatever
/// happens in the test, nothing of it is left afterwards.
class daemon_test : public ::testing::Test {
protected:
    /// `docker_host`: as DOCKER_HOST; "" for our environment's.
    explicit daemon_test(const std::string& docker_host = {});

    void SetUp() override;
    void TearDown() override;

    /// Runs a program's command with our state directory.
    finished gantryd(const std::vector<std::string>& words, std::chrono::seconds limit = 90s) const;
    /// The same in the background; what it writes is in `output`, a file of our directory.
    std::unique_ptr<program> begin_gantryd(std::vector<std::string> words, const std::string& output) const;
    finished gantry(const std::vector<std::string>& words, std::chrono::seconds limit = 90s) const;

    /// Another program than gantryd in the same way.
    std::unique_ptr<program> begin(
        const std::string& name, std::vector<std::string> words, const std::string& output) const;

    /// Makes `what`, the image that the components run, answer with `version`; `more` is its environment.
    /// Returns its id.
    std::string make_image(const std::string& version, settings more = {}, const std::string& what = "demo");

    /// A component that runs the image `what` and serves HTTP at `port`, with quick checks.
    boost::json::object component(
        const std::string& name, std::uint16_t port, const std::string& what = "demo") const;

    /// Writes a project file and returns its path.
    std::string write_file(const std::string& name, const std::string& text) const;
    std::string write_project(const std::vector<boost::json::object>& components) const;

    /// `setconfig` of these components; a failure of the test when it is refused.
    void configure(const std::vector<boost::json::object>& components) const;

    /// Starts `daemon_program_ run` and waits until it has written something.
    void start_daemon();
    void kill_daemon();
    /// SIGTERM; a failure of the test when it has not ended with code 0 in 20 s.
    void stop_daemon();
    /// Everything that all daemons of this test have logged.
    std::string daemon_log() const;

    /// `update --wait` of the component.
    finished update(const std::string& component = "web") const;

    /// Makes the image, updates, and expects that it serves at `port_` afterwards.
    void deploy(const std::string& version, settings more = {});

    /// configure() with one component "web" at `port_`, start_daemon(), deploy("v1").
    void deploy_web(int instances = 1);

    std::vector<container> containers() const { return docker_.containers(project_); }
    std::vector<container> running(const std::string& component = "web") const;

    std::filesystem::path state_directory() const { return directory_ / "state"; }

    /// The master process of the test's HAProxy; none when it does not run.
    std::optional<pid_t> proxy_pid() const;
    /// All its processes, those too that only finish their connections.
    std::vector<pid_t> proxy_processes() const;

    /// What `why` says of the component.
    std::string why(const std::string& component = "web") const;

    environment added_;  ///< to what all our programs get
    std::string daemon_program_ = GANTRYD_PROGRAM;
    std::string project_;
    std::filesystem::path directory_;
    docker docker_;
    std::uint16_t port_ = 0;
    std::unique_ptr<program> daemon_;

private:
    environment variables() const;
    void stop_proxy() const;
    void remove_everything();

    std::string docker_host_;
    std::vector<std::string> images_;
};

/// That the words ended with the exit code; else everything they printed.
::testing::AssertionResult ended_with(int exit_code, const finished& what);

/// That nothing was lost and `expected` were the only answers; else the whole report.
::testing::AssertionResult lost_nothing(const load::report& report, const std::vector<std::string>& expected);

/// That `text` has `part` in it.
::testing::AssertionResult has(const std::string& text, const std::string& part);

}  // namespace gantryd::integration
