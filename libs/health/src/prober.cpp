#include <gantryd/health/prober.hpp>

#include "answer.hpp"
#include "http_probe.hpp"

#include <gantryd/http/dial.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::health {
namespace {

std::string words_of(const std::exception_ptr& thrown)
{
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "unknown error";
    }
}

probe_result judge(const base::result<probe_services::exec_outcome>& done, model::milliseconds timeout)
{
    if (!done)
        return failed(answer_of(done.error(), "", timeout));
    const auto answer = with_details("exit code " + std::to_string(done->exit_code), done->output);
    return done->exit_code == 0 ? passed(answer) : failed(answer);
}

probe_result judge(const base::result<std::int64_t>& count, model::milliseconds timeout)
{
    if (!count)
        return failed(answer_of(count.error(), "", timeout));
    if (*count == 0)
        return passed("no connections");
    return failed(*count == 1 ? std::string("1 connection") : std::to_string(*count) + " connections");
}

class socket_prober final : public prober {
public:
    socket_prober(runtime::clock& clk, probe_services services) : clk_(clk), services_(std::move(services)) {}

    asio::awaitable<probe_result> probe(model::check_spec check, probe_target target) override
    {
        auto work = start(std::move(check), std::move(target));
        co_return co_await guarded(std::move(work));
    }

    asio::awaitable<probe_result> signal(model::signal_spec signal, probe_target target) override
    {
        auto work = start(std::move(signal), std::move(target));
        co_return co_await guarded(std::move(work));
    }

private:
    asio::awaitable<probe_result> start(model::check_spec check, probe_target target)
    {
        switch (check.kind) {
        case model::check_kind::tcp: return connect(std::move(target), check.port, check.timeout);
        case model::check_kind::http:
            return ask_http(
                "http", "GET", std::move(target), check.port, std::move(check.path), check.timeout);
        case model::check_kind::https:
            return ask_http(
                "https", "GET", std::move(target), check.port, std::move(check.path), check.timeout);
        case model::check_kind::exec:
            return execute(std::move(target), std::move(check.command), check.timeout);
        case model::check_kind::connection: return count_connections(std::move(target), check.timeout);
        }
        std::unreachable();
    }

    asio::awaitable<probe_result> start(model::signal_spec signal, probe_target target)
    {
        const auto timeout = signal.timeout;
        switch (signal.kind) {
        case model::signal_kind::http:
            return ask_http("http", "POST", std::move(target), signal.port, std::move(signal.path), timeout);
        case model::signal_kind::https:
            return ask_http("https", "POST", std::move(target), signal.port, std::move(signal.path), timeout);
        case model::signal_kind::exec: return execute(std::move(target), std::move(signal.command), timeout);
        }
        std::unreachable();
    }

    /// A service that throws is a failed probe; our own cancellation stays an exception.
    asio::awaitable<probe_result> guarded(asio::awaitable<probe_result> work)
    {
        std::exception_ptr thrown;
        try {
            co_return co_await std::move(work);
        } catch (...) {
            thrown = std::current_exception();
        }
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            std::rethrow_exception(thrown);
        co_return failed("the probe failed: " + words_of(thrown));
    }

    asio::awaitable<probe_result> connect(
        probe_target target, std::uint16_t port, model::milliseconds timeout)
    {
        const auto authority = authority_of(target.address, port);
        auto stream = co_await http::dial_tcp(clk_, std::move(target.address), port, clk_.now() + timeout);
        if (!stream)
            co_return failed(answer_of(stream.error(), authority, timeout));
        co_return passed("connected");
    }

    asio::awaitable<probe_result> ask_http(std::string scheme, std::string method, probe_target target,
        std::uint16_t port, std::string path, model::milliseconds timeout)
    {
        if (scheme == "https" && !tls_) {
            // Nobody signs for a container's address.
            auto made = http::make_tls_context({.verify_peer = false});
            if (!made)
                co_return failed(made.error().context());
            tls_ = std::move(*made);
        }
        http_place place{std::move(scheme), authority_of(target.address, port), target_of(path)};
        http_question what{std::move(method), std::move(target.address), port, std::move(place), timeout};
        co_return co_await ask(clk_, tls_, std::move(what));
    }

    asio::awaitable<probe_result> execute(
        probe_target target, std::vector<std::string> command, model::milliseconds timeout)
    {
        const auto deadline = clk_.now() + timeout;
        auto running = services_.exec(std::move(target.container), std::move(command), deadline);
        auto done = co_await runtime::with_deadline(clk_, deadline, "exec", std::move(running));
        co_return judge(done, timeout);
    }

    asio::awaitable<probe_result> count_connections(probe_target target, model::milliseconds timeout)
    {
        const auto deadline = clk_.now() + timeout;
        auto counting = services_.connections(std::move(target.container), deadline);
        auto count = co_await runtime::with_deadline(clk_, deadline, "connections", std::move(counting));
        co_return judge(count, timeout);
    }

    runtime::clock& clk_;
    probe_services services_;
    std::shared_ptr<http::tls_context> tls_;  // made with the first https probe
};

}  // namespace

std::unique_ptr<prober> make_prober(runtime::clock& clk, probe_services services)
{
    return std::make_unique<socket_prober>(clk, std::move(services));
}

}  // namespace gantryd::health
