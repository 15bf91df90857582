#include <gantryd/control/events.hpp>

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <algorithm>
#include <deque>

namespace gantryd::control {
namespace {

using history = std::deque<model::event>;

/// Takes the earliest of all heads until nothing is left.
std::vector<model::event> merge(std::map<model::machine_id, history> machines)
{
    std::vector<model::event> out;
    for (;;) {
        history* earliest = nullptr;
        for (auto& [id, events] : machines)
            if (!events.empty() && (earliest == nullptr || events.front().at < earliest->front().at))
                earliest = &events;
        if (earliest == nullptr)
            return out;
        out.push_back(std::move(earliest->front()));
        earliest->pop_front();
    }
}

}  // namespace

std::vector<model::event> event_reader::take(std::vector<store::key_value> pairs)
{
    std::map<model::machine_id, history> machines;
    for (const auto& pair : pairs) {
        const auto place = records::parse_event_key(project_, pair.key);
        if (!place || place->sequence <= given_[place->machine])
            continue;
        auto event = records::decode_event(pair.value);
        if (!event)
            continue;  // one bad record must not hide the others
        event->machine = place->machine;
        event->sequence = place->sequence;
        machines[place->machine].push_back(std::move(*event));
    }
    for (auto& [id, events] : machines) {
        std::ranges::sort(events, {}, &model::event::sequence);
        given_[id] = events.back().sequence;
    }
    return merge(std::move(machines));
}

boost::asio::awaitable<base::result<std::vector<model::event>>> event_reader::read(
    runtime::time_point deadline)
{
    auto all = co_await from_.list(records::events_prefix(project_), deadline);
    if (!all)
        co_return std::unexpected(all.error());
    at_ = all->at;
    changes_.reset();
    co_return take(std::move(all->pairs));
}

boost::asio::awaitable<base::result<std::vector<model::event>>> event_reader::next()
{
    for (;;) {
        if (!changes_)
            changes_ = from_.watch(records::events_prefix(project_), at_);
        auto changes = co_await changes_->next();
        if (!changes) {
            changes_.reset();
            co_return std::unexpected(changes.error());
        }
        std::vector<store::key_value> written;
        for (auto& change : *changes)
            if (!change.erased)
                written.push_back(std::move(change.pair));
        auto fresh = take(std::move(written));
        if (!fresh.empty())
            co_return std::move(fresh);
    }
}

}  // namespace gantryd::control
