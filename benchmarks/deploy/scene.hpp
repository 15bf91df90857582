#pragma once
#include "docker.hpp"
#include "process.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gantryd::benchmark {

using clock = std::chrono::steady_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

/// The middle one; the mean of the two in the middle of an even number.
double median(std::vector<double> values);

/// Polls every 2 ms until `is_there` holds; the time since `from`. Throws after 30 s.
milliseconds until(clock::time_point from, const std::function<bool()>& is_there);

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

    void start_daemon();
    integration::finished gantryd(std::vector<std::string> words) const;
    pid_t daemon_pid() const { return daemon_->pid(); }
    std::string daemon_log() const { return daemon_->output(); }
    std::string store_path() const { return (directory_ / "store.db").string(); }
    const std::string& project() const { return project_; }
    const integration::docker& docker() const { return docker_; }

private:
    std::string project_;
    std::filesystem::path directory_;
    integration::docker docker_;
    std::unique_ptr<integration::program> daemon_;
};

/// Create, start, and poll the container's port until the first 200, by the Engine's API alone: one round.
milliseconds floor_round(const std::string& image, const std::string& name);

/// From a release's commit to the daemon's log line about it, and a bare SQLite commit beside it.
struct watch_times {
    std::vector<double> seen_ms;
    std::vector<double> commit_ms;
};
watch_times measure_watch(const scene& of, int rounds);

/// CPU share (of one core) and resident memory of a daemon that has nothing to do but its checks.
struct idle_cost {
    double cpu_percent = 0;
    double resident_mb = 0;
};
idle_cost measure_idle(pid_t daemon, std::chrono::seconds during);

}  // namespace gantryd::benchmark
