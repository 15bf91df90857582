#include <gantryd/runtime/dirty_flag.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace asio = boost::asio;

namespace gantryd::runtime {

struct dirty_flag::state {
    explicit state(const asio::any_io_executor& ex) : changed(ex, asio::steady_timer::time_point::max()) {}
    bool set = false;
    asio::steady_timer changed;  // never expires; cancelled = "look at the flag again"
};

dirty_flag::dirty_flag(asio::any_io_executor ex) : state_(std::make_unique<state>(ex)) {}
dirty_flag::~dirty_flag() = default;

void dirty_flag::set()
{
    state_->set = true;
    state_->changed.cancel();
}

asio::awaitable<void> dirty_flag::wait()
{
    // A predicate loop: both set() and our own cancellation end the wait with operation_aborted.
    // If it was cancellation, the next co_await throws, because throw_if_cancelled is on.
    while (!state_->set)
        co_await state_->changed.async_wait(asio::as_tuple(asio::use_awaitable));
    state_->set = false;
}

asio::awaitable<bool> dirty_flag::wait_until(clock& clk, time_point deadline)
{
    bool is_late = false;
    const auto end = [&] {
        is_late = true;
        state_->changed.cancel();
    };
    std::unique_ptr<alarm> limit;
    if (state_->set)  // somebody who sets it in what it does each time must not keep the loop for itself
        co_await asio::post(asio::use_awaitable);
    while (!state_->set && !is_late) {  // as above
        if (!limit)
            limit = clk.ring_at(deadline, state_->changed.get_executor(), end);
        co_await state_->changed.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_return std::exchange(state_->set, false);
}

}  // namespace gantryd::runtime
