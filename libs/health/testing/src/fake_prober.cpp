#include <gantryd/health/fake_prober.hpp>

#include <gantryd/model/component_json.hpp>

#include <algorithm>

namespace asio = boost::asio;

namespace gantryd::health_testing {
namespace {

health::probe_result too_late(model::milliseconds timeout)
{
    return {false, "no answer within " + model::duration_text(timeout)};
}

}  // namespace

asio::awaitable<bool> fake_prober::wait(model::milliseconds timeout)
{
    const bool in_time = delay < timeout;
    const auto until = clk_.now() + std::min<runtime::duration>(delay, timeout);
    if (until > clk_.now())
        co_await clk_.sleep_until(until);
    co_return in_time;
}

asio::awaitable<health::probe_result> fake_prober::probe(model::check_spec check, health::probe_target target)
{
    ++probes;
    const bool in_time = co_await wait(check.timeout);
    if (!in_time)
        co_return too_late(check.timeout);
    if (!on_probe)
        co_return health::probe_result{true, "ok"};
    co_return on_probe(check, target);
}

asio::awaitable<health::probe_result> fake_prober::signal(
    model::signal_spec signal, health::probe_target target)
{
    signals.emplace_back(signal, target);
    const bool in_time = co_await wait(signal.timeout);
    if (!in_time)
        co_return too_late(signal.timeout);
    if (!on_signal)
        co_return health::probe_result{true, "ok"};
    co_return on_signal(signal, target);
}

}  // namespace gantryd::health_testing
