#include "executor.hpp"

#include <gantryd/base/names.hpp>

#include <chrono>
#include <filesystem>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;
using base::errc;

constexpr auto call_limit = 60s;
constexpr int evidence_lines = 20;
/// How long a termination signal waits for the ledger to say that it is sent now.
constexpr auto ledger_limit = 2s;

std::chrono::seconds whole_seconds(std::chrono::milliseconds d)
{
    return std::chrono::ceil<std::chrono::seconds>(d);
}

/// Tells how a drain went, when it is over: how long it took and who was still connected.
void tell_end_of_drain(state& st, const planner::instance& of)
{
    if (!of.drain_since)
        return;
    const auto left = planner::connections_of(st.world, of);
    st.tell(happening::drain_ended, of,
        "after " + base::human(st.io.clk.now() - *of.drain_since) + ", with " + std::to_string(left) +
            (left == 1 ? " connection left" : " connections left"));
}

}  // namespace

boost::asio::awaitable<model::evidence> executor::gather(model::instance_name name, std::string why)
{
    model::evidence out{.reason = std::move(why), .instance = name.text()};
    const auto* instance = st_.find(name);
    if (instance == nullptr || instance->container.empty())
        co_return out;
    out.check = instance->check;
    out.last_answer = instance->answer;
    const auto id = instance->container;
    if (instance->now == planner::phase::exited) {
        // We may know of the exit before Docker does: its log and its exit code come a moment later.
        auto noticed = co_await st_.io.docker.wait(id, st_.io.clk.now() + 10s);
        (void)noticed;
    }
    auto lines = co_await st_.io.docker.logs(id, evidence_lines, st_.io.clk.now() + 5s);
    if (lines)
        out.last_log_lines = std::move(*lines);
    auto details = co_await st_.io.docker.inspect(id, st_.io.clk.now() + 5s);
    if (!details)
        co_return out;
    out.oom_killed = details->oom_killed;
    if (details->status == docker::container_status::exited ||
        details->status == docker::container_status::dead)
        out.exit_code = details->exit_code;
    constexpr std::string_view exited = "exited";
    if (out.exit_code && out.reason.starts_with(exited) && !out.reason.starts_with("exited with code"))
        out.reason.insert(exited.size(), " with code " + std::to_string(*out.exit_code));
    if (out.oom_killed)
        out.reason += ", out of memory";
    if (!details->error.empty())
        out.reason += ": " + details->error;
    co_return out;
}

boost::asio::awaitable<executor::outcome> executor::condemn(planner::condemn_instance what)
{
    auto why = co_await gather(what.name, what.why);
    auto* instance = st_.find(what.name);
    if (instance != nullptr && !instance->failure)
        st_.record_failure(*instance, std::move(why));
    co_return outcome();
}

boost::asio::awaitable<executor::outcome> executor::send_signals(model::instance_name name)
{
    const auto* instance = st_.find(name);
    const auto* spec = instance == nullptr ? nullptr : planner::spec_of(st_.world, *instance);
    if (spec == nullptr || instance->signals_done)
        co_return outcome();
    const auto signals = spec->termination_signals;
    auto first = static_cast<std::size_t>(instance->signals_begun);
    if (instance->signals_answered < instance->signals_begun && first <= signals.size())
        st_.tell(happening::signal_failed, *instance,
            "signal \"" + signals[first - 1].id +
                "\": gantryd ended before it knew the answer; it is not sent again");
    for (; first < signals.size(); ++first) {
        auto* now = st_.find(name);
        if (now == nullptr)
            co_return outcome();
        // Once per drain, also when gantryd ends in the middle: a signal that may have been sent counts as
        // sent. A ledger that cannot be written must not hold up the drain.
        now->signals_begun = static_cast<int>(first) + 1;
        st_.memory.save(*now);
        st_.dirty.set();
        auto kept = co_await st_.memory.written(st_.io.clk.now() + ledger_limit);
        (void)kept;
        co_await send_signal(name, signals[first]);
        if (auto* answered = st_.find(name)) {
            answered->signals_answered = static_cast<int>(first) + 1;
            st_.memory.save(*answered);
        }
    }
    // Once per drain, whatever came of it: the drain's deadline is the limit, not the container's mood.
    if (auto* now = st_.find(name)) {
        now->signals_done = true;
        st_.memory.save(*now);
    }
    co_return outcome();
}

boost::asio::awaitable<void> executor::send_signal(model::instance_name name, model::signal_spec signal)
{
    const auto* instance = st_.find(name);
    if (instance == nullptr)
        co_return;
    const auto left = planner::time_for_signals(st_.world, *instance, st_.io.clk.now());
    if (left <= 0ms) {
        st_.tell(happening::signal_failed, *instance,
            "signal \"" + signal.id + "\": not sent, the drain's deadline has passed");
        co_return;
    }
    signal.timeout = std::min(signal.timeout, left);
    const auto id = signal.id;
    health::probe_target target{instance->container, instance->address};
    auto answer = co_await st_.io.prober.signal(std::move(signal), std::move(target));
    if (const auto* now = st_.find(name))
        st_.tell(answer.passed ? happening::signal_delivered : happening::signal_failed, *now,
            "signal \"" + id + "\": " + answer.answer);
}

boost::asio::awaitable<executor::outcome> executor::stop_container(model::instance_name name)
{
    auto* instance = st_.find(name);
    if (instance == nullptr || instance->container.empty())
        co_return outcome();
    const auto* spec = planner::spec_of(st_.world, *instance);
    const auto grace = whole_seconds(spec == nullptr ? std::chrono::milliseconds(10s) : spec->stop_timeout);
    instance->stop_since = st_.io.clk.now();
    instance->stop_unsure = false;
    st_.memory.save(*instance);
    if (!is_retry(instance_key(name))) {
        tell_end_of_drain(st_, *instance);
        st_.tell(happening::container_stopping, *instance,
            (instance->failure ? instance->failure->reason : instance->drain_reason) + "; it has " +
                base::human(grace) + " to end by itself");
    }
    st_.dirty.set();

    const auto id = instance->container;
    const auto deadline = st_.io.clk.now() + grace + call_limit;
    auto stopped = co_await st_.io.docker.stop(id, grace, deadline);
    instance = st_.find(name);
    if (instance == nullptr || (!stopped && stopped.error() == errc::not_found))
        co_return outcome();
    if (!stopped) {
        instance->stop_since.reset();  // it was not told: tell it again
        co_return std::unexpected(stopped.error());
    }
    const auto took = st_.io.clk.now() - instance->stop_since.value_or(st_.io.clk.now());
    auto looked = co_await look(name);
    instance = st_.find(name);
    if (instance != nullptr && instance->now == planner::phase::exited)
        st_.tell(happening::container_stopped, *instance,
            "ended " + base::human(took) + " after its stop signal" +
                (instance->exit_code ? ", with code " + std::to_string(*instance->exit_code) : ""));
    co_return looked;
}

boost::asio::awaitable<executor::outcome> executor::kill_container(model::instance_name name)
{
    auto* instance = st_.find(name);
    if (instance == nullptr || instance->container.empty() || instance->now == planner::phase::exited)
        co_return outcome();
    const bool was_told_to_stop = instance->stop_since.has_value();
    if (!was_told_to_stop) {
        instance->stop_since = st_.io.clk.now();
        tell_end_of_drain(st_, *instance);
    }
    if (!is_retry(kill_key(name)))
        st_.tell(happening::container_killing, *instance,
            was_told_to_stop ? "it did not end within its grace" : "the component is to be killed");
    const auto id = instance->container;
    if (instance->now == planner::phase::created) {
        auto removed = co_await st_.io.docker.remove(id, true, st_.io.clk.now() + call_limit);
        st_.docker_dirty.set();
        co_return removed;
    }
    auto killed = co_await st_.io.docker.kill(id, "SIGKILL", st_.io.clk.now() + call_limit);
    if (!killed && killed.error() != errc::not_found)
        co_return std::unexpected(killed.error());
    auto ended = co_await st_.io.docker.wait(id, st_.io.clk.now() + call_limit);
    (void)ended;  // what became of it is looked at, not believed
    auto looked = co_await look(name);
    co_return looked;
}

boost::asio::awaitable<executor::outcome> executor::remove(model::instance_name name)
{
    const auto* found = st_.find(name);
    if (found == nullptr)
        co_return outcome();
    const auto gone = *found;  // Docker's events may take it out of the world before its answer comes
    if (!gone.container.empty()) {
        auto removed = co_await st_.io.docker.remove(gone.container, false, st_.io.clk.now() + call_limit);
        if (!removed && removed.error() != errc::not_found)
            co_return std::unexpected(removed.error());
    }
    if (const auto* spec = planner::spec_of(st_.world, gone))
        for (std::size_t i = 0; i < spec->bindings.size(); ++i) {
            const std::filesystem::path link =
                st_.what.binding_directory + "/" + name.text() + "-" + std::to_string(i);
            std::error_code ec;
            if (std::filesystem::is_symlink(link, ec))
                std::filesystem::remove(link, ec);
        }
    if (!gone.stop_since)
        tell_end_of_drain(st_, gone);  // it ended by itself
    st_.tell(happening::container_removed, gone, "container " + base::short_id(gone.container.text()));
    st_.memory.forget(gone);
    st_.ended.erase(gone.container);
    st_.world.instances.erase(name);
    st_.touch(name);
    co_return outcome();
}

}  // namespace gantryd::daemon
