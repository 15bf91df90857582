#pragma once
#include <gantryd/base/log.hpp>

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace gantryd::app {

/// What scripts can rely on.
enum class exit_code { done = 0, refused = 1, usage = 2, timed_out = 3, reverted = 4 };

/// The options that every command has.
struct settings {
    std::string state_dir = "/var/lib/gantryd";
    std::string store;               ///< path of the embedded store; empty: store.db in the state directory
    std::string etcd;                ///< endpoints as the command line has them; empty: not named there
    std::uint16_t etcd_port = 2379;  ///< of those that name none
    std::string secret_key_file = "/etc/gantryd/secret.key";
    std::string haproxy = "haproxy";
    long haproxy_hard_stop_seconds = 24L * 60 * 60;  ///< a worker that a reload left behind ends by then
    std::string log_format = "text";
    std::string log_level = "info";
    std::string output = "table";

    std::string store_path() const { return store.empty() ? state_dir + "/store.db" : store; }
    std::string ledger_path() const { return state_dir + "/ledger.db"; }
    /// The endpoints of etcd, from the command line or else from etcdctl's environment; empty: the store is
    /// the embedded one.
    std::string etcd_endpoints() const;

    /// The store in a log line.
    std::string store_name() const;

    bool json() const { return output == "json"; }
    base::log_level level() const;
};

/// Adds them, each with its environment variable, and -o.
void add_settings(CLI::App& to, settings& into);

/// Adds what names etcd in place of the embedded store.
void add_etcd_settings(CLI::App& to, settings& into);

/// gantryd's version: "0.1.0".
std::string version();

}  // namespace gantryd::app
