#pragma once
#include "client.hpp"
#include "feed.hpp"
#include "requests.hpp"

#include <gantryd/http/line_splitter.hpp>
#include <gantryd/runtime/backoff.hpp>
#include <gantryd/runtime/dirty_flag.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantryd::etcd {

/// Longest record of a watch, in bytes. A revision's values have 1.5 MiB together, unless the server is told
/// otherwise, and base64 makes them a third larger.
inline constexpr std::size_t longest_record = 32UL * 1024 * 1024;

/// The one stream of all watchers. It runs nothing by itself: of the watchers that wait, one reads for all;
/// when it has what it waited for, or is cancelled, another one goes on.
class watch_hub {
public:
    /// `of` must outlive it.
    explicit watch_hub(client& of);

    /// The feed of a prefix that has everything after `after`, or will have it.
    std::shared_ptr<feed> attach(const std::string& prefix, store::revision after);

    /// Suspends until something happened; reads for all if nobody does. Returns at the latest when
    /// `satisfied` holds.
    /// Cancellation: terminal.
    boost::asio::awaitable<void> advance(std::function<bool()> satisfied);

    /// To be asked after every answer: a restore of etcd makes an end of all feeds.
    void check_epoch();

private:
    class driver;

    boost::asio::awaitable<void> drive(std::function<bool()> satisfied);
    boost::asio::awaitable<void> read_until(std::function<bool()> satisfied);
    boost::asio::awaitable<void> watch_over();
    boost::asio::awaitable<base::result<audit_answer>> ask_audit();
    boost::asio::awaitable<bool> audit();
    boost::asio::awaitable<bool> wait_for_agreement(audit_answer said, std::vector<std::shared_ptr<feed>> of);
    boost::asio::awaitable<void> reopen();
    boost::asio::awaitable<base::result<void>> look();

    void take(std::string_view bytes);
    void dispatch(watch_frame frame);
    void cancel(feed* of, const watch_frame& frame);
    /// The stream is of no use any more; `blame` its member.
    void lose(base::error why, bool blame);
    void note_outage(base::error why);
    void fail_all(const base::error& why);
    std::vector<watched> watched_now() const;
    runtime::time_point next_audit() const;
    void note_agreement();
    bool is_any_abandoned() const;
    void kick();
    void wake();

    client& client_;
    std::vector<std::shared_ptr<feed>> feeds_;
    std::uint64_t epoch_ = 0;

    std::optional<open_stream> stream_;
    std::optional<open_stream> dying_;             ///< somebody may still be reading from it
    std::vector<std::shared_ptr<feed>> streamed_;  ///< by their number in the stream
    http::line_splitter records_;
    bool is_reading_ = false;  ///< a read that is cancelled now leaves the stream in the middle of a record
    bool needs_reopen_ = false;
    bool is_doubtful_ = false;  ///< the audit is due
    runtime::time_point opened_at_{};
    runtime::time_point heard_at_{};
    runtime::time_point audited_at_{};
    runtime::duration own_patience_{};  ///< with silence, beyond what all have
    runtime::time_point no_audit_before_ = runtime::time_point::min();

    runtime::backoff retry_;
    runtime::time_point not_before_ = runtime::time_point::min();
    std::optional<runtime::time_point> down_since_;

    bool is_driven_ = false;
    std::weak_ptr<runtime::dirty_flag> kicked_;  ///< of whoever watches over the stream
    std::set<runtime::dirty_flag*> waiting_;
};

}  // namespace gantryd::etcd
