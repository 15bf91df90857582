#pragma once
#include <gantryd/haproxy/proxy.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gantryd::runtime {
class dirty_flag;
}

namespace gantryd::haproxy {

/// A HAProxy in virtual time, scripted by its public fields. It decides as the real one does between a
/// runtime change, a reload and a start.
class fake_proxy final : public proxy {
public:
    explicit fake_proxy(runtime::clock& clk) : clk_(clk) {}

    // What the test sets.
    bool reachable = true;  ///< false: look() and update() fail with unavailable
    std::string refusal;    ///< not empty: a start or reload fails with rejected and these words
    std::chrono::milliseconds latency{0};              ///< of every call
    std::map<std::uint16_t, std::string> taken_ports;  ///< port -> "nginx (pid 4711)"
    std::map<std::string, std::int64_t> sessions;      ///< "10.0.0.1:80" -> live ones of the current worker
    std::map<std::string, std::int64_t> old_sessions;  ///< the same, in workers that a reload left behind
    std::map<std::string, std::int64_t> tunnels;       ///< those of both that are tunnels

    // What the test reads.
    bool running = false;
    int looks = 0;  ///< close ones among them
    int close_looks = 0;
    int updates = 0;  ///< calls of update(), whatever came of them
    int starts = 0;
    int reloads = 0;
    int changes = 0;                            ///< updates that changed slots without a reload or start
    std::vector<haproxy_config::route> routes;  ///< what runs

    /// HAProxy ends, and with it everything it served. Resumes wait_for_exit().
    void kill();

    boost::asio::awaitable<base::result<proxy_view>> look(runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<proxy_view>> look_closely(runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<proxy_view>> update(
        std::vector<haproxy_config::route> wanted, runtime::time_point deadline) override;
    bool is_free(const std::string& address, std::uint16_t port) const override;
    std::optional<std::string> why_taken(const std::string& address, std::uint16_t port) const override;
    boost::asio::awaitable<void> wait_for_exit() override;

private:
    boost::asio::awaitable<base::result<void>> reach(runtime::time_point deadline);
    base::result<void> run(std::vector<haproxy_config::route> wanted);
    proxy_view view(bool closely = false);
    void set_running(bool on);

    runtime::clock& clk_;
    std::map<model::route_id, std::string> refused_;
    pid_t master_ = 1000;
    bool busy_ = false;
    bool seen_running_ = false;               // at the last answered look() or update()
    runtime::dirty_flag* changed_ = nullptr;  // while somebody waits
};

}  // namespace gantryd::haproxy
