#include <gantryd/runtime/clock.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace asio = boost::asio;

namespace gantryd::runtime {
namespace {

class system_alarm final : public alarm {
public:
    system_alarm(time_point when, const asio::any_io_executor& ex, std::function<void()> ring)
        : state_(std::make_shared<state>(ex, when, std::move(ring)))
    {
        state_->timer.async_wait([kept = state_](const boost::system::error_code&) {
            // One that is queued already comes all the same, when nobody wants it any more.
            if (kept->ring)
                std::exchange(kept->ring, nullptr)();
        });
    }
    system_alarm(const system_alarm&) = delete;
    system_alarm& operator=(const system_alarm&) = delete;
    ~system_alarm() override
    {
        state_->ring = nullptr;
        state_->timer.cancel();
    }

private:
    struct state {
        state(const asio::any_io_executor& ex, time_point when, std::function<void()> what)
            : timer(ex, when),
              ring(std::move(what))
        {
        }
        asio::steady_timer timer;
        std::function<void()> ring;
    };
    std::shared_ptr<state> state_;
};

class system_clock final : public clock {
public:
    time_point now() const noexcept override { return std::chrono::steady_clock::now(); }
    wall_time wall_now() const noexcept override { return std::chrono::system_clock::now(); }
    asio::awaitable<void> sleep_until(time_point when) override
    {
        asio::steady_timer timer(co_await asio::this_coro::executor, when);
        co_await timer.async_wait(asio::use_awaitable);
    }
    std::unique_ptr<alarm> ring_at(
        time_point when, asio::any_io_executor ex, std::function<void()> ring) override
    {
        return std::make_unique<system_alarm>(when, ex, std::move(ring));
    }
};

}  // namespace

std::unique_ptr<clock> make_system_clock() { return std::make_unique<system_clock>(); }

}  // namespace gantryd::runtime
