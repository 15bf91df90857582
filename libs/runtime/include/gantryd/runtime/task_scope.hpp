#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace gantryd::runtime {

/// Owns the coroutines spawned into it: none of them outlives the scope.
///
/// Declare it as the LAST member of a class, so that its children may use every member above it. The owner
/// must `co_await join()` before destroying it.
class task_scope {
public:
    explicit task_scope(boost::asio::any_io_executor ex);
    task_scope(const task_scope&) = delete;
    task_scope& operator=(const task_scope&) = delete;
    ~task_scope();  ///< Precondition: no child is running.

    /// Starts a child; its first stretch runs inside this call. A child that fails stops its siblings, and
    /// join() rethrows the first failure. After stop() a child is refused silently: nobody would wait for it.
    void spawn(std::string name, boost::asio::awaitable<void> task);

    /// Asks the children called `name` to stop. Returns at once; no child of that name is fine.
    void stop(const std::string& name) noexcept;

    /// Asks every child to stop (terminal cancellation). Idempotent, returns at once.
    void stop() noexcept;

    /// How many children still run.
    std::size_t size() const noexcept;

    /// Suspends until the last child is gone, then rethrows the first failure, if any. Goes on waiting when
    /// the caller is cancelled meanwhile; a caller that was cancelled before must reset its cancellation
    /// state first (this_coro::reset_cancellation_state(disable_cancellation())), or awaiting this throws at
    /// once.
    boost::asio::awaitable<void> join();

    /// The same, but ends when the caller is cancelled: stop() and join() must follow then.
    /// Cancellation: terminal; throws system_error(operation_aborted).
    boost::asio::awaitable<void> wait();

private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace gantryd::runtime
