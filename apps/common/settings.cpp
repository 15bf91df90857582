#include "common/settings.hpp"

#include <gantryd/base/environment.hpp>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace gantryd::app {
namespace {

constexpr long longest_hard_stop = 2'147'483;  ///< seconds; HAProxy counts milliseconds in 31 bits

}  // namespace

base::log_level settings::level() const
{
    using enum base::log_level;
    for (const auto level : {debug, info, warning, error})
        if (text_of(level) == log_level)
            return level;
    return info;
}

std::string settings::etcd_endpoints() const
{
    return etcd.empty() ? base::environment_variable("ETCDCTL_ENDPOINTS") : etcd;
}

std::string settings::store_name() const
{
    const auto endpoints = etcd_endpoints();
    return endpoints.empty() ? store_path() : "etcd";
}

void add_etcd_settings(CLI::App& to, settings& into)
{
    to.add_option("--etcd", into.etcd,
        "The store is etcd at these endpoints, separated by commas (default: ETCDCTL_ENDPOINTS; the other "
        "variables of etcdctl hold too)");
    to.add_option("--etcdport", into.etcd_port, "The port of endpoints that name none")
        ->check(CLI::Range(1, 65535))
        ->capture_default_str();
}

void add_settings(CLI::App& to, settings& into)
{
    to.add_option("--state-dir", into.state_dir, "Where this machine's state lives")
        ->envname("GANTRYD_STATE_DIR")
        ->capture_default_str();
    to.add_option(
          "--store", into.store, "The embedded store's file (default: store.db in the state directory)")
        ->envname("GANTRYD_STORE");
    to.add_option("--secret-key-file", into.secret_key_file, "The key of the project's secrets, 32 bytes")
        ->envname("GANTRYD_SECRET_KEY_FILE")
        ->capture_default_str();
    to.add_option("--haproxy", into.haproxy, "The HAProxy program")
        ->envname("GANTRYD_HAPROXY")
        ->capture_default_str();
    const std::map<std::string, long> units{{"s", 1}, {"m", 60}, {"h", 3600}};
    to.add_option("--haproxy-hard-stop-after", into.haproxy_hard_stop_seconds,
          "A worker that a reload left behind cuts what it still has after: seconds, or with a unit (30m)")
        ->envname("GANTRYD_HAPROXY_HARD_STOP_AFTER")
        ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_INSENSITIVE))
        ->check(CLI::Range(1L, longest_hard_stop))
        ->capture_default_str();
    to.add_option("--log-format", into.log_format, "text or json")
        ->envname("GANTRYD_LOG_FORMAT")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    to.add_option("--log-level", into.log_level, "debug, info, warning or error")
        ->envname("GANTRYD_LOG_LEVEL")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
        ->capture_default_str();
    to.add_option("-o,--output", into.output, "table or json")
        ->envname("GANTRYD_OUTPUT")
        ->check(CLI::IsMember({"table", "json"}))
        ->capture_default_str();
}

std::string version() { return GANTRYD_VERSION; }

}  // namespace gantryd::app
