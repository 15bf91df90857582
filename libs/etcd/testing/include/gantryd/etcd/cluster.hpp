#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace gantryd::etcd_testing {

struct cluster_options {
    std::size_t members = 1;
    std::vector<std::string> arguments;  ///< more of them, for every member

    /// PEM files; with them clients speak TLS, and have to show a certificate of that authority.
    std::string ca_file;
    std::string certificate_file;
    std::string key_file;

    /// Words before the program of one member: a time namespace, faketime, ..
    std::size_t wrapped_member = 0;
    std::vector<std::string> wrapper;
};

/// A real etcd (Debian's package etcd-server) on this machine: its own directory and free ports. Nothing of
/// it outlives us: the kernel kills the members when we die. All calls block.
class cluster {
public:
    /// Starts it and waits until it has a leader. Throws runtime_error when it does not come up.
    explicit cluster(cluster_options what = {});
    cluster(const cluster&) = delete;
    cluster& operator=(const cluster&) = delete;
    ~cluster();

    std::size_t size() const noexcept { return members_.size(); }

    /// "http://127.0.0.1:2379", and all of them with commas between, as ETCDCTL_ENDPOINTS.
    std::string endpoint(std::size_t member) const;
    std::string endpoints() const;
    std::uint16_t port(std::size_t member) const { return members_[member].client_port; }
    pid_t pid(std::size_t member) const { return members_[member].pid; }

    /// SIGKILL; start() brings it back with its data.
    void kill(std::size_t member);
    void start(std::size_t member);
    /// SIGSTOP and SIGCONT.
    void pause(std::size_t member) const;
    void resume(std::size_t member) const;

    /// Which member leads. Throws when there is none within the limit.
    std::size_t leader(std::chrono::seconds limit = std::chrono::seconds(30)) const;

    /// The standard output of `etcdctl words..` at all endpoints. Throws when it fails.
    std::string etcdctl(
        std::vector<std::string> words, const std::vector<std::string>& environment = {}) const;

    /// Forgets the history up to the present revision.
    void compact() const;

    /// What is in the store, as a file.
    std::filesystem::path save() const;

    /// Puts that back in place of all that there is, as an operator does after a disaster. With another
    /// `token` it is another cluster, at the same addresses.
    void restore(const std::filesystem::path& saved, const std::string& token);

    /// What a member has written.
    std::string log_of(std::size_t member) const;

private:
    struct member {
        std::string name;
        std::uint16_t client_port = 0;
        std::uint16_t peer_port = 0;
        pid_t pid = -1;
    };

    std::string peer_url(const member& of) const;
    std::string initial_cluster() const;
    std::filesystem::path data_of(const member& of) const { return directory_ / of.name; }
    void launch(std::size_t which);
    void remove_everything();

    cluster_options what_;
    std::filesystem::path directory_;
    std::string token_ = "gantryd-test";
    std::vector<member> members_;
};

}  // namespace gantryd::etcd_testing
