#pragma once
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>

namespace gantryd::store {

/// An event loop and its time, for tests that are one coroutine.
class test_loop {
public:
    virtual ~test_loop() = default;
    virtual runtime::clock& clock() = 0;

    /// Runs `body` to its end. The test fails when it throws, or has not ended after `limit`.
    virtual void run(
        boost::asio::awaitable<void> body, runtime::duration limit = std::chrono::minutes(1)) = 0;
};

/// Time that stands still unless everybody waits for it.
std::unique_ptr<test_loop> make_virtual_loop();

/// The machine's time, for what cannot be asked to pretend: other processes, servers.
std::unique_ptr<test_loop> make_real_loop();

}  // namespace gantryd::store
