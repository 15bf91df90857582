#include <gantryd/haproxy/fake_proxy.hpp>

#include <gantryd/runtime/dirty_flag.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::haproxy {
namespace {

using base::errc;
using base::fail;
using base::result;
using haproxy_config::route;
using haproxy_config::slot;
using haproxy_config::slot_mode;
using runtime::time_point;

const haproxy_config::settings& settings()
{
    static const haproxy_config::settings some{
        .admin_socket = "/fake/admin.sock", .handover_socket = "/fake/handover.sock"};
    return some;
}

/// Resets a member when a call ends, whatever way.
template <class T>
class resetting {
public:
    resetting(T& what, T during) : what_(what)
    {
        assert(what_ == T());  // one call at a time
        what_ = during;
    }
    resetting(const resetting&) = delete;
    resetting& operator=(const resetting&) = delete;
    ~resetting() { what_ = T(); }

private:
    T& what_;
};

std::int64_t count_in(const std::map<std::string, std::int64_t>& counts, const slot& s)
{
    if (counts.empty())
        return 0;
    const auto found = counts.find(haproxy_config::with_port(s.address, s.port));
    return found == counts.end() ? 0 : found->second;
}

slot normal(const slot& wanted)
{
    slot out = wanted.mode == slot_mode::empty ? slot{} : wanted;
    out.address = haproxy_config::canonical_address(out.address);
    return out;
}

}  // namespace

void fake_proxy::set_running(bool on)
{
    if (running != on && changed_ != nullptr)
        changed_->set();
    running = on;
}

void fake_proxy::kill()
{
    routes.clear();
    sessions.clear();
    old_sessions.clear();
    tunnels.clear();
    set_running(false);
}

proxy_view fake_proxy::view(bool closely)
{
    seen_running_ = running;
    proxy_view out{.running = running, .version = "2.6.12", .refused = refused_};
    out.reloads = reloads;
    out.reload_reason = reloads == 0 ? "" : "new structure";
    if (!running)
        return out;
    out.master = master_;
    out.old_workers = old_sessions.empty() ? 0 : 1;
    out.workers = {master_ + 1};
    for (const auto& r : routes) {
        auto& servers = out.routes[r.id];
        for (const auto& s : r.slots)
            servers.push_back({.mode = s.mode,
                .up = s.mode == slot_mode::serving,
                .address = s.address,
                .port = s.port,
                .sessions = count_in(sessions, s),
                .old_sessions = count_in(old_sessions, s),
                .tunnels = closely ? count_in(tunnels, s) : 0});
    }
    return out;
}

asio::awaitable<result<void>> fake_proxy::reach(time_point deadline)
{
    const auto answer_at = clk_.now() + latency;
    co_await clk_.sleep_until(std::min(answer_at, deadline));
    if (answer_at > deadline)
        co_return fail(errc::timed_out, "HAProxy did not answer in time");
    if (!reachable)
        co_return fail(errc::unavailable, "HAProxy does not answer");
    co_return result<void>();
}

asio::awaitable<result<proxy_view>> fake_proxy::look(time_point deadline)
{
    const resetting guard(busy_, true);
    ++looks;
    const auto reached = co_await reach(deadline);
    if (!reached)
        co_return std::unexpected(reached.error());
    co_return view();
}

asio::awaitable<result<proxy_view>> fake_proxy::look_closely(time_point deadline)
{
    const resetting guard(busy_, true);
    ++looks;
    ++close_looks;
    const auto reached = co_await reach(deadline);
    if (!reached)
        co_return std::unexpected(reached.error());
    co_return view(true);
}

result<void> fake_proxy::run(std::vector<route> wanted)
{
    if (wanted.empty()) {
        routes.clear();
        set_running(false);
        return {};
    }
    const bool same = running && haproxy_config::structure_hash(settings(), wanted) ==
                                     haproxy_config::structure_hash(settings(), routes);
    if (!same && !refusal.empty())
        return fail(errc::rejected, refusal);
    if (!running) {
        ++starts;
        ++master_;
    } else if (!same) {
        ++reloads;
    } else if (wanted != routes) {
        ++changes;
    }
    routes = std::move(wanted);
    set_running(true);
    return {};
}

asio::awaitable<result<proxy_view>> fake_proxy::update(std::vector<route> wanted, time_point deadline)
{
    const resetting guard(busy_, true);
    ++updates;
    if (auto why = haproxy_config::problem_in(settings(), wanted); !why.empty())
        co_return fail(errc::rejected, std::move(why));
    const auto reached = co_await reach(deadline);
    if (!reached)
        co_return std::unexpected(reached.error());

    std::vector<route> accepted;
    refused_.clear();
    for (auto& r : wanted) {
        if (auto why = why_taken(r.bind, r.port)) {
            refused_[r.id] = std::move(*why);
            continue;
        }
        std::ranges::transform(r.slots, r.slots.begin(), normal);
        accepted.push_back(std::move(r));
    }
    const auto done = run(std::move(accepted));
    if (!done)
        co_return std::unexpected(done.error());
    co_return view();
}

std::optional<std::string> fake_proxy::why_taken(const std::string&, std::uint16_t port) const
{
    const auto taken = taken_ports.find(port);
    if (taken == taken_ports.end())
        return std::nullopt;
    return "port " + std::to_string(port) + " is taken by " + taken->second;
}

bool fake_proxy::is_free(const std::string&, std::uint16_t port) const
{
    return !taken_ports.contains(port) && std::ranges::find(routes, port, &route::port) == routes.end();
}

asio::awaitable<void> fake_proxy::wait_for_exit()
{
    runtime::dirty_flag changed(co_await asio::this_coro::executor);
    const resetting guard(changed_, &changed);
    if (seen_running_ != running)  // what the last caller saw is gone already
        co_return;
    co_await changed.wait();
}

}  // namespace gantryd::haproxy
