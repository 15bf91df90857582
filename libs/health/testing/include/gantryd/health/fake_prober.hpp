#pragma once
#include <gantryd/health/prober.hpp>

#include <functional>
#include <utility>
#include <vector>

namespace gantryd::health_testing {

/// A prober without sockets: the test says what every container answers, and how long it takes. Like the real
/// one it gives up at the check's timeout.
class fake_prober final : public health::prober {
public:
    explicit fake_prober(runtime::clock& clk) : clk_(clk) {}

    /// What a check finds; asked at the end of `delay`. Passes when not scripted.
    std::function<health::probe_result(const model::check_spec&, const health::probe_target&)> on_probe;
    /// The same for a termination signal.
    std::function<health::probe_result(const model::signal_spec&, const health::probe_target&)> on_signal;
    runtime::duration delay{};

    int probes = 0;                                                            ///< tries begun
    std::vector<std::pair<model::signal_spec, health::probe_target>> signals;  ///< sent, in order

    boost::asio::awaitable<health::probe_result> probe(
        model::check_spec check, health::probe_target target) override;
    boost::asio::awaitable<health::probe_result> signal(
        model::signal_spec signal, health::probe_target target) override;

private:
    boost::asio::awaitable<bool> wait(model::milliseconds timeout);
    runtime::clock& clk_;
};

}  // namespace gantryd::health_testing
