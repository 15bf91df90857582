#include "watch_hub.hpp"

#include "listener.hpp"
#include "refusal.hpp"
#include "requests.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::etcd {
namespace {

using namespace std::chrono_literals;
using base::errc;

/// A stream that lived for so long was a good one.
constexpr auto good_life = 5s;

}  // namespace

/// Whoever reads for all. Its end, by whatever, lets another one go on.
class watch_hub::driver {
public:
    explicit driver(watch_hub& of) : hub_(of) { hub_.is_driven_ = true; }
    driver(const driver&) = delete;
    driver& operator=(const driver&) = delete;
    ~driver()
    {
        hub_.is_driven_ = false;
        hub_.dying_.reset();
        if (std::exchange(hub_.is_reading_, false))
            hub_.stream_.reset();
        hub_.wake();
    }

private:
    watch_hub& hub_;
};

watch_hub::watch_hub(client& of) : client_(of), records_(longest_record), retry_(100ms, 3s, of.random())
{
    client_.on_failure = [this](std::size_t endpoint) {
        if (!stream_ || stream_->endpoint != endpoint)
            return;
        is_doubtful_ = true;
        kick();
    };
}

void watch_hub::wake()
{
    for (auto* flag : waiting_)
        flag->set();
}

void watch_hub::kick()
{
    if (const auto flag = kicked_.lock())
        flag->set();
}

std::shared_ptr<feed> watch_hub::attach(const std::string& prefix, store::revision after)
{
    const auto found =
        std::ranges::find_if(feeds_, [&](const auto& one) { return one->can_serve(prefix, after); });
    if (found != feeds_.end())
        return *found;
    auto fresh = std::make_shared<feed>(prefix, after);
    feeds_.push_back(fresh);
    needs_reopen_ = true;
    kick();
    return fresh;
}

void watch_hub::check_epoch()
{
    if (std::exchange(epoch_, client_.history.epoch()) == client_.history.epoch())
        return;
    fail_all(base::error(errc::compacted, "etcd was put back from a backup; its history is another one now"));
    needs_reopen_ = true;
    kick();
}

void watch_hub::fail_all(const base::error& why)
{
    for (const auto& one : std::exchange(feeds_, {}))
        one->fail(why);
    wake();
}

void watch_hub::note_outage(base::error why)
{
    const auto now = client_.clock().now();
    not_before_ = now + retry_.next();
    if (!down_since_)
        down_since_ = now;
    if (now - *down_since_ < client_.settings().patience)
        return;
    down_since_.reset();
    fail_all(base::error(errc::unavailable, "etcd's watch: " + why.context()));
}

void watch_hub::lose(base::error why, bool blame)
{
    if (!stream_)
        return;
    if (client_.clock().now() - opened_at_ > good_life)
        retry_.reset();
    if (blame)
        client_.note_failure(stream_->endpoint);
    dying_ = std::exchange(stream_, std::nullopt);
    is_reading_ = false;
    note_outage(std::move(why));
    kick();
}

asio::awaitable<void> watch_hub::advance(std::function<bool()> satisfied)
{
    if (is_driven_) {
        runtime::dirty_flag changed(co_await asio::this_coro::executor);
        const listener listening(waiting_, changed);
        co_await changed.wait();
        co_return;
    }
    const driver driving(*this);
    co_await drive(std::move(satisfied));
}

asio::awaitable<void> watch_hub::drive(std::function<bool()> satisfied)
{
    if (needs_reopen_)
        stream_.reset();
    if (!stream_) {
        co_await reopen();
        co_return;
    }
    const auto ex = co_await asio::this_coro::executor;
    auto reading = read_until(std::move(satisfied));
    auto watching = watch_over();
    auto group =
        asio::experimental::make_parallel_group(asio::co_spawn(ex, std::move(reading), asio::deferred),
            asio::co_spawn(ex, std::move(watching), asio::deferred));
    auto done = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    const auto& [order, reading_failed, watching_failed] = done;
    if (order[0] == 0 && reading_failed)
        std::rethrow_exception(reading_failed);  // includes our own cancellation
    if (order[0] == 1 && watching_failed)
        std::rethrow_exception(watching_failed);
}

asio::awaitable<void> watch_hub::read_until(std::function<bool()> satisfied)
{
    while (stream_ && !satisfied()) {
        is_reading_ = true;
        auto bytes = co_await stream_->reader->read_body();
        is_reading_ = false;
        heard_at_ = client_.clock().now();
        if (!bytes) {
            lose(bytes.error(), true);
        } else if (bytes->empty()) {
            // An error of the stream is its last record, and has no newline.
            const auto rest = records_.partial_record();
            if (!rest.empty())
                take("\n");
            lose(base::error(errc::unavailable, "the stream ended"), true);
        } else {
            take(*bytes);
        }
        wake();
    }
}

void watch_hub::take(std::string_view bytes)
{
    std::vector<std::string> complete;
    const auto cut = records_.feed(bytes, complete);
    for (const auto& record : complete) {
        if (record.empty() || !stream_)
            continue;
        auto frame = decode_watch_frame(record);
        if (frame)
            dispatch(std::move(*frame));
        else
            lose(frame.error(), true);
    }
    if (!cut)
        lose(cut.error(), true);
}

void watch_hub::dispatch(watch_frame frame)
{
    if (frame.stream_ended) {
        if (verdict_on(*frame.stream_ended) == verdict::needs_login)
            client_.forget_token(stream_->token);
        return lose(as_error(*frame.stream_ended), true);
    }
    if (frame.from.cluster != client_.history.now().newest.cluster)
        return lose(base::error(errc::unavailable,
                        client_.name_of(stream_->endpoint) + " belongs to another cluster than the others"),
            true);
    const auto number = static_cast<std::size_t>(frame.watch - 1);
    auto* const of = frame.watch >= 1 && number < streamed_.size() ? streamed_[number].get() : nullptr;
    if (frame.is_cancelled)
        return cancel(of, frame);
    if (frame.is_created)
        down_since_.reset();
    if (of == nullptr || frame.changes.empty())
        return;
    auto taken = of->take(std::move(frame.changes), frame.is_fragment);
    if (!taken)
        of->fail(taken.error());
}

void watch_hub::cancel(feed* of, const watch_frame& frame)
{
    if (asks_for_login(frame.reason)) {
        client_.forget_token(stream_->token);
        return lose(base::error(errc::unavailable, "etcd does not take the login any more"), false);
    }
    const auto reason = as_error({0, 0, frame.reason.empty() ? "no reason" : frame.reason}).context();
    if (of == nullptr)
        return lose(base::error(errc::unavailable, "etcd refused the watch: " + reason), false);
    if (frame.compacted != store::revision{})
        of->fail(base::error(errc::compacted, "etcd has forgotten the changes up to revision " +
                                                  std::to_string(std::to_underlying(frame.compacted))));
    else
        of->fail(base::error(errc::unavailable, "etcd ended the watch: " + reason));
    std::erase_if(feeds_, [](const auto& one) { return one->failure().has_value(); });
}

}  // namespace gantryd::etcd
