#pragma once
#include "fate.hpp"

#include <gantryd/haproxy/fake_proxy.hpp>

namespace gantryd::simulation {

/// A way to a HAProxy on which calls are slow, lose their answers, or stop half way.
class lossy_proxy final : public haproxy::proxy {
public:
    lossy_proxy(runtime::clock& clk, haproxy::fake_proxy& there) : clk_(clk), there_(there) {}

    judge decides;                        ///< asked at each call: "look", "update"
    runtime::time_point table_sent_at{};  ///< the last one that has come; it may have taken seconds

    boost::asio::awaitable<base::result<haproxy::proxy_view>> look(runtime::time_point deadline) override
    {
        return meet(clk_, asked("look"), "haproxy", there_.look(deadline), deadline);
    }
    boost::asio::awaitable<base::result<haproxy::proxy_view>> look_closely(
        runtime::time_point deadline) override
    {
        return meet(clk_, asked("look"), "haproxy", there_.look_closely(deadline), deadline);
    }
    boost::asio::awaitable<base::result<haproxy::proxy_view>> update(
        std::vector<haproxy_config::route> routes, runtime::time_point deadline) override
    {
        const auto becomes = asked("update");
        if (becomes.what == fate::kind::half_done)
            return stop_half_way(std::move(routes), deadline);
        return meet(clk_, becomes, "haproxy", arrive(std::move(routes), clk_.now(), deadline), deadline);
    }
    bool is_free(const std::string& address, std::uint16_t port) const override
    {
        return there_.is_free(address, port);
    }
    std::optional<std::string> why_taken(const std::string& address, std::uint16_t port) const override
    {
        return there_.why_taken(address, port);
    }
    boost::asio::awaitable<void> wait_for_exit() override { return there_.wait_for_exit(); }

private:
    fate asked(const char* call) { return decides ? decides(call) : fate(); }

    /// Begins when the call has come to HAProxy.
    boost::asio::awaitable<base::result<haproxy::proxy_view>> arrive(
        std::vector<haproxy_config::route> routes, runtime::time_point sent_at, runtime::time_point deadline)
    {
        table_sent_at = sent_at;
        auto done = co_await there_.update(std::move(routes), deadline);
        co_return done;
    }

    /// The first slot that differs is changed, the rest stays as it is.
    boost::asio::awaitable<base::result<haproxy::proxy_view>> stop_half_way(
        std::vector<haproxy_config::route> routes, runtime::time_point deadline)
    {
        table_sent_at = clk_.now();
        auto mixed = there_.routes;
        for (auto& route : mixed) {
            const auto wanted = std::ranges::find(routes, route.id, &haproxy_config::route::id);
            if (wanted == routes.end() || wanted->slots.size() != route.slots.size() || *wanted == route)
                continue;
            const auto differs = std::ranges::mismatch(route.slots, wanted->slots).in1 - route.slots.begin();
            route.slots[static_cast<std::size_t>(differs)] = wanted->slots[static_cast<std::size_t>(differs)];
            auto done = co_await there_.update(std::move(mixed), deadline);
            (void)done;
            break;
        }
        co_return base::fail(base::errc::unavailable, "haproxy closed the connection half way");
    }

    runtime::clock& clk_;
    haproxy::fake_proxy& there_;
};

}  // namespace gantryd::simulation
