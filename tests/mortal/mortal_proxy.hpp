#pragma once
#include "deaths.hpp"

#include <gantryd/haproxy/proxy.hpp>
#include <gantryd/health/prober.hpp>

namespace gantryd::mortal {

/// A HAProxy whose user dies before and after a change of it: one that empties it is another kind.
class mortal_proxy final : public haproxy::proxy {
public:
    mortal_proxy(haproxy::proxy& there, deaths& when) : there_(there), when_(when) {}

    boost::asio::awaitable<base::result<haproxy::proxy_view>> look(runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<haproxy::proxy_view>> look_closely(
        runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<haproxy::proxy_view>> update(
        std::vector<haproxy_config::route> routes, runtime::time_point deadline) override;
    bool is_free(const std::string& address, std::uint16_t port) const override;
    std::optional<std::string> why_taken(const std::string& address, std::uint16_t port) const override;
    boost::asio::awaitable<void> wait_for_exit() override;

private:
    haproxy::proxy& there_;
    deaths& when_;
};

/// A prober whose user dies before and after a termination signal.
class mortal_prober final : public health::prober {
public:
    mortal_prober(health::prober& there, deaths& when) : there_(there), when_(when) {}

    boost::asio::awaitable<health::probe_result> probe(
        model::check_spec check, health::probe_target target) override;
    boost::asio::awaitable<health::probe_result> signal(
        model::signal_spec signal, health::probe_target target) override;

private:
    health::prober& there_;
    deaths& when_;
};

}  // namespace gantryd::mortal
