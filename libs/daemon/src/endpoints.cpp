#include "endpoints.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto between_writes = 200ms;

/// What takes traffic comes and what it replaces goes within that time: one write, and a moment later than
/// the end of the machine's turn, which others wait for.
constexpr auto gathering = 50ms;
constexpr auto after_failure = 5s;

/// etcd takes 128 operations in a transaction, unless it is told otherwise.
constexpr std::size_t most_at_once = 100;

}  // namespace

endpoints::places endpoints::present() const
{
    places out;
    for (const auto& [name, instance] : st_.world.instances) {
        const auto* spec = planner::spec_of(st_.world, instance);
        if (spec == nullptr || spec->ports.empty() || !planner::is_serving(st_.world, instance))
            continue;
        model::endpoint one{.release = instance.release,
            .address = st_.what.address,
            .container = instance.address,
            .ports = {}};
        for (const auto& port : spec->ports)
            one.ports.push_back({port.external, port.container, port.kind});
        out.emplace(std::pair(instance.component, name), std::move(one));
    }
    return out;
}

void endpoints::show()
{
    auto now = present();
    if (now == shown_ && lease_ == st_.lease)
        return;
    shown_ = std::move(now);
    changed_.set();
}

store::transaction endpoints::difference() const
{
    using kind = store::operation::kind;
    std::map<std::string, std::string> shown;
    for (const auto& [whose, one] : shown_)
        shown.emplace(records::endpoint_key(st_.what.project, whose.first, st_.what.machine, whose.second),
            records::encode(one));
    store::transaction out;
    for (const auto& [key, value] : shown)
        if (const auto there = written_.find(key); there == written_.end() || there->second != value)
            out.operations.push_back({kind::put, key, value, *lease_});
    for (const auto& [key, value] : written_)
        if (!shown.contains(key))
            out.operations.push_back({kind::erase, key, {}, {}});
    if (out.operations.size() > most_at_once)
        out.operations.resize(most_at_once);
    return out;
}

boost::asio::awaitable<void> endpoints::write()
{
    for (;;) {
        co_await changed_.wait();
        co_await st_.io.clk.sleep_until(st_.io.clk.now() + gathering);
        if (!st_.lease)
            continue;  // what was under the last one ends with it
        if (lease_ != st_.lease) {
            lease_ = st_.lease;
            written_.clear();
        }
        const auto what = difference();
        if (what.operations.empty())
            continue;
        auto copy = what;
        auto done = co_await st_.io.desired.commit(std::move(copy), st_.io.clk.now() + 5s);
        for (const auto& op : what.operations) {
            if (done && op.what == store::operation::kind::erase)
                written_.erase(op.key);
            else
                written_[op.key] = done ? op.value : std::string();
        }
        // That the store does not take it is told by who keeps our presence.
        co_await st_.io.clk.sleep_until(
            st_.io.clk.now() + (done ? runtime::duration(between_writes) : runtime::duration(after_failure)));
        changed_.set();
    }
}

}  // namespace gantryd::daemon
