#pragma once
#include "docker.hpp"
#include "lab/node.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::integration {

/// Whether GET of the URL's path is answered with status 200 in the node's network.
bool answers(const node& from, const std::string& address, std::uint16_t port, const std::string& path);

/// A member of the lab's etcd; the others are told by `cluster`, "e1=http://..,e2=http://..".
class etcd_member : public node {
public:
    static constexpr std::uint16_t client_port = 2379;
    static constexpr std::uint16_t peer_port = 2380;

    etcd_member(node where, std::string cluster) : node(std::move(where)), cluster_(std::move(cluster)) {}

    std::string endpoint() const { return "http://" + address() + ":2379"; }

    /// Also after kill() or stop() of "etcd", on the data that it has. Does not wait.
    void start_etcd() const;
    /// Whether it has a leader and answers. False for a frozen one after a second.
    bool healthy() const;
    /// The term in which it says that it leads; none when it follows or does not answer. One that is cut off
    /// may say so for a while beside the next leader, whose term is higher.
    std::optional<std::int64_t> term_led() const;

private:
    std::string cluster_;
};

/// Debian's docker-registry, without TLS and without passwords.
class registry_server : public node {
public:
    static constexpr std::uint16_t port = 5000;

    explicit registry_server(node where) : node(std::move(where)) {}

    /// ADDRESS:PORT, which the names of images begin with.
    std::string prefix() const { return address() + ":5000"; }

    /// Also after kill() or stop() of "registry". Does not wait.
    void start_registry() const;
    bool healthy() const { return answers(*this, address(), port, "/v2/"); }
};

/// A machine that containers run on: an Engine, HAProxy and gantryd of its own. HAProxy is started by
/// gantryd.
class machine : public node {
public:
    /// `number` from 1 to 250; `etcd`: as ETCDCTL_ENDPOINTS; `registry`: whom the Engine trusts without TLS.
    machine(node where, int number, std::string cgroup, std::string etcd, std::string registry);

    int number() const { return number_; }

    /// As DOCKER_HOST: also from outside of the machine.
    std::string docker_host() const { return "unix://" + (directory() / "docker.sock").string(); }
    integration::docker docker() const { return integration::docker(docker_host()); }

    /// Also after kill() of "docker" or power_off(), on what it left. Does not wait.
    void start_docker() const;
    bool docker_answers() const;
    /// start_docker() and waits; throws what it logged when it does not answer within 30 s.
    void restart_docker() const;

    /// Everything on the machine dies at the same moment, and what a boot would lose is lost: mounts, the
    /// Engine's run-time state and the boot's id. The network stays as it is.
    void power_off() const;

    /// What the programs of this project are told by: DOCKER_HOST, GANTRYD_STATE_DIR, ETCDCTL_ENDPOINTS.
    environment variables() const;
    std::filesystem::path state_directory() const { return directory() / "state"; }

    /// Runs a command of gantryd on the machine.
    finished gantryd(
        const std::vector<std::string>& words, std::chrono::seconds limit = std::chrono::seconds(90)) const;

    /// Starts `gantryd run PROJECT MORE..` as "gantryd", whose log is log_of("gantryd").
    void start_gantryd(const std::string& project, const std::vector<std::string>& more = {}) const;

    /// The machine's HAProxy: its master process, as this machine numbers it; none when it does not run.
    std::optional<pid_t> proxy_pid() const;

    /// Makes an image of the demo server here, with this environment; its id.
    std::string make_image(const std::string& name, const std::map<std::string, std::string>& settings) const;

    /// One request to a port of the machine, from the machine.
    std::string version_at(std::uint16_t port) const;

private:
    int number_ = 0;
    std::string cgroup_;
    std::string etcd_;
    std::string registry_;
};

}  // namespace gantryd::integration
