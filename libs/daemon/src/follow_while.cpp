#include "follow_while.hpp"

#include "rollout_records.hpp"

#include <gantryd/runtime/backoff.hpp>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

/// Until they are wanted no more, or the watch fails.
boost::asio::awaitable<base::result<void>> follow_once(
    state& st, runtime::backoff& retry, const passing_interest& what)
{
    auto prefix = what.prefix;
    auto all = co_await st.io.desired.list(prefix, st.io.clk.now() + 5s);
    if (!all)
        co_return std::unexpected(all.error());
    retry.reset();
    what.take_all(st, *all);
    st.dirty.set();
    const auto changes = st.io.desired.watch(std::move(prefix), all->at);
    while (what.is_wanted(st)) {
        auto next = co_await changes->next();
        if (!next)
            co_return std::unexpected(next.error());
        what.take_changes(st, *next);
    }
    co_return base::result<void>();
}

}  // namespace

boost::asio::awaitable<void> follow_while_wanted(state& st, runtime::dirty_flag& asked, passing_interest what)
{
    runtime::backoff retry(100ms, 10s, st.io.random);
    for (;;) {
        co_await asked.wait();
        while (what.is_wanted(st)) {
            const auto done = co_await follow_once(st, retry, what);
            if (!done && done.error().code() == base::errc::compacted)
                forget_revisions(st, what.prefix);
            if (done || done.error().code() == base::errc::compacted)
                continue;  // that the store is away is told by who follows the components
            co_await st.io.clk.sleep_until(st.io.clk.now() + retry.next() + st.own_moment() / 3);
        }
        what.forget(st);
    }
}

}  // namespace gantryd::daemon
