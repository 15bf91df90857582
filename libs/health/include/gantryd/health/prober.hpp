#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/model/component.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gantryd::health {

struct probe_target {
    model::container_id container;
    std::string address;  ///< numeric, of the container
};

struct probe_result {
    bool passed = false;
    std::string answer;  ///< for people: "200 OK", "connection refused", "exit code 1: no such table", cut to
                         ///< 200 characters
};

/// What probes need from Docker and the proxy, handed in so that this library knows neither.
struct probe_services {
    struct exec_outcome {
        int exit_code = 0;
        std::string output;
    };
    std::function<boost::asio::awaitable<base::result<exec_outcome>>(
        model::container_id, std::vector<std::string>, runtime::time_point)>
        exec;
    /// Connections that clients have to the container now.
    std::function<boost::asio::awaitable<base::result<std::int64_t>>(
        model::container_id, runtime::time_point)>
        connections;
};

/// Runs checks and termination signals from here against the container's address.
class prober {
public:
    virtual ~prober() = default;

    /// One try of one check, within the check's own timeout. Never an error: what went wrong is the answer.
    /// http and https pass on 2xx; a redirect is followed (up to 5 times) only to the same host and port.
    /// https does not verify the certificate: the address is a container's. At most 64 KiB of a body is read.
    /// Cancellation: terminal.
    virtual boost::asio::awaitable<probe_result> probe(model::check_spec check, probe_target target) = 0;

    /// Sends one termination signal: an http(s) POST with an empty body, or a command in the container.
    /// A pass means that it was delivered and answered with 2xx or exit code 0.
    virtual boost::asio::awaitable<probe_result> signal(model::signal_spec signal, probe_target target) = 0;
};

/// `clk` and what `services` refers to must outlive the prober.
std::unique_ptr<prober> make_prober(runtime::clock& clk, probe_services services);

}  // namespace gantryd::health
