#include "outage.hpp"

#include "listener.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace asio = boost::asio;

namespace gantryd::etcd {
namespace {

constexpr auto first_pause = std::chrono::milliseconds(100);

}  // namespace

outage::turn::~turn()
{
    if (of_ == nullptr)
        return;
    of_->somebody_asks_ = false;
    of_->wake();
}

outage::outage(runtime::clock& clk, std::mt19937& random)
    : clk_(clk),
      pause_(first_pause, longest_pause, random)
{
}

asio::awaitable<std::optional<outage::turn>> outage::next_turn(runtime::time_point limit)
{
    const auto ex = co_await asio::this_coro::executor;
    while (is_on() && (somebody_asks_ || clk_.now() < next_at_)) {
        if (clk_.now() >= limit)
            co_return std::nullopt;
        runtime::dirty_flag woken(ex);
        const listener listening(waiting_, woken);
        const auto until = somebody_asks_ ? limit : std::min(next_at_, limit);
        (void)co_await woken.wait_until(clk_, until);
    }
    if (!is_on())
        co_return turn(nullptr);
    somebody_asks_ = true;
    co_return turn(this);
}

void outage::begin(base::error why)
{
    const bool is_known = is_on() && clk_.now() < next_at_;
    why_ = std::move(why);
    if (is_known)  // told by a call that was under way when another one found it out
        return;
    next_at_ = clk_.now() + pause_.next();
}

void outage::end()
{
    if (!is_on())
        return;
    why_.reset();
    pause_.reset();
    wake();
}

void outage::wake()
{
    for (auto* flag : waiting_)
        flag->set();
}

}  // namespace gantryd::etcd
