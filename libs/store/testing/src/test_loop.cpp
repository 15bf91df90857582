#include <gantryd/store/test_loop.hpp>

#include <gantryd/runtime/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <exception>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::store {
namespace {

/// A body under way. Shared with its completion handler.
struct running_body {
    bool ended = false;
    std::exception_ptr thrown;
    asio::cancellation_signal cancel;
};

std::shared_ptr<running_body> start(asio::io_context& loop, asio::awaitable<void> body)
{
    const auto running = std::make_shared<running_body>();
    auto keep = [running](std::exception_ptr thrown) {
        running->ended = true;
        running->thrown = thrown;
    };
    asio::co_spawn(
        loop, std::move(body), asio::bind_cancellation_slot(running->cancel.slot(), std::move(keep)));
    return running;
}

/// A body that did not end is a failure, and cancelled: its frames must not outlive the stores they use.
template <class Settle>
void finish(running_body& body, Settle settle)
{
    if (!body.ended) {
        ADD_FAILURE() << "the test did not come to its end in time";
        body.cancel.emit(asio::cancellation_type::terminal);
        settle();
        return;
    }
    if (body.thrown)
        std::rethrow_exception(body.thrown);
}

class virtual_loop final : public test_loop {
public:
    runtime::clock& clock() override { return simulation_.clock; }
    void run(asio::awaitable<void> body, runtime::duration limit) override
    {
        const auto running = start(simulation_.loop, std::move(body));
        // In steps: what comes after the end, if only a timer, need not be gone through.
        for (runtime::duration passed{}; passed < limit && !running->ended; passed += std::chrono::seconds(1))
            simulation_.clock.advance(std::chrono::seconds(1));
        finish(*running, [this] { simulation_.clock.settle(); });
    }

private:
    runtime::simulation simulation_;
};

class real_loop final : public test_loop {
public:
    runtime::clock& clock() override { return *clock_; }
    void run(asio::awaitable<void> body, runtime::duration limit) override
    {
        const auto running = start(loop_, std::move(body));
        loop_.restart();
        const auto give_up_at = clock_->now() + limit;
        while (!running->ended && clock_->now() < give_up_at && loop_.run_one_until(give_up_at) > 0) {
        }
        finish(*running, [this] { loop_.run_for(std::chrono::seconds(1)); });
    }

private:
    std::unique_ptr<runtime::clock> clock_ = runtime::make_system_clock();
    asio::io_context loop_{1};
};

}  // namespace

std::unique_ptr<test_loop> make_virtual_loop() { return std::make_unique<virtual_loop>(); }
std::unique_ptr<test_loop> make_real_loop() { return std::make_unique<real_loop>(); }

}  // namespace gantryd::store
