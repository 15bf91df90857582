#pragma once
#include "docker.hpp"
#include "process.hpp"

#include <boost/json.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::benchmark {

using clock = std::chrono::steady_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

/// The middle one; the mean of the two in the middle of an even number.
double median(std::vector<double> values);

/// Polls every 2 ms until `is_there` holds; the time since `from`. Throws after `limit`.
milliseconds until(clock::time_point from, const std::function<bool()>& is_there,
    std::chrono::seconds limit = std::chrono::seconds(30));

/// Throws what the program said unless it ended with code 0.
void expect_done(const integration::finished& what);

/// A component of the demo server's image `tag`:latest, checked over HTTP, which serves HTTP at `port`.
boost::json::object component(const std::string& name, const std::string& tag, std::uint16_t port);

/// The text of a project file.
std::string project_of(boost::json::array components);

/// One answer of `GET /` within a few milliseconds; empty when there is none yet. A request that the proxy
/// holds is dropped and sent anew, so that the poll is no later than its period.
struct answer {
    std::string version;
    std::string instance;
};
answer ask_quickly(const std::string& address, std::uint16_t port);

/// A state directory, a project and a daemon of its own; gone with everything it made at the end.
class scene {
public:
    scene(std::string project, const std::string& project_file);
    scene(const scene&) = delete;
    scene& operator=(const scene&) = delete;
    ~scene();

    /// `setconfig` of this text.
    void configure(const std::string& project_file) const;
    /// Returns when the daemon has read the desired state.
    void start_daemon();
    /// SIGKILL.
    void kill_daemon();
    integration::finished gantryd(std::vector<std::string> words) const;
    /// The same in the background, what it says in a file of our directory.
    std::unique_ptr<integration::program> begin_gantryd(
        std::vector<std::string> words, const std::string& output = "background.log") const;
    /// HAProxy's master process; none when it does not run.
    std::optional<pid_t> proxy_master() const;
    /// How many processes HAProxy has: its master, its worker, and those that only finish their connections.
    std::size_t proxy_processes() const;
    pid_t daemon_pid() const { return daemon_->pid(); }
    /// Of all daemons of this scene.
    std::string daemon_log() const { return integration::text_of_file(directory_ / "daemon.log"); }
    std::string store_path() const { return (directory_ / "store.db").string(); }
    const std::filesystem::path& directory() const { return directory_; }
    const std::string& project() const { return project_; }
    const integration::docker& docker() const { return docker_; }

private:
    integration::environment variables() const { return {{"GANTRYD_STATE_DIR", directory_.string()}}; }

    std::string project_;
    std::filesystem::path directory_;
    integration::docker docker_;
    std::unique_ptr<integration::program> daemon_;
};

/// Create, start, and poll the container's port until the first 200, by the Engine's API alone: one round.
/// `docker_host` is DOCKER_HOST; "" for our environment's. The container's address has to be reachable.
milliseconds floor_round(
    const std::string& image, const std::string& name, const std::string& docker_host = {});

}  // namespace gantryd::benchmark
