#include <gantryd/haproxy/proxy.hpp>

#include "control_socket.hpp"
#include "files.hpp"
#include "port_owner.hpp"
#include "slots.hpp"
#include "supervisor.hpp"

#include <gantryd/runtime/dirty_flag.hpp>
#include <gantryd/runtime/process.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::haproxy {
namespace {

using base::errc;
using base::fail;
using base::result;
using haproxy_config::route;
using runtime::time_point;

/// Marks a call as under way; there is one at a time.
class one_at_a_time {
public:
    explicit one_at_a_time(bool& busy) : busy_(busy)
    {
        assert(!busy_);
        busy_ = true;
    }
    one_at_a_time(const one_at_a_time&) = delete;
    one_at_a_time& operator=(const one_at_a_time&) = delete;
    ~one_at_a_time() { busy_ = false; }

private:
    bool& busy_;
};

/// Lets `to` point to something for as long as this lives.
class pointing_to {
public:
    pointing_to(runtime::dirty_flag*& to, runtime::dirty_flag& what) : to_(to) { to_ = &what; }
    pointing_to(const pointing_to&) = delete;
    pointing_to& operator=(const pointing_to&) = delete;
    ~pointing_to() { to_ = nullptr; }

private:
    runtime::dirty_flag*& to_;
};

bool same_port(const route& a, const route& b)
{
    return a.port == b.port &&
           haproxy_config::canonical_address(a.bind) == haproxy_config::canonical_address(b.bind);
}

/// The route that has its port; null when none has.
const route* holder_of_port(const std::vector<route>& routes, const route& wanted)
{
    const auto found = std::ranges::find_if(routes, [&](const route& r) { return same_port(r, wanted); });
    return found == routes.end() ? nullptr : &*found;
}

class haproxy_proxy final : public proxy {
public:
    haproxy_proxy(proxy_options options, runtime::clock& clk, base::logger log)
        : options_(std::move(options)),
          clk_(clk),
          log_(log),
          supervisor_(options_, clk_)
    {
        settings_.admin_socket = supervisor_.files().admin_socket;
        settings_.handover_socket = supervisor_.files().handover_socket;
        settings_.hard_stop_after = options_.hard_stop_after;
    }

    asio::awaitable<result<proxy_view>> look(time_point deadline) override
    {
        return look(deadline, detail::servers);
    }
    asio::awaitable<result<proxy_view>> look_closely(time_point deadline) override
    {
        return look(deadline, detail::streams);
    }
    asio::awaitable<result<proxy_view>> update(std::vector<route> routes, time_point deadline) override;
    bool is_free(const std::string& address, std::uint16_t port) const override;
    std::optional<std::string> why_taken(const std::string& address, std::uint16_t port) const override;
    asio::awaitable<void> wait_for_exit() override;

private:
    asio::awaitable<result<proxy_view>> look(time_point deadline, detail wanted);
    asio::awaitable<result<std::optional<observation>>> observe(
        time_point deadline, detail wanted = detail::servers);
    asio::awaitable<result<observation>> make_run(
        std::vector<route> routes, std::optional<observation> seen, time_point deadline);
    asio::awaitable<result<observation>> start(std::vector<route> routes, time_point deadline);
    asio::awaitable<result<observation>> reload(
        std::vector<route> routes, observation before, std::string reason, time_point deadline);
    asio::awaitable<result<observation>> adjust(
        std::vector<route> routes, observation seen, time_point deadline);
    asio::awaitable<result<void>> install(std::string text, time_point deadline);
    asio::awaitable<result<void>> stop(time_point deadline);

    /// True when somebody else changed the file since we wrote it.
    bool is_file_edited() const;
    std::vector<route> served_by(const std::optional<observation>& seen) const;
    /// When the master was killed its workers follow, but hold their ports for some milliseconds more: waits
    /// until every port is free, half a second at the longest.
    asio::awaitable<void> await_dying_worker(const std::vector<route>& routes);
    std::vector<route> leave_out_taken_ports(std::vector<route> routes, const std::vector<route>& served);
    bool runs_this_structure(const observation& seen, const std::vector<route>& routes) const;
    proxy_view view_of(const std::optional<observation>& seen) const;
    void note_master(pid_t master);

    proxy_options options_;
    runtime::clock& clk_;
    base::logger log_;
    supervisor supervisor_;
    haproxy_config::settings settings_;
    std::map<model::route_id, std::string> refused_;
    std::string written_;  // what we last made of the file; empty: nothing yet
    std::string version_;
    std::int64_t reloads_ = 0;
    std::string reload_reason_;
    pid_t master_ = 0;         // at the last look() or update(); 0: none ran
    int silent_in_a_row_ = 0;  // times that it lived and did not answer
    bool busy_ = false;
    runtime::dirty_flag* master_changed_ = nullptr;  // while somebody waits
};

void haproxy_proxy::note_master(pid_t master)
{
    if (master != master_ && master_changed_ != nullptr)
        master_changed_->set();
    master_ = master;
}

proxy_view haproxy_proxy::view_of(const std::optional<observation>& seen) const
{
    proxy_view view;
    if (seen)
        view = make_view(seen->processes.master, seen->current, seen->old_workers);
    view.file_edited = seen && is_file_edited();
    view.version = version_;
    view.reloads = reloads_;
    view.reload_reason = reload_reason_;
    view.refused = refused_;
    return view;
}

asio::awaitable<result<std::optional<observation>>> haproxy_proxy::observe(time_point deadline, detail wanted)
{
    auto seen = co_await supervisor_.observe(deadline, wanted);
    if (!seen) {
        if (seen.error() == errc::unavailable || seen.error() == errc::timed_out)
            ++silent_in_a_row_;
        co_return seen;
    }
    silent_in_a_row_ = 0;
    if (*seen)
        version_ = (*seen)->current.version;
    const auto master = *seen ? (*seen)->processes.master : 0;
    if (master != 0 && master_ == 0)
        log_.info("found haproxy running", {{"pid", master}, {"worker", (*seen)->processes.worker}});
    note_master(master);
    co_return seen;
}

asio::awaitable<result<proxy_view>> haproxy_proxy::look(time_point deadline, detail wanted)
{
    const one_at_a_time guard(busy_);
    const auto seen = co_await observe(deadline, wanted);
    if (!seen)
        co_return std::unexpected(seen.error());
    co_return view_of(*seen);
}

asio::awaitable<result<proxy_view>> haproxy_proxy::update(std::vector<route> routes, time_point deadline)
{
    const one_at_a_time guard(busy_);
    if (auto why = haproxy_config::problem_in(settings_, routes); !why.empty())
        co_return fail(errc::rejected, std::move(why));
    if (auto made = make_private_directory(options_.directory); !made)
        co_return std::unexpected(made.error());

    auto seen = co_await observe(deadline);
    // Once may be a machine that stood still for a moment. A process that stays silent is replaced; what it
    // still serves it finishes.
    if (!seen && (silent_in_a_row_ < 2 || supervisor_.master_in_pid_file() == 0))
        co_return std::unexpected(seen.error());
    if (!seen)
        log_.warning("haproxy does not answer, replacing it", {{"why", seen.error().context()}});
    auto now = seen ? std::move(*seen) : std::optional<observation>();

    if (!now)
        co_await await_dying_worker(routes);
    auto accepted = leave_out_taken_ports(std::move(routes), served_by(now));
    if (accepted.empty()) {
        const auto stopped = co_await stop(deadline);
        if (!stopped)
            co_return std::unexpected(stopped.error());
        co_return view_of(std::nullopt);
    }
    auto made = co_await make_run(std::move(accepted), std::move(now), deadline);
    if (!made)
        co_return std::unexpected(made.error());
    silent_in_a_row_ = 0;
    co_return view_of(std::move(*made));
}

asio::awaitable<result<observation>> haproxy_proxy::make_run(
    std::vector<route> routes, std::optional<observation> seen, time_point deadline)
{
    if (!seen) {
        auto started = co_await start(routes, deadline);
        if (!started)
            co_return started;
        seen = std::move(*started);
    } else if (const bool edited = is_file_edited(); edited || !runs_this_structure(*seen, routes)) {
        // Whoever changed the file may have made HAProxy read it; nor is it one to go back to.
        if (edited && !written_.empty())
            (void)write_file(supervisor_.files().config, written_);
        auto reason = edited ? std::string("somebody changed haproxy.cfg")
                      : seen->current.closed_frontends.empty()
                          ? reload_reason(served_by(seen), routes)
                          : "somebody closed " + seen->current.closed_frontends.front();
        auto reloaded = co_await reload(routes, std::move(*seen), std::move(reason), deadline);
        if (!reloaded)
            co_return reloaded;
        seen = std::move(*reloaded);
    }
    auto adjusted = co_await adjust(std::move(routes), std::move(*seen), deadline);
    co_return adjusted;
}

bool haproxy_proxy::is_file_edited() const
{
    const auto text = read_file(supervisor_.files().config);
    if (!text || !written_.empty())
        return !written_.empty() && text != written_;
    // An earlier gantryd wrote it; then it is what we would write.
    const auto routes = haproxy_config::routes_in(*text);
    return !haproxy_config::problem_in(settings_, routes).empty() ||
           haproxy_config::render(settings_, routes) != *text;
}

bool haproxy_proxy::runs_this_structure(const observation& seen, const std::vector<route>& routes) const
{
    const auto hash = haproxy_config::structure_hash(settings_, routes);
    return seen.current.description == haproxy_config::description_of(hash) &&
           has_every_slot(seen.current, routes) && seen.current.closed_frontends.empty();
}

/// The routes of the running configuration, as far as the file on disk is that configuration.
std::vector<route> haproxy_proxy::served_by(const std::optional<observation>& seen) const
{
    const auto text = read_file(supervisor_.files().config);
    if (!seen || !text)
        return {};
    const auto hash = haproxy_config::hash_in(*text);
    if (hash.empty() || haproxy_config::description_of(hash) != seen->current.description)
        return {};
    return haproxy_config::routes_in(*text);
}

bool haproxy_proxy::is_free(const std::string& address, std::uint16_t port) const
{
    const auto nobody = [](pid_t) { return false; };
    return !why_not_bindable(haproxy_config::canonical_address(address), port, nobody);
}

std::optional<std::string> haproxy_proxy::why_taken(const std::string& address, std::uint16_t port) const
{
    const auto ours = [this](pid_t pid) { return supervisor_.is_ours(pid); };
    return why_not_bindable(haproxy_config::canonical_address(address), port, ours);
}

asio::awaitable<void> haproxy_proxy::await_dying_worker(const std::vector<route>& routes)
{
    using namespace std::chrono_literals;
    const auto is_taken = [&](const route& r) { return why_taken(r.bind, r.port).has_value(); };
    const auto give_up = clk_.now() + 500ms;
    while (clk_.now() < give_up && std::ranges::any_of(routes, is_taken))
        co_await clk_.sleep_until(clk_.now() + 10ms);
}

std::vector<route> haproxy_proxy::leave_out_taken_ports(
    std::vector<route> routes, const std::vector<route>& served)
{
    std::vector<route> accepted;
    std::map<model::route_id, std::string> refused;
    // The file also tells of what was served before HAProxy ended.
    const auto before = haproxy_config::routes_in(read_file(supervisor_.files().config).value_or(""));
    for (const auto at : order_of_claims(routes, before)) {
        auto& r = routes[at];
        std::optional<std::string> why;
        if (const auto* holder = holder_of_port(accepted, r))
            why = "port " + std::to_string(r.port) + " is used by route " + holder->id.text() +
                  " of this machine";
        else if (holder_of_port(served, r) == nullptr)
            why = why_taken(r.bind, r.port);
        if (why)
            refused.emplace(r.id, std::move(*why));
        else
            accepted.push_back(std::move(r));
    }
    for (const auto& [id, why] : refused) {
        const auto known = refused_.find(id);
        if (known == refused_.end() || known->second != why)
            log_.warning("external port cannot be served", {{"route", id.text()}, {"why", why}});
    }
    refused_ = std::move(refused);
    return accepted;
}

/// Makes the text the file on disk when HAProxy accepts it.
asio::awaitable<result<void>> haproxy_proxy::install(std::string text, time_point deadline)
{
    auto checked = co_await supervisor_.check(text, deadline);
    if (!checked)
        co_return std::unexpected(checked.error());
    auto installed = supervisor_.install();
    if (installed)
        written_ = std::move(text);
    co_return installed;
}

asio::awaitable<result<observation>> haproxy_proxy::start(std::vector<route> routes, time_point deadline)
{
    const auto began = clk_.now();
    auto text = haproxy_config::render(settings_, routes);
    const auto installed = co_await install(std::move(text), deadline);
    if (!installed)
        co_return std::unexpected(installed.error());
    auto started = co_await supervisor_.start(supervisor_.master_in_pid_file(), deadline);
    if (!started)
        co_return started;
    version_ = started->current.version;
    note_master(started->processes.master);
    log_.debug("haproxy started",
        {{"pid", started->processes.master}, {"worker", started->processes.worker}, {"version", version_},
            {"took_ms", (clk_.now() - began) / std::chrono::milliseconds(1)}});
    co_return started;
}

asio::awaitable<result<observation>> haproxy_proxy::reload(
    std::vector<route> routes, observation before, std::string reason, time_point deadline)
{
    const auto began = clk_.now();
    const auto hash = haproxy_config::structure_hash(settings_, routes);
    auto text = haproxy_config::render(settings_, routes);
    const auto installed = co_await install(std::move(text), deadline);
    if (!installed)
        co_return std::unexpected(installed.error());
    auto reloaded =
        co_await supervisor_.reload(before.processes, haproxy_config::description_of(hash), deadline);
    if (!reloaded) {
        written_ = read_file(supervisor_.files().config).value_or("");
        co_return fail("reload for " + reason, reloaded.error());
    }
    ++reloads_;
    reload_reason_ = reason;
    log_.debug("haproxy reloaded",
        {{"reason", reason}, {"old_worker", before.processes.worker},
            {"new_worker", reloaded->processes.worker}, {"old_workers", reloaded->old_workers.size()},
            {"took_ms", (clk_.now() - began) / std::chrono::milliseconds(1)}});
    co_return reloaded;
}

/// The file first, then what runs: whoever reloads or restarts HAProxy in between makes it right, too. A file
/// that cannot be written, on a disk that is full, must not keep requests from where they are answered: what
/// runs is changed all the same, and the update counts as failed until the file can be written.
asio::awaitable<result<observation>> haproxy_proxy::adjust(
    std::vector<route> routes, observation seen, time_point deadline)
{
    const auto text = haproxy_config::render(settings_, routes);
    const auto on_disk = read_file(supervisor_.files().config);
    result<void> written;
    if (!on_disk || *on_disk != text)
        written = write_file(supervisor_.files().config, text);
    if (written)
        written_ = text;
    for (int tries = 0; tries < 3; ++tries) {
        const auto commands = commands_for(seen.current, routes);
        if (commands.empty() && !written)
            co_return std::unexpected(written.error());
        if (commands.empty())
            co_return seen;
        for (const auto& batch : as_batches(commands)) {
            const auto said = co_await ask(clk_, supervisor_.files().admin_socket, batch, deadline);
            if (!said)
                co_return std::unexpected(said.error());
        }
        auto after = co_await supervisor_.observe(deadline);
        if (!after)
            co_return std::unexpected(after.error());
        if (!*after)
            co_return fail(errc::unavailable, "HAProxy ended while its servers were changed");
        seen = std::move(**after);
        if (tries == 1 && !commands_for(seen.current, routes).empty()) {
            auto reloaded =
                co_await reload(routes, std::move(seen), "run-time change did not hold", deadline);
            if (!reloaded)
                co_return reloaded;
            seen = std::move(*reloaded);
        }
    }
    if (const auto left = commands_for(seen.current, routes); !left.empty())
        co_return fail(
            errc::unavailable, "HAProxy does not keep its servers as they are set: " + left.front());
    if (!written)
        co_return std::unexpected(written.error());
    co_return seen;
}

asio::awaitable<result<void>> haproxy_proxy::stop(time_point deadline)
{
    const auto master = master_ != 0 ? master_ : supervisor_.master_in_pid_file();
    const auto stopped = co_await supervisor_.stop(master, deadline);
    if (stopped && master != 0)
        log_.info("haproxy stopped, no external ports are left", {{"pid", master}});
    if (stopped)
        note_master(0);
    co_return stopped;
}

/// A stopped or replaced master may live on for hours to finish its connections, so a change of the master
/// counts as well as its end.
asio::awaitable<void> haproxy_proxy::wait_for_exit()
{
    assert(master_changed_ == nullptr);  // one waiter at a time
    const auto ex = co_await asio::this_coro::executor;
    runtime::dirty_flag changed(ex);
    const pointing_to guard(master_changed_, changed);
    if (master_ == 0) {
        co_await changed.wait();
        co_return;
    }
    auto either = asio::experimental::make_parallel_group(
        asio::co_spawn(ex, runtime::wait_for_exit(master_), asio::deferred),
        asio::co_spawn(ex, changed.wait(), asio::deferred));
    (void)co_await either.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
}

}  // namespace

std::unique_ptr<proxy> make_proxy(proxy_options options, runtime::clock& clk, base::logger log)
{
    while (options.directory.size() > 1 && options.directory.ends_with('/'))
        options.directory.pop_back();
    return std::make_unique<haproxy_proxy>(std::move(options), clk, log);
}

}  // namespace gantryd::haproxy
