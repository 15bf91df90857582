#include "event_log.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <string>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

// Many at once, and not more than etcd takes in one transaction, conditions and operations each.
constexpr std::size_t largest_batch = 50;
constexpr std::size_t most_erased = 60;
/// Events come in bursts, together with writes that others wait for: they are written together, and later.
constexpr auto gathering = 200ms;
constexpr auto after_failure = 5s;

}  // namespace

event_log::event_log(store::store& where, runtime::clock& clk, const base::logger& log, identity whose,
    boost::asio::any_io_executor ex)
    : store_(where),
      clk_(clk),
      log_(log),
      whose_(std::move(whose)),
      changed_(std::move(ex))
{
}

void event_log::add(model::event what)
{
    what.machine = whose_.machine;
    waiting_.push_back(std::move(what));
    if (waiting_.size() > most_kept) {
        waiting_.pop_front();
        ++lost_;
    }
    changed_.set();
}

model::event event_log::note_of_loss() const
{
    model::event out;
    out.at = waiting_.front().at;
    out.machine = whose_.machine;
    out.code = text_of(happening::events_lost);
    out.text = std::to_string(lost_) + " events before this one could not be kept";
    return out;
}

boost::asio::awaitable<base::result<void>> event_log::read_numbers(runtime::duration limit)
{
    auto prefix = records::events_prefix(whose_.project, whose_.machine);
    auto all = co_await store_.list(std::move(prefix), clk_.now() + limit);
    if (!all)
        co_return std::unexpected(all.error());
    auto& numbers = kept_.emplace();
    for (const auto& pair : all->pairs)
        if (const auto place = records::parse_event_key(whose_.project, pair.key))
            numbers.push_back(place->sequence);
    std::ranges::sort(numbers);
    co_return base::result<void>();
}

store::transaction event_log::next_batch(std::size_t size) const
{
    store::transaction out;
    auto number = kept_->empty() ? 0 : kept_->back();
    const auto put = [&](model::event event) {
        event.sequence = ++number;
        auto key = records::event_key(whose_.project, whose_.machine, number);
        out.conditions.push_back({key, store::compare::target::created, store::revision{}});
        out.operations.push_back({store::operation::kind::put, std::move(key), records::encode(event), {}});
    };
    if (lost_ > 0)
        put(note_of_loss());
    for (std::size_t i = 0; i < size; ++i)
        put(waiting_[i]);
    const auto total = kept_->size() + out.conditions.size();
    const auto surplus = total > most_kept ? total - most_kept : 0;
    for (std::size_t i = 0; i < std::min({surplus, most_erased, kept_->size()}); ++i)
        out.operations.push_back({store::operation::kind::erase,
            records::event_key(whose_.project, whose_.machine, (*kept_)[i]), {}, {}});
    return out;
}

boost::asio::awaitable<base::result<void>> event_log::write_some(runtime::duration limit)
{
    if (!kept_) {
        auto read = co_await read_numbers(limit);
        if (!read)
            co_return read;
    }
    const auto size = std::min(waiting_.size(), largest_batch);
    auto batch = next_batch(size);
    const auto written = batch.conditions.size();
    const auto erased = batch.operations.size() - written;
    const auto lost_before = lost_;
    auto done = co_await store_.commit(std::move(batch), clk_.now() + limit);
    if (!done) {
        // A write may have happened although it timed out, and somebody may have put back an older store.
        kept_.reset();
        co_return std::unexpected(done.error());
    }
    for (std::size_t i = 0; i < written; ++i)
        kept_->push_back(kept_->empty() ? 1 : kept_->back() + 1);
    kept_->erase(kept_->begin(), kept_->begin() + static_cast<std::ptrdiff_t>(erased));
    // What overflowed during the write was at the front: it is written now, and not in the queue any more.
    const auto gone_already = std::min(lost_ - lost_before, size);
    lost_ -= lost_before + gone_already;
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(size - gone_already));
    co_return base::result<void>();
}

boost::asio::awaitable<base::result<void>> event_log::write_all(runtime::duration limit)
{
    while (!waiting_.empty()) {
        auto done = co_await write_some(limit);
        if (!done)
            co_return done;
    }
    co_return base::result<void>();
}

boost::asio::awaitable<void> event_log::write_behind()
{
    bool complained = false;
    std::exception_ptr why;
    try {
        for (;;) {
            co_await changed_.wait();
            co_await clk_.sleep_until(clk_.now() + std::max<base::duration>(gathering, whose_.pause()));
            auto done = co_await write_all(5s);
            if (!done && !complained)
                log_.warning("events cannot be written; they wait", {{"why", done.error().context()}});
            complained = !done.has_value();
            if (done)
                continue;
            changed_.set();
            co_await clk_.sleep_until(clk_.now() + after_failure);
        }
    } catch (...) {
        why = std::current_exception();
    }
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    auto last = co_await write_all(1s);
    (void)last;  // who is told to end does not wait for a store that is away
    std::rethrow_exception(why);
}

}  // namespace gantryd::daemon
