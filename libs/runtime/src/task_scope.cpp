#include <gantryd/runtime/task_scope.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <cassert>
#include <list>
#include <memory>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::runtime {
namespace {

bool is_cancellation(const std::exception_ptr& failure)
{
    try {
        std::rethrow_exception(failure);
    } catch (const boost::system::system_error& e) {
        return e.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

}  // namespace

struct task_scope::state {
    struct child {
        std::string name;
        asio::cancellation_signal stop;
        bool asked_to_stop = false;
    };

    explicit state(const asio::any_io_executor& ex) : empty(ex, asio::steady_timer::time_point::max()) {}

    void stop_if(const auto& chosen)
    {
        for (auto next = children.begin(); next != children.end();) {
            const auto& victim = *next++;  // step first: the signal may end the child
            if (chosen(*victim))
                ask_to_stop(victim);
        }
    }
    void ask_to_stop(const std::shared_ptr<child>& victim)
    {
        victim->asked_to_stop = true;
        // Only ever from the event loop: else Asio 1.26 queues the address of a signal that the end of the
        // child may destroy before its turn comes.
        asio::dispatch(empty.get_executor(), [weak = std::weak_ptr(victim)] {
            if (const auto kept = weak.lock())
                kept->stop.emit(asio::cancellation_type::terminal);
        });
    }
    void stop_all()
    {
        stopping = true;
        stop_if([](const child&) { return true; });
    }

    std::list<std::shared_ptr<child>> children;
    asio::steady_timer empty;  // never expires; cancelled = "look at children again"
    std::exception_ptr first_failure;
    bool stopping = false;
};

task_scope::task_scope(asio::any_io_executor ex) : state_(std::make_shared<state>(ex)) {}

task_scope::~task_scope() { assert(state_->children.empty() && "join() the scope before destroying it"); }

void task_scope::spawn(std::string name, asio::awaitable<void> task)
{
    auto st = state_;
    if (st->stopping)
        return;
    const auto self = st->children.insert(st->children.end(), std::make_shared<state::child>());
    (*self)->name = std::move(name);
    const auto slot = (*self)->stop.slot();
    auto done = [st, self](std::exception_ptr failure) {
        const bool expected = (*self)->asked_to_stop && failure && is_cancellation(failure);
        st->children.erase(self);
        if (failure && !expected && !st->first_failure) {
            st->first_failure = failure;
            st->stop_all();
        }
        if (st->children.empty())
            st->empty.cancel();
    };
    asio::co_spawn(
        st->empty.get_executor(), std::move(task), asio::bind_cancellation_slot(slot, std::move(done)));
}

// NOLINTNEXTLINE(bugprone-exception-escape): without memory to queue a signal there is nothing left to save
void task_scope::stop(const std::string& name) noexcept
{
    state_->stop_if([&](const state::child& c) { return c.name == name; });
}

// NOLINTNEXTLINE(bugprone-exception-escape): the same
void task_scope::stop() noexcept { state_->stop_all(); }

std::size_t task_scope::size() const noexcept { return state_->children.size(); }

asio::awaitable<void> task_scope::join()
{
    // Whoever joins is usually being cancelled itself; waiting for the children must still work.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await wait();
}

asio::awaitable<void> task_scope::wait()
{
    auto st = state_;
    while (!st->children.empty())
        co_await st->empty.async_wait(asio::as_tuple(asio::use_awaitable));
    if (st->first_failure)
        std::rethrow_exception(std::exchange(st->first_failure, nullptr));
}

}  // namespace gantryd::runtime
