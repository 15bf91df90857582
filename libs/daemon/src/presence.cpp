#include "presence.hpp"

#include "rollout_records.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>
#include <gantryd/runtime/backoff.hpp>

#include <boost/asio/this_coro.hpp>

#include <fmt/format.h>

#include <exception>
#include <utility>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

/// One question may be lost, and the lease lives on. With what a watch costs at rest it is less than ten
/// requests in every minute.
constexpr auto beat = 8s;
constexpr auto keep_alive_limit = 4s;
constexpr auto beat_after_failure = 1s;
static_assert(beat + keep_alive_limit + beat_after_failure < presence::time_to_live);

std::string draw_session(state& st)
{
    const auto high = static_cast<std::uint64_t>(st.io.random());
    const auto low = static_cast<std::uint64_t>(st.io.random());
    return fmt::format(
        "{:08x}{:08x}-{:x}-{}", high, low, st.io.clk.wall_now().time_since_epoch().count(), st.what.pid);
}

}  // namespace

void note_id_holder(state& st, const std::string& host)
{
    auto& known = st.world.fleet->id_held_by;
    if (known == host)
        return;
    known = host;
    if (!host.empty()) {
        st.world.fleet->confirmed_at.reset();
        st.tell(happening::machine_id_refused, "another gantryd, on " + host + ", has the id " +
                                                   st.what.machine.text() +
                                                   "; this one takes no part in rollouts");
    }
    st.dirty.set();
}

std::string presence::holder_of(const store::key_value& there) const
{
    const auto report = records::decode_machine_report(there.value);
    if (!report)
        return {};
    const bool ours = report->session.empty()  // of an older version
                          ? report->host == st_.what.host
                          : report->session == st_.session || st_.former_sessions.contains(report->session);
    if (ours)
        return {};
    return report->host.empty() ? "another host" : report->host;
}

model::machine_report presence::report() const
{
    model::machine_report me;
    me.id = st_.what.machine;
    me.host = st_.what.host;
    me.address = st_.what.address;
    me.tags = st_.what.tags;
    me.cpus = st_.what.cpus;
    me.memory_bytes = st_.what.memory_bytes;
    me.pid = st_.what.pid;
    me.session = st_.session;
    me.version = st_.what.version;
    me.started_at = began_at_;
    if (st_.what.only)
        me.components.assign(st_.what.only->begin(), st_.what.only->end());
    return me;
}

void presence::confirm(base::time_point asked_at)
{
    auto& confirmed_at = st_.world.fleet->confirmed_at;
    // Who had to hold back goes on now; else nobody is woken up by this.
    if (!confirmed_at || asked_at - *confirmed_at > 2 * beat)
        st_.dirty.set();
    confirmed_at = asked_at;
    st_.copy.hear();
}

boost::asio::awaitable<base::result<store::lease_id>> presence::announce()
{
    const auto key = records::machine_key(st_.what.project, st_.what.machine);
    auto there = co_await st_.io.desired.get(key, st_.io.clk.now() + 5s);
    if (!there)
        co_return std::unexpected(there.error());
    const auto holder = *there ? holder_of(**there) : std::string();
    note_id_holder(st_, holder);
    if (!holder.empty())
        co_return base::fail(base::errc::conflict, "the machine's id is taken");
    auto lease = co_await st_.io.desired.grant(time_to_live, st_.io.clk.now() + 5s);
    if (!lease)
        co_return lease;
    const auto me = report();
    store::transaction what;
    what.conditions.push_back(
        {key, store::compare::target::modified, *there ? (*there)->modified : store::revision{}});
    const auto presence_key = records::presence_key(st_.what.project, st_.what.machine);
    for (const auto& each : {key, presence_key})
        what.operations.push_back({store::operation::kind::put, each, records::encode(me), *lease});
    const auto asked_at = st_.io.clk.now();
    auto done = co_await st_.io.desired.commit(std::move(what), st_.io.clk.now() + 5s);
    if (!done)
        co_return std::unexpected(done.error());
    // While we were not there a slot of ours may have been given to others. From now on none can be.
    const auto prefix = records::components_prefix(st_.what.project);
    auto all = co_await st_.io.desired.list(prefix, st_.io.clk.now() + 5s);
    if (!all)
        co_return std::unexpected(all.error());
    if (st_.world.desired_as_of.empty())
        take_rollouts(st_, prefix, *all);
    else  // nothing is begun by what a copy says
        take_components(st_, *all);
    auto& mine = st_.world.fleet->machines[me.id];
    mine.present = true;
    mine.host = me.host;
    mine.components = me.components;
    st_.former_sessions.clear();
    st_.memory.save_sessions({st_.session});
    st_.comebacks += was_there_ ? 1 : 0;
    was_there_ = true;
    confirm(asked_at);
    st_.dirty.set();
    co_return lease;
}

/// With nothing to report this is the only write, and the first to be refused.
void presence::note_failure(const base::error& why)
{
    st_.note_write(st_.present, std::unexpected(why));
    if (!st_.world.store.reachable)
        st_.copy.keep_here(
            records::presence_key(st_.what.project, st_.what.machine), records::encode(report()));
}

boost::asio::awaitable<void> presence::keep_on()
{
    runtime::backoff retry(200ms, 5s, st_.io.random);
    for (;;) {
        if (!st_.lease) {
            auto granted = co_await announce();
            if (!granted) {
                if (granted.error() != base::errc::conflict)
                    note_failure(granted.error());
                co_await st_.io.clk.sleep_until(st_.io.clk.now() + retry.next() + st_.own_moment() / 3);
                continue;
            }
            retry.reset();
            st_.lease = *granted;
            st_.note_write(st_.present, {});
        }
        co_await st_.io.clk.sleep_until(st_.io.clk.now() + beat);
        for (;;) {
            if (!st_.world.fleet->id_held_by.empty()) {
                st_.lease.reset();  // the key is another's now, and our lease ends by itself
                break;
            }
            const auto asked_at = st_.io.clk.now();
            auto kept = co_await st_.io.desired.keep_alive(*st_.lease, asked_at + keep_alive_limit);
            if (kept)
                confirm(asked_at);
            if (!kept && kept.error() == base::errc::not_found) {
                st_.lease.reset();
                break;
            }
            if (!kept) {
                note_failure(kept.error());
                co_await st_.io.clk.sleep_until(st_.io.clk.now() + beat_after_failure);
                continue;
            }
            st_.note_write(st_.present, {});
            break;
        }
    }
}

boost::asio::awaitable<void> presence::keep()
{
    began_at_ = st_.io.clk.wall_now();
    st_.former_sessions = st_.memory.sessions();
    st_.session = draw_session(st_);
    auto all = st_.former_sessions;
    all.insert(st_.session);
    st_.memory.save_sessions(all);
    std::exception_ptr why;
    try {
        co_await keep_on();
    } catch (...) {
        why = std::current_exception();
    }
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    if (st_.lease) {
        auto revoked = co_await st_.io.desired.revoke(*st_.lease, st_.io.clk.now() + 1s);
        (void)revoked;  // it runs out by itself
    }
    std::rethrow_exception(why);
}

}  // namespace gantryd::daemon
