#pragma once
#include <gantryd/runtime/manual_clock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace gantryd::runtime {

/// An event loop with a clock that only the test moves. No threads, no real sleeps.
class simulation {
    /// One whose coroutines can be ended before its members' turn comes.
    struct event_loop : boost::asio::io_context {
        using io_context::io_context;
        using io_context::shutdown;
    };

public:
    simulation() = default;
    simulation(const simulation&) = delete;
    simulation& operator=(const simulation&) = delete;
    /// Ends what is still under way: a coroutine that sleeps needs its clock to the last.
    ~simulation() { loop.shutdown(); }

    event_loop loop{1};
    manual_clock clock{loop};

    /// What op returned by the time `d` has passed; nothing when it is still under way (it then goes on,
    /// so keep what it refers to alive). Rethrows what op threw.
    template <class T>
    std::optional<T> outcome_after(duration d, boost::asio::awaitable<T> op)
    {
        auto out = std::make_shared<std::optional<T>>();
        auto failure = std::make_shared<std::exception_ptr>();
        start(keep(out, std::move(op)), failure);
        clock.advance(d);
        if (*failure)
            std::rethrow_exception(*failure);
        return std::move(*out);
    }

    /// Starts op and forgets it; what it throws ends the test program.
    void start(boost::asio::awaitable<void> op);

private:
    void start(boost::asio::awaitable<void> op, std::shared_ptr<std::exception_ptr> failure);

    template <class T>
    static boost::asio::awaitable<void> keep(
        std::shared_ptr<std::optional<T>> to, boost::asio::awaitable<T> op)
    {
        *to = co_await std::move(op);
    }
};

}  // namespace gantryd::runtime
