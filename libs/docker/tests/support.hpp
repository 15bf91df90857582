#pragma once
#include <gantryd/base/temporary_directory.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace gantryd::docker {

template <class T>
boost::asio::awaitable<void> keep_outcome(std::optional<T>& to, boost::asio::awaitable<T> op)
{
    to = co_await std::move(op);
}

/// Runs the loop in real time until `op` is done; throws what it throws, or when it takes longer than
/// `limit`.
template <class T>
T run_in_real_time(boost::asio::io_context& loop, boost::asio::awaitable<T> op,
    std::chrono::steady_clock::duration limit = std::chrono::seconds(20))
{
    std::optional<T> outcome;
    std::exception_ptr failure;
    bool done = false;
    boost::asio::co_spawn(loop, keep_outcome(outcome, std::move(op)), [&](std::exception_ptr e) {
        failure = e;
        done = true;
    });
    const auto give_up = std::chrono::steady_clock::now() + limit;
    loop.restart();
    while (!done && std::chrono::steady_clock::now() < give_up)
        loop.run_one_until(give_up);
    if (failure)
        std::rethrow_exception(failure);
    if (!outcome)
        throw std::runtime_error("it did not end in time");
    return std::move(*outcome);
}

}  // namespace gantryd::docker
