#include "gantry.hpp"

#include <gantryd/runtime/task_scope.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>

namespace gantryd::app {

boost::asio::awaitable<void> run_until_finished(machine& on, store::store& desired, daemon::options what,
    model::component_name of, narrator::finished when, bool monitor, bool& failed)
{
    runtime::task_scope engine(co_await boost::asio::this_coro::executor);
    narrator shown(std::move(of), std::move(when), [&] {
        if (!monitor)
            engine.stop();
    });
    engine.spawn("engine", daemon::run(on.with(desired), std::move(what), &shown));
    std::exception_ptr why;
    try {
        co_await engine.wait();
    } catch (...) {
        why = std::current_exception();
    }
    // Cancelled or not, the engine is waited for.
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    engine.stop();
    co_await engine.join();
    failed = shown.failed();
    if (why)
        std::rethrow_exception(why);
}

}  // namespace gantryd::app
