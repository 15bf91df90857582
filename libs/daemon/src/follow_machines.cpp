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
    if (id == st.what.machine && !st.session.empty() && report->session != st.former_session)
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

/// True when the pair was about a machine as a whole.
bool take_machine(state& st, const store::key_value& pair, bool erased)
{
    const auto part = records::parse_machine_key(st.what.project, pair.key);
    if (!part)
        return false;
    if (part->what == machine_part::kind::drain)
        st.world.fleet->machines[part->machine].drains = !erased;
    else if (erased)
        note_absence(st, part->machine);
    else
        take_presence(st, part->machine, pair.value);
    return true;
}

void take_all(state& st, const store::snapshot& all)
{
    std::set<model::machine_id> present;
    std::set<model::machine_id> draining;
    for (const auto& pair : all.pairs) {
        (void)take_machine(st, pair, false);
        if (const auto part = records::parse_machine_key(st.what.project, pair.key))
            (part->what == machine_part::kind::drain ? draining : present).insert(part->machine);
    }
    // Who is not there may have come and gone again since we looked last: its time counts anew.
    for (auto& [id, machine] : st.world.fleet->machines) {
        machine.drains = draining.contains(id);
        if (!present.contains(id))
            note_absence(st, id);
    }
    st.world.fleet->known = true;
}

/// Lists, then follows until the watch fails. The error says why.
boost::asio::awaitable<base::error> follow_once(state& st, runtime::backoff& retry)
{
    auto prefix = records::machines_prefix(st.what.project);
    auto all = co_await st.io.desired.list(prefix, st.io.clk.now() + 5s);
    if (!all)
        co_return all.error();
    retry.reset();
    take_all(st, *all);
    st.dirty.set();
    const auto changes = st.io.desired.watch(std::move(prefix), all->at);
    for (;;) {
        auto next = co_await changes->next();
        if (!next)
            co_return next.error();
        bool any = false;
        for (const auto& change : *next)
            any = take_machine(st, change.pair, change.erased) || any;
        if (any)
            st.dirty.set();
    }
}

}  // namespace

boost::asio::awaitable<void> follow_machines(state& st)
{
    runtime::backoff retry(100ms, 10s, st.io.random);
    for (;;) {
        const auto why = co_await follow_once(st, retry);
        if (why.code() == base::errc::compacted)
            continue;  // that the store is away is told by who follows the components
        co_await st.io.clk.sleep_until(st.io.clk.now() + retry.next());
    }
}

}  // namespace gantryd::daemon
