#include "ledger.hpp"

#include "store_copy.hpp"

#include <gantryd/base/number.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <sstream>
#include <utility>

namespace json = boost::json;

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;
using base::time_point;

constexpr auto boot_key = "boot";
constexpr std::string_view link_prefix = "link/";
const std::string session_key = "session";

std::string instance_key(const planner::instance& of) { return "instance/" + of.container.text(); }

std::string crash_prefix(const model::component_name& component) { return "crash/" + component.text() + "/"; }

std::int64_t nanoseconds(time_point t) { return t.time_since_epoch() / 1ns; }

std::optional<time_point> time_in(const json::object& from, std::string_view key)
{
    const auto* value = from.if_contains(key);
    if (value == nullptr || !value->is_int64())
        return std::nullopt;
    return time_point(std::chrono::nanoseconds(value->get_int64()));
}

std::optional<json::object> object_in(std::string_view text)
{
    boost::system::error_code ec;
    auto value = json::parse(json::string_view(text.data(), text.size()), ec);
    if (ec || !value.is_object())
        return std::nullopt;
    return std::move(value.as_object());
}

}  // namespace

ledger::ledger(
    store::store& where, runtime::clock& clk, const base::logger& log, boost::asio::any_io_executor ex)
    : store_(where),
      clk_(clk),
      log_(log),
      ex_(ex),
      changed_(std::move(ex))
{
}

boost::asio::awaitable<void> ledger::load(std::string boot_id)
{
    auto all = co_await store_.list("", clk_.now() + 5s);
    if (!all) {
        log_.warning("ledger cannot be read; starting without it", {{"why", all.error().context()}});
        put(boot_key, boot_id);
        co_return;
    }
    for (auto& pair : all->pairs)
        if (!pair.key.starts_with(copy_prefix))  // that is another's, and outlives a boot
            known_.emplace(std::move(pair.key), std::move(pair.value));
    const auto boot = known_.find(boot_key);
    if (boot != known_.end() && boot->second == boot_id)
        co_return;
    // Monotonic times of another boot mean nothing now.
    for (const auto& [key, value] : std::exchange(known_, {})) {
        const bool outlives = key.starts_with(link_prefix) || key == session_key;
        put(key, outlives ? std::optional(value) : std::nullopt);
    }
    put(boot_key, boot_id);
}

bool ledger::recall(planner::instance& of) const
{
    const auto found = known_.find(instance_key(of));
    if (found == known_.end())
        return false;
    const auto facts = object_in(found->second);
    if (!facts)
        return false;
    if (const auto started_at = time_in(*facts, "startedAt"))
        of.started_at = *started_at;
    of.ready_at = time_in(*facts, "readyAt");
    of.drain_since = time_in(*facts, "drainSince");
    of.stop_since = time_in(*facts, "stopSince");
    of.stop_unsure = of.stop_since.has_value();
    if (const auto* reason = facts->if_contains("drainReason"); reason != nullptr && reason->is_string())
        of.drain_reason = reason->get_string();
    if (const auto* done = facts->if_contains("signalsDone"); done != nullptr && done->is_bool())
        of.signals_done = done->get_bool();
    if (const auto* begun = facts->if_contains("signalsBegun"); begun != nullptr && begun->is_int64())
        of.signals_begun = static_cast<int>(begun->get_int64());
    if (const auto* done = facts->if_contains("signalsAnswered"); done != nullptr && done->is_int64())
        of.signals_answered = static_cast<int>(done->get_int64());
    return true;
}

void ledger::save(const planner::instance& what)
{
    if (what.container.empty())
        return;
    json::object facts{{"startedAt", nanoseconds(what.started_at)}};
    if (what.ready_at)
        facts["readyAt"] = nanoseconds(*what.ready_at);
    if (what.drain_since)
        facts["drainSince"] = nanoseconds(*what.drain_since);
    if (what.stop_since)
        facts["stopSince"] = nanoseconds(*what.stop_since);
    if (!what.drain_reason.empty())
        facts["drainReason"] = what.drain_reason;
    if (what.signals_begun > 0) {
        facts["signalsBegun"] = what.signals_begun;
        facts["signalsAnswered"] = what.signals_answered;
    }
    if (what.signals_done)
        facts["signalsDone"] = true;
    put(instance_key(what), json::serialize(facts));
}

void ledger::forget(const planner::instance& what)
{
    if (known_.contains(instance_key(what)))
        put(instance_key(what), std::nullopt);
}

std::map<model::release_number, planner::crash_record> ledger::crashes_of(
    const model::component_name& component) const
{
    std::map<model::release_number, planner::crash_record> out;
    const auto prefix = crash_prefix(component);
    for (auto at = known_.lower_bound(prefix); at != known_.end() && at->first.starts_with(prefix); ++at) {
        const auto facts = object_in(at->second);
        const auto number = base::number_in<std::int64_t>(std::string_view(at->first).substr(prefix.size()));
        if (!facts || !number || *number < 1)
            continue;
        auto& record = out[static_cast<model::release_number>(*number)];
        if (const auto* count = facts->if_contains("count"); count != nullptr && count->is_int64())
            record.count = static_cast<int>(count->get_int64());
        record.last_at = time_in(*facts, "lastAt").value_or(time_point());
        if (const auto* last = facts->if_contains("last"))
            if (auto evidence = records::decode_evidence(json::serialize(*last)))
                record.last = std::move(*evidence);
    }
    return out;
}

void ledger::save(const model::component_name& component, model::release_number release,
    const planner::crash_record& crashes)
{
    const json::object facts{{"count", crashes.count}, {"lastAt", nanoseconds(crashes.last_at)},
        {"last", records::to_json(crashes.last)}};
    put(crash_prefix(component) + std::to_string(model::value_of(release)), json::serialize(facts));
}

void ledger::forget(const model::component_name& component, model::release_number release)
{
    const auto key = crash_prefix(component) + std::to_string(model::value_of(release));
    if (known_.contains(key))
        put(key, std::nullopt);
}

std::set<std::string> ledger::sessions() const
{
    const auto found = known_.find(session_key);
    std::istringstream text(found == known_.end() ? std::string() : found->second);
    return {std::istream_iterator<std::string>(text), {}};
}

void ledger::save_sessions(const std::set<std::string>& sessions)
{
    put(session_key, fmt::format("{}", fmt::join(sessions, " ")));
}

std::map<std::string, planner::link_address> ledger::links() const
{
    std::map<std::string, planner::link_address> out;
    for (auto at = known_.lower_bound(std::string(link_prefix));
        at != known_.end() && at->first.starts_with(link_prefix); ++at) {
        const auto facts = object_in(at->second);
        const auto* host = facts ? facts->if_contains("host") : nullptr;
        const auto* port = facts ? facts->if_contains("port") : nullptr;
        if (host != nullptr && host->is_string() && port != nullptr && port->is_int64() &&
            port->get_int64() > 0 && port->get_int64() <= 65535)
            out[at->first.substr(link_prefix.size())] = {
                std::string(host->get_string()), static_cast<std::uint16_t>(port->get_int64())};
    }
    return out;
}

void ledger::save(const std::string& link, const planner::link_address& where)
{
    const json::object facts{{"host", where.host}, {"port", where.port}};
    put(std::string(link_prefix) + link, json::serialize(facts));
}

void ledger::put(const std::string& key, std::optional<std::string> value)
{
    if (value)
        known_[key] = *value;
    else
        known_.erase(key);
    auto [at, is_new] = unwritten_.try_emplace(key);
    at->second.value = std::move(value);
    at->second.last = ++saves_;
    if (is_new)
        at->second.first = saves_;
    changed_.set();
}

bool ledger::is_written(std::uint64_t save) const
{
    return std::ranges::none_of(unwritten_, [&](const auto& entry) { return entry.second.first <= save; });
}

boost::asio::awaitable<base::result<bool>> ledger::until_written(std::uint64_t save)
{
    runtime::dirty_flag wrote(ex_);
    const auto leave = [this](runtime::dirty_flag* flag) { std::erase(waiters_, flag); };
    const std::unique_ptr<runtime::dirty_flag, decltype(leave)> registered(&wrote, leave);
    waiters_.push_back(&wrote);
    while (!is_written(save))
        co_await wrote.wait();
    co_return true;
}

boost::asio::awaitable<base::result<void>> ledger::written(runtime::time_point deadline)
{
    auto waiting = until_written(saves_);
    auto done = co_await runtime::with_deadline(
        clk_, deadline, "the ledger could not be written in time", std::move(waiting));
    if (!done)
        co_return std::unexpected(done.error());
    co_return base::result<void>();
}

store::transaction ledger::next_batch() const
{
    constexpr std::size_t most_at_once = 100;  // etcd's limit is 128, and this store may be one some day
    store::transaction out;
    for (const auto& [key, entry] : unwritten_) {
        if (out.operations.size() == most_at_once)
            break;
        const auto kind = entry.value ? store::operation::kind::put : store::operation::kind::erase;
        out.operations.push_back({kind, key, entry.value.value_or(""), {}});
    }
    return out;
}

std::map<std::string, std::uint64_t> ledger::saves_in(const store::transaction& batch) const
{
    std::map<std::string, std::uint64_t> out;
    for (const auto& op : batch.operations)
        out[op.key] = unwritten_.at(op.key).last;
    return out;
}

/// What was saved again during the write has to be written again.
void ledger::note_written(const std::map<std::string, std::uint64_t>& batch)
{
    for (const auto& [key, save] : batch) {
        const auto entry = unwritten_.find(key);
        if (entry == unwritten_.end())
            continue;
        if (entry->second.last == save)
            unwritten_.erase(entry);
        else
            entry->second.first = save + 1;
    }
    for (auto* waiter : waiters_)
        waiter->set();
}

boost::asio::awaitable<void> ledger::write_behind(std::function<void(const base::result<void>&)> on_result)
{
    for (;;) {
        co_await changed_.wait();
        auto batch = next_batch();
        if (batch.operations.empty())
            continue;
        const auto saves = saves_in(batch);
        auto done = co_await store_.commit(std::move(batch), clk_.now() + 5s);
        if (!done) {
            on_result(std::unexpected(done.error()));
            co_await clk_.sleep_until(clk_.now() + 5s);
            changed_.set();
            continue;
        }
        on_result({});
        note_written(saves);
        if (!unwritten_.empty())
            changed_.set();
    }
}

}  // namespace gantryd::daemon
