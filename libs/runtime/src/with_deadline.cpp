#include <gantryd/runtime/with_deadline.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>

namespace asio = boost::asio;

namespace gantryd::runtime::detail {

asio::awaitable<race_outcome> race(asio::awaitable<void> work, clock& clk, time_point deadline)
{
    // Not `work || sleep`: operator|| waits for the first *success*, so an error of `work` would be held back
    // until the deadline and then lost. And no coroutine sleeps, because nearly always it would have to be
    // cancelled, which takes an exception.
    const auto ex = co_await asio::this_coro::executor;
    const auto stop = std::make_shared<asio::cancellation_signal>();
    bool is_late = false;
    const auto end = [&] {
        is_late = true;
        stop->emit(asio::cancellation_type::terminal);
    };
    const auto limit = clk.ring_at(deadline, ex, end);
    // Whoever ends us ends the work; from the event loop, as a task_scope does.
    const auto own_state = co_await asio::this_coro::cancellation_state;
    auto own_slot = own_state.slot();
    if (own_slot.is_connected())
        own_slot.assign([ex, weak = std::weak_ptr(stop)](asio::cancellation_type how) {
            asio::dispatch(ex, [weak, how] {
                if (const auto kept = weak.lock())
                    kept->emit(how);
            });
        });
    auto token = asio::bind_cancellation_slot(stop->slot(), asio::as_tuple(asio::use_awaitable));
    const auto [failure] = co_await asio::co_spawn(ex, std::move(work), std::move(token));
    if (is_late)
        co_return race_outcome::deadline_passed;
    if (failure)
        std::rethrow_exception(failure);  // includes our own cancellation
    co_return race_outcome::work_finished;
}

}  // namespace gantryd::runtime::detail
