#include "supervisor.hpp"

#include "control_socket.hpp"
#include "files.hpp"

#include <gantryd/base/number.hpp>
#include <gantryd/runtime/process.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <sstream>
#include <string_view>
#include <utility>

#include <sys/syscall.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace gantryd::haproxy {
namespace {

using base::errc;
using base::fail;
using base::result;
using runtime::time_point;

/// How long HAProxy may be silent while it re-executes itself: a reload takes 0.1 s, 0.6 s with 1000
/// backends.
constexpr auto patience = 2s;
constexpr auto pause_between_tries = 10ms;

std::vector<std::string> command_line_of(pid_t pid)
{
    const auto text = read_file("/proc/" + std::to_string(pid) + "/cmdline");
    std::vector<std::string> words;
    for (std::size_t at = 0; text && at < text->size();) {
        words.emplace_back(text->c_str() + at);
        at += words.back().size() + 1;
    }
    return words;
}

/// False for the kernel's own threads, whose command lines are empty for ever.
bool has_a_program(pid_t pid)
{
    std::array<char, 1> target{};
    return ::readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), target.data(), target.size()) > 0;
}

pid_t pid_in(const std::string& text)
{
    return std::max(base::number_in<pid_t>(std::string_view(text).substr(0, text.find('\n'))).value_or(0), 0);
}

/// Sends SIGUSR1 to a process that is_ours() still holds for; the descriptor keeps the number from being
/// somebody else's in between.
template <class Predicate>
bool ask_to_finish(pid_t pid, const Predicate& is_ours)
{
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0)
        return false;
    const bool sent = is_ours(pid) && ::syscall(SYS_pidfd_send_signal, fd, SIGUSR1, nullptr, 0) == 0;
    ::close(fd);
    return sent;
}

std::string without_prefix(std::string_view alert)
{
    const auto end = alert.find(") : ");
    return std::string(end == std::string_view::npos ? alert : alert.substr(end + 4));
}

bool may_pass(const base::error& why) { return why == errc::unavailable || why == errc::timed_out; }

}  // namespace

std::string alerts_in(const std::string& output)
{
    constexpr std::size_t most = 1'000;
    std::istringstream in(output);
    std::string alerts;
    std::string all;
    for (std::string line; std::getline(in, line);) {
        all += (all.empty() ? "" : "; ") + line;
        if (line.starts_with("[ALERT]"))
            alerts += (alerts.empty() ? "" : "; ") + without_prefix(line);
    }
    return (alerts.empty() ? all : alerts).substr(0, most);
}

file_names::file_names(const std::string& directory)
    : config(directory + "/haproxy.cfg"),
      candidate(config + ".new"),
      good(config + ".good"),
      pid(directory + "/haproxy.pid"),
      admin_socket(directory + "/admin.sock"),
      master_socket(directory + "/master.sock"),
      handover_socket(directory + "/handover.sock")
{
}

supervisor::supervisor(const proxy_options& options, runtime::clock& clk)
    : files_(options.directory),
      program_(options.program),
      clk_(clk)
{
}

identity supervisor::identity_of(pid_t pid) const
{
    if (pid <= 0 || !runtime::is_alive(pid))
        return identity::other;
    const auto words = command_line_of(pid);
    if (words.empty())
        return has_a_program(pid) ? identity::changing : identity::other;
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] == "-f" && words[i + 1] == files_.config &&
            std::ranges::find(words, "-W") != words.end())
            return identity::ours;
    }
    return identity::other;
}

pid_t supervisor::pid_in_file() const
{
    const auto text = read_file(files_.pid);
    return text ? pid_in(*text) : 0;
}

pid_t supervisor::master_in_pid_file() const
{
    const auto pid = pid_in_file();
    return is_ours(pid) ? pid : 0;
}

asio::awaitable<result<process_table>> supervisor::show_processes(time_point deadline)
{
    const auto reply = co_await ask(clk_, files_.master_socket, "show proc\n", deadline);
    if (!reply)
        co_return std::unexpected(reply.error());
    if (reply->empty())
        co_return fail(errc::unavailable, "HAProxy's master hung up");
    auto table = parse_show_proc(*reply);
    if (!table)
        co_return table;
    const auto who = identity_of(table->master);
    if (who == identity::changing)
        co_return fail(errc::unavailable, "HAProxy's master is executing itself anew");
    if (who == identity::other)
        co_return fail(errc::malformed, files_.master_socket + " is served by another program");
    co_return table;
}

asio::awaitable<result<std::vector<worker_report>>> supervisor::observe_old_workers(
    std::vector<pid_t> workers, time_point deadline, detail wanted)
{
    std::vector<worker_report> out;
    for (const auto pid : workers) {
        const auto reply =
            co_await ask(clk_, files_.master_socket, report_commands_for(pid, wanted), deadline);
        if (!reply)
            co_return std::unexpected(reply.error());
        auto report = parse_worker_report(*reply);
        if (report)
            out.push_back(std::move(*report));
        else if (runtime::is_alive(pid))  // one that is gone has no connections; a silent one may have
            co_return fail(
                errc::unavailable, "old worker " + std::to_string(pid) + ": " + report.error().context());
    }
    co_return out;
}

asio::awaitable<result<std::optional<observation>>> supervisor::observe_once(
    time_point deadline, detail wanted)
{
    auto processes = co_await show_processes(deadline);
    if (!processes) {
        if (processes.error() == errc::unavailable && identity_of(pid_in_file()) == identity::other)
            co_return std::nullopt;
        co_return std::unexpected(processes.error());
    }
    if (processes->worker == 0)
        co_return fail(errc::unavailable, "HAProxy has no worker now");
    const auto reply = co_await ask(clk_, files_.admin_socket, report_commands(wanted), deadline);
    if (!reply)
        co_return std::unexpected(reply.error());
    if (reply->empty())
        co_return fail(errc::unavailable, "HAProxy's worker hung up");
    auto current = parse_worker_report(*reply);
    if (!current)
        co_return std::unexpected(current.error());
    if (current->pid != processes->worker)  // somebody reloaded in between
        co_return fail(errc::unavailable, "HAProxy is changing its worker");
    auto old = co_await observe_old_workers(processes->old_workers, deadline, wanted);
    if (!old)
        co_return std::unexpected(old.error());
    co_return observation{std::move(*processes), std::move(*current), std::move(*old)};
}

asio::awaitable<result<std::optional<observation>>> supervisor::observe(time_point deadline, detail wanted)
{
    const auto until = std::min(deadline, clk_.now() + patience);
    std::optional<base::error> first_reason;  // says more than the "timed out" of a last try that had no time
    for (int cut_answers = 0;;) {
        auto seen = co_await observe_once(until, wanted);
        if (seen)
            co_return seen;
        if (!first_reason)
            first_reason = seen.error();
        if (clk_.now() + pause_between_tries >= until)
            co_return std::unexpected(*first_reason);
        // A worker that goes in the middle of its answer leaves one that is cut: once more, then believe it.
        if (!may_pass(seen.error()) && ++cut_answers == 3)
            co_return seen;
        co_await clk_.sleep_until(clk_.now() + pause_between_tries);
    }
}

asio::awaitable<result<void>> supervisor::check(std::string text, time_point deadline)
{
    if (auto written = write_file(files_.candidate, text); !written)
        co_return std::unexpected(written.error());
    std::vector<std::string> command{program_, "-c", "-f", files_.candidate};
    const auto checked = co_await runtime::run_process(clk_, std::move(command), deadline);
    if (!checked)
        co_return fail(checked.error() == errc::not_found ? errc::unavailable : checked.error().code(),
            "HAProxy cannot be run: " + checked.error().context());
    if (checked->exit_code != 0)
        co_return fail(errc::rejected, "HAProxy refuses the configuration: " + alerts_in(checked->output));
    co_return result<void>();
}

result<void> supervisor::install()
{
    if (const auto before = read_file(files_.config)) {
        if (auto kept = write_file(files_.good, *before); !kept)
            return kept;
    }
    return move_file(files_.candidate, files_.config);
}

asio::awaitable<result<observation>> supervisor::start(pid_t instead_of, time_point deadline)
{
    // `command` is one list of words: nothing here goes through a shell.
    std::vector<std::string> command{program_, "-W", "-D", "-f", files_.config, "-p", files_.pid, "-S",
        files_.master_socket + ",mode,600"};
    if (instead_of != 0 && is_ours(instead_of)) {
        command.emplace_back("-sf");
        command.push_back(std::to_string(instead_of));
    }
    const auto ran = co_await runtime::run_process(clk_, std::move(command), deadline);
    if (!ran)
        co_return fail(ran.error() == errc::not_found ? errc::unavailable : ran.error().code(),
            "HAProxy cannot be run: " + ran.error().context());
    if (ran->exit_code != 0)
        co_return fail(errc::unavailable, "HAProxy does not start: " + alerts_in(ran->output));
    const auto until = std::min(deadline, clk_.now() + patience);
    for (;;) {
        auto seen = co_await observe(until);
        if (!seen)
            co_return std::unexpected(seen.error());
        if (*seen)
            co_return std::move(**seen);
        if (clk_.now() + pause_between_tries >= until)
            co_return fail(errc::unavailable, "HAProxy ended right after its start");
        co_await clk_.sleep_until(clk_.now() + pause_between_tries);
    }
}

result<void> supervisor::go_back()
{
    const auto good = read_file(files_.good);
    if (!good)
        return std::unexpected(good.error());
    return write_file(files_.config, *good);
}

asio::awaitable<result<observation>> supervisor::reload(
    process_table before, std::string description, time_point deadline)
{
    bool sent = false;
    for (;;) {
        if (!sent) {
            // The master re-executes itself and may drop this connection: what came of it is read below.
            (void)co_await ask(clk_, files_.master_socket, "reload\n", deadline);
            sent = true;
        }
        const auto now = co_await show_processes(deadline);
        if (now && now->reloads == before.reloads) {
            sent = false;  // it did not arrive
        } else if (now && now->worker == before.worker && now->failed_reloads > 0) {
            const auto back = go_back();
            co_return fail(
                errc::rejected, back ? "HAProxy could not take the new configuration; the old one stays"
                                     : "HAProxy could not take the new configuration; the old one runs "
                                       "on, but its file is not back: " +
                                           back.error().context());
        } else if (now && now->worker != 0) {
            auto seen = co_await observe(deadline);
            if (seen && *seen && (*seen)->current.description == description)
                co_return std::move(**seen);
        } else if (!now && !runtime::is_alive(before.master)) {
            co_return fail(errc::unavailable, "HAProxy ended while it was reloaded");
        }
        if (clk_.now() + pause_between_tries >= deadline)
            co_return fail(errc::timed_out, "HAProxy's new worker did not come up in time");
        co_await clk_.sleep_until(clk_.now() + pause_between_tries);
    }
}

asio::awaitable<result<void>> supervisor::stop(pid_t master, time_point deadline)
{
    const auto ours = [this](pid_t pid) { return is_ours(pid); };
    if (ask_to_finish(master, ours)) {
        for (;;) {
            const auto reply = co_await ask(clk_, files_.admin_socket, "show info\n", deadline);
            if (!reply && reply.error() == errc::unavailable)
                break;
            if (clk_.now() + pause_between_tries >= deadline)
                co_return fail(errc::timed_out, "HAProxy did not stop taking connections in time");
            co_await clk_.sleep_until(clk_.now() + pause_between_tries);
        }
    }
    for (const auto& file : {files_.pid, files_.admin_socket, files_.master_socket, files_.handover_socket})
        ::unlink(file.c_str());
    co_return result<void>();
}

}  // namespace gantryd::haproxy
