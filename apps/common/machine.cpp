#include "common/machine.hpp"

#include "common/host_facts.hpp"

#include <gantryd/base/environment.hpp>
#include <gantryd/docker/client.hpp>
#include <gantryd/etcd/etcd_store.hpp>
#include <gantryd/sqlite_store/sqlite_store.hpp>
#include <gantryd/store/memory_store.hpp>

#include <cstdio>

#include <unistd.h>

namespace gantryd::app {
namespace {

health::probe_services services_of(docker::engine& docker)
{
    health::probe_services out;
    out.exec = [&docker](
                   model::container_id id, std::vector<std::string> command, runtime::time_point deadline)
        -> boost::asio::awaitable<base::result<health::probe_services::exec_outcome>> {
        auto done = co_await docker.exec(std::move(id), std::move(command), deadline);
        if (!done)
            co_return std::unexpected(done.error());
        co_return health::probe_services::exec_outcome{done->exit_code, std::move(done->output)};
    };
    out.connections = [](model::container_id,
                          runtime::time_point) -> boost::asio::awaitable<base::result<std::int64_t>> {
        // A check of kind connection outside a drain: a container that serves is never asked to be unused.
        co_return std::int64_t{0};
    };
    return out;
}

class local_machine final : public machine {
public:
    local_machine(const settings& from, runtime::clock& clk, const base::logger& log,
        std::unique_ptr<state_directory> directory, std::unique_ptr<docker::engine> docker,
        std::unique_ptr<store::store> ledger)
        : settings_(from),
          clk_(clk),
          log_(log),
          directory_(std::move(directory)),
          docker_(std::move(docker)),
          ledger_(std::move(ledger)),
          random_(std::random_device()()),
          proxy_(haproxy::make_proxy(
              {.program = from.haproxy,
                  .directory = from.state_dir + "/haproxy",
                  .hard_stop_after = std::chrono::seconds(from.haproxy_hard_stop_seconds)},
              clk, log)),
          sockets_(socket_table::make_table()),
          prober_(health::make_prober(clk, services_of(*docker_)))
    {
    }

    docker::engine& docker() override { return *docker_; }
    store::store& ledger() override { return *ledger_; }

    daemon::collaborators with(store::store& desired) override
    {
        return {desired, *ledger_, *docker_, *proxy_, *sockets_, *prober_, clk_, random_, log_};
    }

    daemon::options options_for(model::project_name project) const override
    {
        daemon::options out;
        out.project = std::move(project);
        out.machine = directory_->machine();
        out.host = host_name();
        out.address = routed_address();
        out.cpus = cpu_count();
        out.memory_bytes = memory_bytes();
        out.version = version();
        out.pid = ::getpid();
        out.boot_id = boot_id();
        out.binding_directory = settings_.state_dir + "/bindings";
        out.secret_key_file = settings_.secret_key_file;
        out.link_ports = daemon::link_ports_beside(ephemeral_ports());
        if (is_docker_here())
            out.free_bytes = [](const std::string& path) { return free_bytes(path); };
        return out;
    }

private:
    settings settings_;
    runtime::clock& clk_;
    const base::logger& log_;
    std::unique_ptr<state_directory> directory_;
    std::unique_ptr<docker::engine> docker_;
    std::unique_ptr<store::store> ledger_;
    std::mt19937 random_;
    std::unique_ptr<haproxy::proxy> proxy_;
    std::unique_ptr<socket_table::table> sockets_;
    std::unique_ptr<health::prober> prober_;
};

std::unique_ptr<store::store> open_ledger(const settings& from, runtime::clock& clk, const base::logger& log)
{
    const sqlite_store::options where{from.ledger_path(), sqlite_store::durability::relaxed, true};
    auto opened = sqlite_store::open(where, clk);
    if (opened)
        return std::move(*opened);
    log.warning("ledger set aside", {{"why", opened.error().context()}});
    const auto aside = where.path + ".unreadable";
    (void)std::rename(where.path.c_str(), aside.c_str());
    auto fresh = sqlite_store::open(where, clk);
    if (fresh)
        return std::move(*fresh);
    log.warning(
        "no ledger; a restart will forget drains and crash counts", {{"why", fresh.error().context()}});
    return store::make_memory_store(clk);
}

}  // namespace

base::result<std::unique_ptr<store::store>> open_store(
    const settings& from, runtime::clock& clk, bool create, bool relaxed)
{
    if (const auto endpoints = from.etcd_endpoints(); !endpoints.empty()) {
        auto members = etcd::parse_options(endpoints, from.etcd_port, base::environment_variable);
        if (!members)
            return std::unexpected(members.error());
        return etcd::open(std::move(*members), clk);
    }
    sqlite_store::options where;
    where.path = from.store_path();
    where.commits = relaxed ? sqlite_store::durability::relaxed : sqlite_store::durability::full;
    where.create = create;
    if (create && from.store.empty() && ::access(where.path.c_str(), F_OK) != 0)
        if (auto fits = check_state_directory(from.state_dir); !fits)
            return std::unexpected(fits.error());
    auto opened = sqlite_store::open(where, clk);
    if (!opened && opened.error() == base::errc::not_found)
        return base::fail(base::errc::not_found,
            opened.error().context() + "; `gantryd setconfig PROJECT FILE` makes it, unless the store is "
                                       "another one: --state-dir, --store, --etcd");
    return opened;
}

std::set<std::string> store_members(const settings& from)
{
    std::set<std::string> out;
    const auto endpoints = from.etcd_endpoints();
    if (endpoints.empty())
        return out;
    if (const auto members = etcd::parse_options(endpoints, from.etcd_port, base::environment_variable))
        for (const auto& one : members->endpoints)
            out.insert(etcd::text_of(one));
    return out;
}

bool is_docker_here()
{
    const auto where = docker::endpoint_from_environment(base::environment_variable);
    return where && where->transport == docker::endpoint::kind::unix_socket;
}

base::result<std::unique_ptr<docker::engine>> open_docker(runtime::clock& clk)
{
    auto where = docker::endpoint_from_environment(base::environment_variable);
    if (!where)
        return std::unexpected(where.error());
    return docker::make_engine(std::move(*where), clk);
}

base::result<std::unique_ptr<machine>> open_machine(
    const settings& from, runtime::clock& clk, const base::logger& log)
{
    auto directory = hold_state_directory(from.state_dir);
    if (!directory)
        return std::unexpected(directory.error());
    auto docker = open_docker(clk);
    if (!docker)
        return std::unexpected(docker.error());
    auto ledger = open_ledger(from, clk, log);
    return std::make_unique<local_machine>(
        from, clk, log, std::move(*directory), std::move(*docker), std::move(ledger));
}

}  // namespace gantryd::app
