#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/runtime/backoff.hpp>
#include <gantryd/runtime/clock.hpp>
#include <gantryd/runtime/dirty_flag.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <random>
#include <set>
#include <utility>

namespace gantryd::etcd {

/// What all calls of a client know together of a cluster that does no work: no member has a leader, or none
/// answers in time. Then one call at a time asks, after a pause that grows each time, and the others wait for
/// what it hears. Were each of them to ask for itself, as many as a large fleet has would keep the members
/// from agreeing on a leader.
class outage {
public:
    /// Less than a lease lives after a leader is there again, and no more than a call waits.
    static constexpr auto longest_pause = std::chrono::seconds(4);

    /// The right to ask. While there is an outage only one of them is there at a time.
    class turn {
    public:
        explicit turn(outage* of) noexcept : of_(of) {}
        turn(turn&& from) noexcept : of_(std::exchange(from.of_, nullptr)) {}
        turn& operator=(turn&& from) noexcept
        {
            std::swap(of_, from.of_);
            return *this;
        }
        ~turn();

    private:
        outage* of_;  ///< null: nobody else waits for the end of this turn
    };

    outage(runtime::clock& clk, std::mt19937& random);

    /// Suspends until the caller may ask: not at all while there is no outage. Nothing when that does not
    /// come before `limit`. What came of the asking is to be noted before the turn ends. Cancellation:
    /// terminal.
    boost::asio::awaitable<std::optional<turn>> next_turn(runtime::time_point limit);

    /// No member could do the work, or the one that was asked for all could not.
    void begin(base::error why);
    /// A member has answered.
    void end();

    bool is_on() const noexcept { return why_.has_value(); }
    /// For a call that had no turn. Precondition: is_on().
    base::error why() const { return base::error(base::errc::unavailable, why_->context()); }

private:
    void wake();

    runtime::clock& clk_;
    runtime::backoff pause_;
    std::optional<base::error> why_;  ///< while it lasts
    bool somebody_asks_ = false;
    runtime::time_point next_at_{};
    std::set<runtime::dirty_flag*> waiting_;
};

}  // namespace gantryd::etcd
