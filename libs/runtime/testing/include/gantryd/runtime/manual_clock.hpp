#pragma once
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/io_context.hpp>

#include <map>
#include <optional>

namespace gantryd::runtime {

/// Time for tests: stands still until advance() moves it, in order of the sleepers' deadlines.
class manual_clock final : public clock {
public:
    explicit manual_clock(boost::asio::io_context& loop) : loop_(loop) {}

    time_point now() const noexcept override { return now_; }
    wall_time wall_now() const noexcept override
    {
        return wall_time(std::chrono::duration_cast<wall_time::duration>(now_.time_since_epoch() + set_by_));
    }
    boost::asio::awaitable<void> sleep_until(time_point when) override;
    std::unique_ptr<alarm> ring_at(
        time_point when, boost::asio::any_io_executor ex, std::function<void()> ring) override;

    /// Runs everything that is ready, without moving time.
    void settle();
    /// When the first sleeper wakes or the first alarm rings; nothing when there is none.
    std::optional<time_point> next() const
    {
        return waiters_.empty() ? std::nullopt : std::optional(waiters_.begin()->first);
    }
    /// Moves time forward by d, stopping at each sleeper on the way. No real time passes.
    void advance(duration d);
    /// The process is stopped for so long. What should have happened meanwhile happens at once after it.
    void stand_still(duration d)
    {
        now_ += d;
        advance(duration());
    }
    /// Somebody sets the wall clock, forward or back. Nothing else moves.
    void set_wall_clock(duration by) noexcept { set_by_ += by; }

private:
    class waiter;
    class sleeper;
    class manual_alarm;

    boost::asio::io_context& loop_;
    duration set_by_{};
    time_point now_{std::chrono::hours(1)};       // not zero: "an hour ago" must exist
    std::multimap<time_point, waiter*> waiters_;  ///< those that are not woken yet
};

}  // namespace gantryd::runtime
