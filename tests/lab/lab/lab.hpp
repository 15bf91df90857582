#pragma once
#include "lab/network.hpp"
#include "lab/parts.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace gantryd::integration {

struct layout {
    int machines = 3;
    int etcd_members = 3;  ///< 0: no etcd
    bool registry = true;
    bool start = true;  ///< false: only the nodes and their network, nothing runs on them
};

/// GANTRYD_TEST_ROOT, else /tmp: where labs are made.
std::filesystem::path lab_root();

/// Machines, an etcd and a registry on this one, in namespaces of their own. Nothing of it is in ours: no
/// interface, no mount, no name, so any number of labs may be there at the same time. Needs root.
class lab {
public:
    /// Makes one that ends with this object, or with this process however it dies. Returns when everything in
    /// it answers; throws what went wrong. In a directory below lab_root().
    explicit lab(const layout& what = {});

    /// Makes one in `directory` that goes on until down(), whatever becomes of us.
    static lab up(const std::filesystem::path& directory, const layout& what);

    /// One that was made by up(). Throws when there is none.
    static lab at(const std::filesystem::path& directory);

    lab(lab&& other) noexcept;
    lab& operator=(lab&&) = delete;
    ~lab();

    /// Ends it with everything in it. Throws when something is left after half a minute.
    void down();

    const std::filesystem::path& directory() const { return directory_; }
    pid_t keeper() const { return keeper_; }

    /// Numbered from 1.
    const machine& m(int number) const { return machines_.at(static_cast<std::size_t>(number - 1)); }
    const etcd_member& e(int number) const { return members_.at(static_cast<std::size_t>(number - 1)); }
    const std::vector<machine>& machines() const { return machines_; }
    const std::vector<etcd_member>& members() const { return members_; }
    /// Throws when it has none.
    const registry_server& registry() const { return registries_.at(0); }
    bool has_registry() const { return !registries_.empty(); }
    const node& router() const { return router_.at(0); }

    /// All nodes but the router.
    std::vector<node> nodes() const;
    /// Throws for an unknown name.
    node find(const std::string& name) const;
    network links() const { return network(router()); }

    /// As ETCDCTL_ENDPOINTS.
    std::string endpoints() const;
    /// The member that leads in the highest term; waits for one, and throws after half a minute.
    const etcd_member& leader() const;

    /// Starts whatever does not run of Docker, etcd and the registry, on one node or on all, and waits until
    /// it answers.
    void start_all(const std::string& node_name = {}) const;

private:
    lab(std::filesystem::path directory, const layout* what, bool ends_with_us);
    void make(const layout& what, bool ends_with_us);
    void start_keeper(const std::vector<std::string>& names, bool ends_with_us);
    void read_nodes();

    std::filesystem::path directory_;
    int lifeline_ = -1;  ///< the keeper ends the lab when this is closed
    pid_t keeper_ = -1;
    bool ours_ = false;
    std::vector<node> router_;
    std::vector<machine> machines_;
    std::vector<etcd_member> members_;
    std::vector<registry_server> registries_;
};

}  // namespace gantryd::integration
