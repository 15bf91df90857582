#include <gantryd/runtime/with_deadline.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>

namespace asio = boost::asio;

namespace gantryd::runtime {
namespace detail {

asio::awaitable<race_outcome> race(asio::awaitable<void> work, clock& clk, time_point deadline)
{
    const auto ex = co_await asio::this_coro::executor;

    // parallel_group and not `work || sleep`: operator|| waits for the first *success*, so an error of
    // `work` would be held back until the deadline and then lost.
    auto group = asio::experimental::make_parallel_group(asio::co_spawn(ex, std::move(work), asio::deferred),
        asio::co_spawn(ex, clk.sleep_until(deadline), asio::deferred));
    auto done = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    const auto& [order, work_error, sleep_error] = done;

    const bool slept_to_the_end = !sleep_error;
    if (order[0] == 1 && slept_to_the_end)
        co_return race_outcome::deadline_passed;
    if (work_error)
        std::rethrow_exception(work_error);  // includes our own cancellation
    co_return race_outcome::work_finished;
}

}  // namespace detail

asio::awaitable<bool> is_set_by(clock& clk, time_point deadline, dirty_flag& flag)
{
    const auto outcome = co_await detail::race(flag.wait(), clk, deadline);
    co_return outcome == detail::race_outcome::work_finished;
}

}  // namespace gantryd::runtime
