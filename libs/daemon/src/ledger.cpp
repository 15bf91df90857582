#include "ledger.hpp"

#include <gantryd/records/codec.hpp>

#include <boost/json.hpp>

#include <charconv>

namespace json = boost::json;

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;
using base::time_point;

constexpr auto boot_key = "boot";
constexpr std::string_view link_prefix = "link/";

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
        known_.emplace(std::move(pair.key), std::move(pair.value));
    const auto boot = known_.find(boot_key);
    if (boot != known_.end() && boot->second == boot_id)
        co_return;
    // Monotonic times of another boot mean nothing now.
    for (const auto& [key, value] : std::exchange(known_, {}))
        put(key, key.starts_with(link_prefix) ? std::optional(value) : std::nullopt);
    put(boot_key, boot_id);
}

void ledger::recall(planner::instance& of) const
{
    const auto found = known_.find(instance_key(of));
    if (found == known_.end())
        return;
    const auto facts = object_in(found->second);
    if (!facts)
        return;
    of.ready_at = time_in(*facts, "readyAt");
    of.drain_since = time_in(*facts, "drainSince");
    of.stop_since = time_in(*facts, "stopSince");
    if (const auto* reason = facts->if_contains("drainReason"); reason != nullptr && reason->is_string())
        of.drain_reason = reason->get_string();
    if (const auto* done = facts->if_contains("signalsDone"); done != nullptr && done->is_bool())
        of.signals_done = done->get_bool();
}

void ledger::save(const planner::instance& what)
{
    if (what.container.empty())
        return;
    json::object facts;
    if (what.ready_at)
        facts["readyAt"] = nanoseconds(*what.ready_at);
    if (what.drain_since)
        facts["drainSince"] = nanoseconds(*what.drain_since);
    if (what.stop_since)
        facts["stopSince"] = nanoseconds(*what.stop_since);
    if (!what.drain_reason.empty())
        facts["drainReason"] = what.drain_reason;
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
        const auto text = std::string_view(at->first).substr(prefix.size());
        std::int64_t number = 0;
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (!facts || ec != std::errc() || number < 1)
            continue;
        auto& record = out[static_cast<model::release_number>(number)];
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
    unwritten_[key] = std::move(value);
    changed_.set();
}

boost::asio::awaitable<void> ledger::write_behind()
{
    bool complained = false;
    for (;;) {
        co_await changed_.wait();
        store::transaction what;
        constexpr std::size_t most_at_once = 100;  // etcd's limit is 128, and this store may be one some day
        for (const auto& [key, value] : unwritten_) {
            if (what.operations.size() == most_at_once)
                break;
            const auto kind = value ? store::operation::kind::put : store::operation::kind::erase;
            what.operations.push_back({kind, key, value.value_or(""), {}});
        }
        if (what.operations.empty())
            continue;
        const auto operations = what.operations;
        auto done = co_await store_.commit(std::move(what), clk_.now() + 5s);
        if (!done) {
            if (!complained)
                log_.warning("ledger cannot be written; a restart would forget some facts",
                    {{"why", done.error().context()}});
            complained = true;
            co_await clk_.sleep_until(clk_.now() + 5s);
            changed_.set();
            continue;
        }
        complained = false;
        for (const auto& op : operations) {
            const auto written = unwritten_.find(op.key);
            const bool same = written != unwritten_.end() && written->second.value_or("") == op.value;
            if (same)
                unwritten_.erase(written);
        }
        if (!unwritten_.empty())
            changed_.set();
    }
}

}  // namespace gantryd::daemon
