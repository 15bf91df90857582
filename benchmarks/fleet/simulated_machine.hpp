#pragma once
#include <gantryd/base/log.hpp>
#include <gantryd/daemon/daemon.hpp>
#include <gantryd/docker/fake_engine.hpp>
#include <gantryd/etcd/etcd_store.hpp>
#include <gantryd/haproxy/fake_proxy.hpp>
#include <gantryd/health/fake_prober.hpp>
#include <gantryd/socket_table/fake_table.hpp>
#include <gantryd/store/memory_store.hpp>

#include <memory>
#include <optional>
#include <random>
#include <string>

namespace gantryd::benchmark {

/// The releases of the simulated project: a component "web" with the image "web:N". `lasts` makes a release
/// stay in its trial on the first machine.
model::component_spec simulated_spec(int release, bool lasts);
model::image_id simulated_image(int release);

/// A whole daemon with a client of etcd of its own, in real time; Docker, HAProxy and checks are fakes, which
/// do at once what they are asked to.
class simulated_machine final : public daemon::observer {
public:
    /// Images of the releases from 1 to `releases` are there.
    simulated_machine(
        std::string id, std::string project, const etcd::options& where, runtime::clock& clk, int releases);

    /// Until cancelled.
    boost::asio::awaitable<void> run();

    /// It knows what is wanted of it.
    bool has_planned() const { return planned_for_.has_value(); }

    void planned(const planner::world& world, const planner::plan& plan, std::size_t under_way) override;

private:
    class silence final : public base::log_sink {
        void write(base::log_level, std::string_view, std::span<const base::log_field>) override {}
    };

    std::string id_;
    std::string project_;
    runtime::clock& clk_;
    std::unique_ptr<store::store> etcd_;
    std::unique_ptr<store::store> ledger_;
    docker::fake_engine docker_;
    haproxy::fake_proxy proxy_;
    socket_table::fake_table sockets_;
    health_testing::fake_prober prober_;
    std::mt19937 random_;
    silence nowhere_;
    base::logger log_{nowhere_, base::log_level::error};
    std::optional<model::release_number> planned_for_;
};

}  // namespace gantryd::benchmark
