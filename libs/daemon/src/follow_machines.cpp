// Follows the machines of the project: who is there, and who takes no work.
#include "presence.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>
#include <gantryd/runtime/backoff.hpp>

#include <set>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;
using records::machine_part;

void take_presence(state& st, const model::machine_id& id, const std::string& value)
{
    auto report = records::decode_machine_report(value);
    auto& machine = st.world.fleet->machines[id];
    machine.present = true;
    if (!report)
        return;
    if (id == st.what.machine && !st.session.empty() && !report->session.empty() &&
        !st.former_sessions.contains(report->session))
        note_id_holder(st, report->session == st.session ? std::string()
                           : report->host.empty()        ? std::string("another host")
                                                         : report->host);
    machine.host = std::move(report->host);
    machine.components = std::move(report->components);
}

void note_absence(state& st, const model::machine_id& id)
{
    auto& machine = st.world.fleet->machines[id];
    machine.present = false;
    machine.gone_since = st.io.clk.now();
}

void take_mark(state& st, const model::machine_id& id, const store::key_value& pair)
{
    auto mark = records::decode_drain_mark(pair.value).value_or(model::drain_mark());
    auto& machine = st.world.fleet->machines[id];
    machine.drains = !mark.returns;
    machine.returns = mark.returns;
    machine.failed = std::move(mark.failed);
    machine.mark_revision = static_cast<std::int64_t>(pair.modified);
    if (!machine.present && machine.components.empty())  // it was not seen itself since we began
        machine.components = mark.components;
}

void drop_mark(planner::machine_view& machine)
{
    machine.drains = false;
    machine.returns = false;
    machine.failed.clear();
    machine.mark_revision = 0;
}

/// True when the pair was about a machine as a whole.
bool take_machine(state& st, const store::key_value& pair, bool erased)
{
    const auto part = records::parse_machine_key(st.what.project, pair.key);
    if (!part)
        return false;
    const bool is_mark = part->what == machine_part::kind::drain;
    if (is_mark && erased)
        drop_mark(st.world.fleet->machines[part->machine]);
    else if (is_mark)
        take_mark(st, part->machine, pair);
    else if (erased)
        note_absence(st, part->machine);
    else
        take_presence(st, part->machine, pair.value);
    return true;
}

/// `after_gap`: what happened since we looked last is not known. Who is not there may have come and gone
/// again meanwhile, with a right to its slot, so its time counts anew.
void take_all(state& st, const store::snapshot& all, bool after_gap)
{
    std::set<model::machine_id> present;
    std::set<model::machine_id> marked;
    for (const auto& pair : all.pairs) {
        (void)take_machine(st, pair, false);
        if (const auto part = records::parse_machine_key(st.what.project, pair.key))
            (part->what == machine_part::kind::drain ? marked : present).insert(part->machine);
    }
    for (auto& [id, machine] : st.world.fleet->machines) {
        if (!marked.contains(id))
            drop_mark(machine);
        if (!present.contains(id) && (after_gap || machine.present))
            note_absence(st, id);
    }
    st.world.fleet->known = true;
}

/// Up to where the changes of the machines are known. After a failure the watch goes on from there, and not
/// from the list: who was away all the time is told from who came and went again by the history alone.
using position = std::optional<store::revision>;

boost::asio::awaitable<base::result<void>> list_machines(state& st, position& at)
{
    const auto prefix = records::fleet_prefix(st.what.project);
    auto all = co_await st.io.desired.list(prefix, st.io.clk.now() + 5s);
    if (!all)
        co_return std::unexpected(all.error());
    if (at && *at > all->at)
        at.reset();  // another history
    take_all(st, *all, !at);
    st.copy.take(prefix, *all);
    st.dirty.set();
    at = at.value_or(all->at);
    co_return base::result<void>();
}

/// Follows until the watch fails. The error says why.
boost::asio::awaitable<base::error> watch_machines(state& st, position& at)
{
    const auto changes = st.io.desired.watch(records::fleet_prefix(st.what.project), *at);
    for (;;) {
        auto next = co_await changes->next();
        if (!next)
            co_return next.error();
        bool any = false;
        for (const auto& change : *next)
            any = take_machine(st, change.pair, change.erased) || any;
        at = next->back().pair.modified;
        st.copy.take(*next);
        if (any)
            st.others_changed.set();
    }
}

}  // namespace

void take_drains(state& st, const store::snapshot& all)
{
    if (!st.world.fleet)
        return;
    for (const auto& pair : all.pairs)
        if (const auto part = records::parse_machine_key(st.what.project, pair.key);
            part && part->what == machine_part::kind::drain)
            st.world.fleet->machines[part->machine].drains = true;
}

boost::asio::awaitable<void> follow_machines(state& st)
{
    runtime::backoff retry(100ms, 10s, st.io.random);
    position at;
    for (;;) {
        auto listed = co_await list_machines(st, at);
        if (listed) {
            retry.reset();
            const auto why = co_await watch_machines(st, at);
            if (why.code() == base::errc::compacted) {
                at.reset();
                continue;  // that the store is away is told by who follows the components
            }
        }
        co_await st.io.clk.sleep_until(st.io.clk.now() + retry.next() + st.own_moment() / 3);
    }
}

}  // namespace gantryd::daemon
