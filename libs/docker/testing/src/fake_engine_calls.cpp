// The engine's interface: what a call says, how long it takes, and what it does to the world.
#include "fake_connection.hpp"

#include <boost/asio/this_coro.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::docker {
namespace {

base::error away(const std::string& call)
{
    return base::error(
        base::errc::unavailable, "docker " + call + ": connect /var/run/docker.sock: connection refused");
}

std::string_view first_word(std::string_view call) { return call.substr(0, call.find(' ')); }

template <class T>
base::result<T> with_call(const std::string& call, base::result<T> outcome)
{
    if (!outcome)
        return base::fail("docker " + call, outcome.error());
    return outcome;
}

bool has_labels(const labels& all, const labels& wanted)
{
    return std::ranges::all_of(wanted, [&](const auto& one) {
        const auto found = all.find(one.first);
        return found != all.end() && found->second == one.second;
    });
}

}  // namespace

base::result<void> fake_engine::begin(const std::string& call)
{
    settle();
    calls.push_back(call);
    if (!reachable_)
        return std::unexpected(away(call));
    if (on_call)
        if (auto failure = on_call(call))
            return std::unexpected(*failure);
    return {};
}

/// Suspends until something changes, something is due, or `until`.
asio::awaitable<void> fake_engine::rest(connection& of, runtime::time_point until)
{
    const auto when = std::min(until, next_due());
    (void)co_await of.wake.wait_until(clk_, when);
    settle();
}

asio::awaitable<base::result<void>> fake_engine::take_time(std::string call, runtime::time_point deadline)
{
    const auto entry = latency.find(std::string(first_word(call)));
    if (entry == latency.end() || entry->second <= runtime::duration::zero())
        co_return base::result<void>{};
    connection mine(connections_, co_await asio::this_coro::executor);
    const auto until = clk_.now() + entry->second;
    while (!mine.cut && clk_.now() < std::min(until, deadline))
        co_await rest(mine, std::min(until, deadline));
    if (mine.cut)
        co_return base::fail(
            base::errc::unavailable, "docker " + call + ": the engine closed the connection");
    if (until > deadline)
        co_return base::fail(base::errc::timed_out, "docker " + call + ": no answer in time");
    co_return base::result<void>{};
}

/// Lets the latency of the call pass before its outcome is known.
template <class T>
asio::awaitable<base::result<T>> fake_engine::answer(
    std::string call, base::result<T> outcome, runtime::time_point deadline)
{
    auto took = co_await take_time(call, deadline);
    if (!took)
        co_return std::unexpected(took.error());
    co_return with_call(call, std::move(outcome));
}

asio::awaitable<base::result<engine_info>> fake_engine::info(runtime::time_point deadline)
{
    auto begun = begin("info");
    if (!begun)
        co_return std::unexpected(begun.error());
    engine_info out{version, "1.41", live_restore, architecture, data_root};
    co_return co_await answer<engine_info>("info", std::move(out), deadline);
}

asio::awaitable<base::result<std::vector<container_summary>>> fake_engine::list(
    labels wanted, runtime::time_point deadline)
{
    auto begun = begin("list");
    if (!begun)
        co_return std::unexpected(begun.error());
    std::vector<container_summary> all;
    for (const auto& [id, one] : containers_) {
        if (!has_labels(one.details.labels, wanted))
            continue;
        const auto& details = one.details;
        all.push_back({id, details.name, one.request.image.text(), details.image, details.status,
            status_text_of(one), details.labels, details.address, one.created});
    }
    std::ranges::reverse(all);  // Docker lists the youngest first
    co_return co_await answer<std::vector<container_summary>>("list", std::move(all), deadline);
}

asio::awaitable<base::result<container_details>> fake_engine::inspect(
    model::container_id id, runtime::time_point deadline)
{
    const auto call = "inspect " + name_of(id);
    auto begun = begin(call);
    if (!begun)
        co_return std::unexpected(begun.error());
    const auto found = find_container(id);
    base::result<container_details> outcome =
        found ? base::result<container_details>((*found)->details) : std::unexpected(found.error());
    co_return co_await answer(call, std::move(outcome), deadline);
}

asio::awaitable<base::result<model::container_id>> fake_engine::create(
    create_request what, runtime::time_point deadline)
{
    const auto call = "create " + what.name;
    auto begun = begin(call);
    if (!begun)
        co_return std::unexpected(begun.error());
    auto outcome = make_container(std::move(what));
    co_return co_await answer(call, std::move(outcome), deadline);
}

asio::awaitable<base::result<void>> fake_engine::start(model::container_id id, runtime::time_point deadline)
{
    const auto call = "start " + name_of(id);
    auto begun = begin(call);
    if (!begun)
        co_return std::unexpected(begun.error());
    const auto found = find_container(id);
    auto outcome = found ? start_container(**found) : std::unexpected(found.error());
    co_return co_await answer(call, std::move(outcome), deadline);
}

asio::awaitable<base::result<void>> fake_engine::stop(
    model::container_id id, std::chrono::seconds grace, runtime::time_point deadline)
{
    const auto call = "stop " + name_of(id);
    auto begun = begin(call);
    if (!begun)
        co_return std::unexpected(begun.error());
    const auto found = find_container(id);
    if (!found)
        co_return co_await answer<void>(call, std::unexpected(found.error()), deadline);
    stop_container(**found, grace);
    auto stopped = co_await wait_until_stopped(call, (*found)->details.id, deadline);
    if (!stopped)
        co_return std::unexpected(stopped.error());
    co_return co_await answer<void>(call, {}, deadline);
}

asio::awaitable<base::result<void>> fake_engine::kill(
    model::container_id id, std::string signal, runtime::time_point deadline)
{
    const auto call = "kill " + name_of(id) + " " + signal;
    auto begun = begin(call);
    if (!begun)
        co_return std::unexpected(begun.error());
    const auto found = find_container(id);
    if (found)
        signal_container(**found, signal);
    auto outcome = found ? base::result<void>{} : std::unexpected(found.error());
    co_return co_await answer(call, std::move(outcome), deadline);
}

asio::awaitable<base::result<int>> fake_engine::wait(model::container_id id, runtime::time_point deadline)
{
    const auto call = "wait " + name_of(id);
    auto begun = begin(call);
    if (!begun)
        co_return std::unexpected(begun.error());
    const auto found = find_container(id);
    if (!found)
        co_return co_await answer<int>(call, std::unexpected(found.error()), deadline);
    auto stopped = co_await wait_until_stopped(call, (*found)->details.id, deadline);
    if (!stopped)
        co_return stopped;
    co_return co_await answer(call, std::move(stopped), deadline);
}

asio::awaitable<base::result<int>> fake_engine::wait_until_stopped(
    std::string call, model::container_id id, runtime::time_point deadline)
{
    connection mine(connections_, co_await asio::this_coro::executor);
    for (;;) {
        const auto* which = find(id.text());
        if (mine.cut)
            co_return base::fail(
                base::errc::unavailable, "docker " + call + ": the engine closed the connection");
        if (which == nullptr)
            co_return exit_codes_of_removed_[id];
        if (!which->is_running())
            co_return which->details.exit_code;
        if (clk_.now() >= deadline)
            co_return base::fail(base::errc::timed_out, "docker " + call + ": no answer in time");
        co_await rest(mine, deadline);
    }
}

asio::awaitable<base::result<void>> fake_engine::remove(
    model::container_id id, bool force, runtime::time_point deadline)
{
    const auto call = "remove " + name_of(id);
    auto begun = begin(call);
    if (!begun)
        co_return std::unexpected(begun.error());
    const auto found = find_container(id);
    auto outcome = found ? remove_container(**found, force) : base::result<void>{};
    co_return co_await answer(call, std::move(outcome), deadline);
}

asio::awaitable<base::result<exec_outcome>> fake_engine::exec(
    model::container_id id, std::vector<std::string> command, runtime::time_point deadline)
{
    const auto call = fmt::format("exec {} {}", name_of(id), fmt::join(command, " "));
    auto begun = begin(call);
    if (!begun)
        co_return std::unexpected(begun.error());
    const auto found = find_container(id);
    base::result<exec_outcome> outcome;
    if (!found)
        outcome = std::unexpected(found.error());
    else if (!(*found)->is_running())
        outcome =
            base::fail(base::errc::conflict, "Container " + (*found)->details.id.text() + " is not running");
    else if (on_exec)
        outcome = on_exec(**found, command);
    co_return co_await answer(call, std::move(outcome), deadline);
}

asio::awaitable<base::result<std::vector<std::string>>> fake_engine::logs(
    model::container_id id, int lines, runtime::time_point deadline)
{
    const auto call = "logs " + name_of(id);
    auto begun = begin(call);
    if (!begun)
        co_return std::unexpected(begun.error());
    const auto found = find_container(id);
    base::result<std::vector<std::string>> outcome;
    if (found) {
        const auto& log = (*found)->log;
        const auto count = std::min<std::ptrdiff_t>(std::max(lines, 0), std::ssize(log));
        outcome->assign(log.end() - count, log.end());
    } else {
        outcome = std::unexpected(found.error());
    }
    co_return co_await answer(call, std::move(outcome), deadline);
}

asio::awaitable<base::result<image_details>> fake_engine::inspect_image(
    std::string reference, runtime::time_point deadline)
{
    const auto call = "inspect_image " + reference;
    auto begun = begin(call);
    if (!begun)
        co_return std::unexpected(begun.error());
    const auto tagged = references_.find(reference);
    const auto image =
        images_.find(tagged != references_.end() ? tagged->second : model::image_id(reference));
    base::result<image_details> outcome;
    if (image != images_.end())
        outcome = image->second;
    else
        outcome = base::fail(base::errc::not_found, "No such image: " + reference);
    co_return co_await answer(call, std::move(outcome), deadline);
}

asio::awaitable<base::result<void>> fake_engine::pull(
    std::string reference, std::function<void(std::string)> progress, runtime::time_point deadline)
{
    const auto call = "pull " + reference;
    auto begun = begin(call);
    if (!begun)
        co_return begun;
    if (progress)
        progress("Pulling from " + reference);
    auto took = co_await take_time(call, deadline);
    if (!took)
        co_return took;
    if (registry_error)
        co_return base::fail("docker " + call, *registry_error);
    const auto found = registry_.find(reference);
    if (found == registry_.end())
        co_return base::fail(base::errc::not_found, "docker " + call + ": manifest for " + reference +
                                                        " not found: manifest unknown: manifest unknown");
    add_image(reference, found->second.id, found->second.command);
    if (!reference.contains('@'))
        add_image(digest_in_registry(reference, found->second.id), found->second.id, found->second.command);
    if (progress)
        progress("Status: Downloaded newer image for " + reference);
    co_return base::result<void>{};
}

asio::awaitable<base::error> fake_engine::follow_events(labels wanted, std::optional<std::int64_t> since,
    std::function<void()> connected, std::function<void(container_event)> on_event)
{
    auto begun = begin("events");
    if (!begun)
        co_return begun.error();
    auto took = co_await take_time("events", runtime::time_point::max());
    if (!took)
        co_return took.error();
    connection mine(connections_, co_await asio::this_coro::executor);
    mine.follows = true;
    mine.wanted = std::move(wanted);
    for (const auto& past : recent_events_)
        if (since && past.time_nanoseconds >= *since && mine.wants(past))
            mine.events.push_back(past);
    if (connected)
        connected();
    for (;;) {
        while (!mine.events.empty()) {
            auto event = std::move(mine.events.front());
            mine.events.pop_front();
            on_event(std::move(event));
        }
        if (mine.cut)
            co_return base::error(base::errc::unavailable, "docker events: the engine closed the stream");
        co_await rest(mine, runtime::time_point::max());
    }
}

}  // namespace gantryd::docker
