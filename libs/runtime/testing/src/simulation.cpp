#include <gantryd/runtime/simulation.hpp>

#include <boost/asio/co_spawn.hpp>

namespace gantryd::runtime {

void simulation::start(boost::asio::awaitable<void> op)
{
    auto rethrow = [](std::exception_ptr e) {
        if (e)
            std::rethrow_exception(e);
    };
    boost::asio::co_spawn(loop, std::move(op), rethrow);
}

void simulation::start(boost::asio::awaitable<void> op, std::shared_ptr<std::exception_ptr> failure)
{
    auto keep_failure = [failure](std::exception_ptr e) { *failure = e; };
    boost::asio::co_spawn(loop, std::move(op), keep_failure);
}

}  // namespace gantryd::runtime
