#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

namespace gantryd::simulation {

/// What becomes of one call.
struct fate {
    enum class kind {
        answered,
        refused,        ///< it fails at once, without an effect
        question_lost,  ///< no answer until its deadline, and no effect
        answer_lost,    ///< the same, and it had its effect
        half_done,      ///< some of its effect, and an error
    };
    kind what = kind::answered;
    runtime::duration before{};  ///< until it has its effect
    runtime::duration after{};   ///< from its effect to its answer
};

using judge = std::function<fate(const std::string& call)>;

/// Makes a call as its fate has it. An answer that would come behind the deadline does not come.
template <class R>
boost::asio::awaitable<R> meet(runtime::clock& clk, fate becomes, std::string call,
    boost::asio::awaitable<R> op, runtime::time_point deadline)
{
    const auto late = [&] { return base::fail(base::errc::timed_out, call + ": no answer in time"); };
    if (becomes.what == fate::kind::refused)
        co_return base::fail(base::errc::unavailable, call + ": connection refused");
    if (becomes.what == fate::kind::question_lost)
        becomes.before = runtime::duration::max();
    const auto left = deadline - clk.now();
    const bool arrives = becomes.before < left;
    if (becomes.before > runtime::duration())
        co_await clk.sleep_until(arrives ? clk.now() + becomes.before : deadline);
    if (!arrives)
        co_return late();
    auto answer = co_await std::move(op);
    const bool returns = becomes.what != fate::kind::answer_lost && becomes.after < deadline - clk.now();
    if (!returns || becomes.after > runtime::duration())
        co_await clk.sleep_until(returns ? clk.now() + becomes.after : deadline);
    if (!returns)
        co_return late();
    co_return answer;
}

}  // namespace gantryd::simulation
