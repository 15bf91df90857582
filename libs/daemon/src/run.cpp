#include "endpoints.hpp"
#include "executor.hpp"
#include "exit_watch.hpp"
#include "presence.hpp"
#include "probes.hpp"
#include "publisher.hpp"

#include <gantryd/planner/rollout.hpp>

#include <boost/asio/this_coro.hpp>

#include <exception>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

/// The longest the loop sleeps when nobody wakes it: a level-triggered loop looks again now and then.
constexpr auto slow_round = 60s;

/// Has the plan made anew for what others said: at once, and then not before a large fleet has said more.
boost::asio::awaitable<void> pass_on_words(state& st)
{
    for (;;) {
        co_await st.others_changed.wait();
        st.dirty.set();
        if (const auto pause = st.time_for_all() / 24; pause > base::duration())
            co_await st.io.clk.sleep_until(st.io.clk.now() + pause);
    }
}

/// After a standstill of the process, or of the whole machine, nobody has asked the containers meanwhile:
/// what is not ready gets its time anew, or a good release would fail for it.
void make_up_for_standstill(state& st, base::time_point should_have_woken_at)
{
    constexpr auto standstill = 5s;
    const auto now = st.io.clk.now();
    if (now < should_have_woken_at + standstill)
        return;
    st.io.log.warning(
        "gantryd stood still", {{"for_s", (now - should_have_woken_at) / std::chrono::seconds(1)}});
    for (auto& [name, instance] : st.world.instances)
        instance.known_since = now;
}

boost::asio::awaitable<void> reconcile(state& st, executor& actions, probes& checks, exit_watch& exits,
    condition_watch& conditions, publisher& reports, endpoints& reached)
{
    for (;;) {
        auto wake_at = st.io.clk.now() + slow_round;
        if (st.desired_known) {
            st.world.now = st.io.clk.now();
            planner::assign_releases(st.world);
            if (st.world.fleet && st.world.fleet->wants_reports)
                st.reports_wanted.set();
            if (st.world.fleet && st.world.fleet->wants_preflights)
                st.preflights_wanted.set();
            const auto plan = planner::make_plan(st.world);
            const auto held = actions.begin(plan.actions);
            checks.fit();
            exits.fit();
            std::optional<base::time_point> lasting;
            if (st.what.publish) {
                lasting = conditions.take(plan.conditions);
                reports.show(plan);
                reached.show();
            }
            st.watcher.planned(st.world, plan, actions.under_way());
            for (const auto& at : {plan.wake_at, held, lasting})
                if (at)
                    wake_at = std::min(wake_at, *at);
        }
        // Never twice in the same moment because of time alone.
        wake_at = std::max(wake_at, st.io.clk.now() + 1ms);
        (void)co_await st.dirty.wait_until(st.io.clk, wake_at);
        make_up_for_standstill(st, wake_at);
    }
}

}  // namespace

boost::asio::awaitable<void> run(collaborators io, options what, observer* watcher)
{
    const auto ex = co_await boost::asio::this_coro::executor;
    const bool publish = what.publish;
    state st(io, std::move(what), watcher, ex);
    co_await st.memory.load(st.what.boot_id);
    auto kept = co_await st.copy.load();
    st.world.links = st.memory.links();

    runtime::task_scope tasks(ex);
    executor actions(st, tasks);
    probes checks(st, tasks);
    exit_watch exits(st, tasks);
    condition_watch conditions(st);
    publisher reports(st, conditions, ex);
    endpoints reached(st, ex);
    presence here(st);
    if (publish)  // without a store of its own the machine is alone
        st.world.fleet = planner::fleet{.me = st.what.machine, .began_at = st.io.clk.now()};
    st.tell(happening::daemon_started, "gantryd " + st.what.version + ", pid " + std::to_string(st.what.pid));
    auto ledger_wrote = [&st](
                            const base::result<void>& done) { st.note_local_write(st.ledger_written, done); };
    auto copy_wrote = [&st](const base::result<void>& done) { st.note_local_write(st.copy_written, done); };
    tasks.spawn("ledger", st.memory.write_behind(ledger_wrote));
    tasks.spawn("copy of the store", st.copy.write_behind(copy_wrote));
    tasks.spawn("follow store", follow_store(st));
    if (kept)
        tasks.spawn("begin from the copy", begin_from_copy(st, std::move(*kept)));
    tasks.spawn("follow containers", follow_containers(st));
    tasks.spawn("follow docker events", follow_docker_events(st));
    tasks.spawn("follow proxy", follow_proxy(st));
    tasks.spawn("follow proxy exit", follow_proxy_exit(st));
    if (publish) {
        tasks.spawn("write reports", reports.write_reports());
        tasks.spawn("write endpoints", reached.write());
        tasks.spawn("write events", st.history.write_behind());
        tasks.spawn("keep presence", here.keep());
        tasks.spawn("follow machines", follow_machines(st));
        tasks.spawn("follow reports", follow_reports(st));
        tasks.spawn("follow preflights", follow_preflights(st));
        tasks.spawn("pass on words", pass_on_words(st));
    }
    tasks.spawn("reconcile", reconcile(st, actions, checks, exits, conditions, reports, reached));

    std::exception_ptr why;
    try {
        co_await tasks.wait();
    } catch (...) {
        why = std::current_exception();  // we are to end, or a task failed
    }
    // Cancelled or not, the children are waited for.
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    st.tell(happening::daemon_stopped, "what runs goes on");
    tasks.stop();
    co_await tasks.join();
    if (why)
        std::rethrow_exception(why);
}

}  // namespace gantryd::daemon
