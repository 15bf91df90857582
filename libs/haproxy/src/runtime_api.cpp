#include "runtime_api.hpp"

#include <gantryd/base/number.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <utility>

namespace gantryd::haproxy {
namespace {

using base::errc;
using base::fail;

// Bits of srv_admin_state: forced, inherited, by a failed name resolution, by a missing host name.
constexpr unsigned maintenance_bits = 0x01 | 0x02 | 0x20 | 0x40;
constexpr unsigned drain_bits = 0x08 | 0x10;
constexpr int state_running = 2;
constexpr int state_starting = 1;

constexpr std::int64_t most_sessions = 1'000'000'000;  // more than there can be; sums of them are numbers
constexpr std::size_t longest_batch = 8'000;  // HAProxy's buffer is 16 KiB unless somebody made it smaller

std::unexpected<base::error> malformed(std::string_view what, std::string_view text)
{
    return fail(errc::malformed,
        "HAProxy's answer has no " + std::string(what) + ": \"" + std::string(text.substr(0, 100)) + "\"");
}

std::string_view next_line(std::string_view& rest)
{
    const auto end = rest.find('\n');
    auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

constexpr std::size_t all_fields = std::string_view::npos;

/// The first `most` fields.
std::vector<std::string_view> cut(std::string_view line, char separator, std::size_t most = all_fields)
{
    std::vector<std::string_view> out;
    while (out.size() < most) {
        const auto end = line.find(separator);
        out.push_back(line.substr(0, end));
        if (end == std::string_view::npos)
            break;
        line.remove_prefix(end + 1);
    }
    return out;
}

std::vector<std::string_view> words_of(std::string_view line)
{
    auto out = cut(line, ' ');
    std::erase(out, std::string_view());
    return out;
}

/// The columns of a table whose first line names them; the order differs between versions.
class columns {
public:
    explicit columns(std::vector<std::string_view> names) : names_(std::move(names)) {}

    /// The positions of `wanted`; nothing when one is missing.
    std::optional<std::vector<std::size_t>> positions(std::span<const std::string_view> wanted) const
    {
        std::vector<std::size_t> out;
        for (const auto name : wanted) {
            const auto at = std::ranges::find(names_, name);
            if (at == names_.end())
                return std::nullopt;
            out.push_back(static_cast<std::size_t>(at - names_.begin()));
        }
        return out;
    }

private:
    std::vector<std::string_view> names_;
};

/// The fields of one line at these positions; empty when it has too few.
std::vector<std::string_view> pick(
    const std::vector<std::string_view>& fields, const std::vector<std::size_t>& at)
{
    std::vector<std::string_view> out;
    for (const auto position : at) {
        if (position >= fields.size())
            return {};
        out.push_back(fields[position]);
    }
    return out;
}

/// "Pid: 7376" and so on, to the empty line.
base::result<worker_report> read_info(std::string_view& rest)
{
    const auto all = rest;
    worker_report out;
    for (;;) {
        const bool at_end = rest.empty();
        const auto line = next_line(rest);
        if (line.empty()) {
            if (out.pid <= 0 || at_end)
                return malformed("process information", all);
            return out;
        }
        const auto colon = line.find(": ");
        if (colon == std::string_view::npos)
            continue;
        const auto key = line.substr(0, colon);
        const auto value = line.substr(colon + 2);
        if (key == "Pid")
            out.pid = base::number_in<pid_t>(value).value_or(0);
        else if (key == "Version")
            out.version = value.substr(0, value.find_first_not_of("0123456789."));
        else if (key == "description")
            out.description = value;
    }
}

std::optional<live_server> server_in(const std::vector<std::string_view>& fields)
{
    if (fields.empty())
        return std::nullopt;
    const auto port = base::number_in<std::uint16_t>(fields[3]);
    const auto operational = base::number_in<int>(fields[4]);
    const auto admin = base::number_in<unsigned>(fields[5]);
    const bool other_weight = fields[6] != fields[7];
    if (fields[0].empty() || fields[1].empty() || !port || !operational || !admin)
        return std::nullopt;
    return live_server{.backend = std::string(fields[0]),
        .name = std::string(fields[1]),
        .address = std::string(fields[2]),
        .port = *port,
        .in_maintenance = (*admin & maintenance_bits) != 0,
        .in_drain = (*admin & drain_bits) != 0,
        .running = *operational == state_running || *operational == state_starting,
        .other_weight = other_weight};
}

/// `show servers state`: the format's version, the names of the columns, one line per server, an empty line.
base::result<std::vector<live_server>> read_servers(std::string_view& rest)
{
    static constexpr std::array<std::string_view, 8> wanted{"be_name", "srv_name", "srv_addr", "srv_port",
        "srv_op_state", "srv_admin_state", "srv_uweight", "srv_iweight"};
    const auto all = rest;
    std::vector<live_server> out;
    const auto format = next_line(rest);
    const auto header = next_line(rest);
    if (format != "1" || !header.starts_with("# "))
        return malformed("list of servers", all);
    const auto at = columns(words_of(header.substr(2))).positions(wanted);
    if (!at)
        return malformed("columns that we know in its list of servers", header);
    for (;;) {
        const bool at_end = rest.empty();
        const auto line = next_line(rest);
        if (line.empty()) {
            if (at_end)
                return malformed("end of its list of servers", all);
            return out;
        }
        auto server = server_in(pick(words_of(line), *at));
        if (!server)
            return malformed("server in a line of its list", line);
        out.push_back(std::move(*server));
    }
}

using sessions_by_server = std::map<std::pair<std::string_view, std::string_view>, std::int64_t>;

struct statistics {
    sessions_by_server sessions;
    std::vector<std::string> closed_frontends;
};

/// `show stat`, frontends and servers: CSV with the names of the columns first, an empty line at the end. The
/// views are into the text.
base::result<statistics> read_statistics(std::string_view& rest)
{
    static constexpr std::array<std::string_view, 5> wanted{"pxname", "svname", "status", "scur", "qcur"};
    const auto all = rest;
    statistics out;
    const auto header = next_line(rest);
    if (!header.starts_with("# "))
        return malformed("statistics", all);
    const auto at = columns(cut(header.substr(2), ',')).positions(wanted);
    if (!at)
        return malformed("columns that we know in its statistics", header);
    const auto used_fields = std::ranges::max(*at) + 1;  // a line has 120
    for (;;) {
        const bool at_end = rest.empty();
        const auto line = next_line(rest);
        if (line.empty()) {
            if (at_end)
                return malformed("end of its statistics", all);
            return out;
        }
        const auto fields = pick(cut(line, ',', used_fields), *at);
        if (fields.empty())
            return malformed("server in a line of its statistics", line);
        if (fields[1] == "FRONTEND") {
            if (fields[2] == "PAUSED" || fields[2] == "STOP")
                out.closed_frontends.emplace_back(fields[0]);
            continue;
        }
        const auto current = base::number_in<std::int64_t>(fields[3]);
        const auto queued = base::number_in<std::int64_t>(fields[4]);
        const auto is_count = [](const auto& n) { return n && *n >= 0 && *n <= most_sessions; };
        if (!is_count(current) || !is_count(queued))
            return malformed("numbers in a line of its statistics", line);
        out.sessions[{fields[0], fields[1]}] = *current + *queued;
    }
}

/// The text between `before` and the next `end`, from `from` on; empty when they are not there.
std::string_view between(
    std::string_view line, std::string_view before, std::string_view end, std::size_t from = 0)
{
    const auto at = line.find(before, from);
    if (at == std::string_view::npos)
        return {};
    line.remove_prefix(at + before.size());
    const auto size = line.find_first_of(end);
    return size == std::string_view::npos ? std::string_view() : line.substr(0, size);
}

/// True when no analyser looks at this direction of the stream any more: "an=00h".
bool is_passed_through(std::string_view line, std::string_view direction)
{
    const auto at = line.find(direction);
    const auto analysers = at == std::string_view::npos ? "" : between(line, ",an=", "h", at);
    return !analysers.empty() && analysers.find_first_not_of('0') == std::string_view::npos;
}

/// `show sess`: one line per stream. In an HTTP backend a request and its answer, also one that is streamed
/// for hours, keep analysers busy; only a tunnel has none in both directions.
sessions_by_server count_tunnels(std::string_view rest)
{
    sessions_by_server out;
    while (!rest.empty()) {
        const auto line = next_line(rest);
        if (is_passed_through(line, " rq[") && is_passed_through(line, " rp["))
            ++out[{between(line, " be=", " "), between(line, " srv=", " ")}];
    }
    return out;
}

constexpr std::array<std::string_view, 3> server_commands{
    "show info", "show servers state", "show stat -1 5 -1"};
constexpr std::string_view stream_command = "show sess";

}  // namespace

std::string report_commands(detail wanted)
{
    auto out = fmt::format("{}", fmt::join(server_commands, ";"));
    if (wanted == detail::streams)
        out += fmt::format(";{}", stream_command);
    return out + "\n";
}

std::string report_commands_for(pid_t old_worker, detail wanted)
{
    std::string out;
    for (const auto command : server_commands)
        out += fmt::format("@!{} {}\n", old_worker, command);
    if (wanted == detail::streams)
        out += fmt::format("@!{} {}\n", old_worker, stream_command);
    return out;
}

base::result<worker_report> parse_worker_report(std::string_view replies)
{
    auto report = read_info(replies);
    if (!report)
        return report;
    auto servers = read_servers(replies);
    if (!servers)
        return std::unexpected(servers.error());
    auto statistics = read_statistics(replies);
    if (!statistics)
        return std::unexpected(statistics.error());
    report->closed_frontends = std::move(statistics->closed_frontends);
    const auto& sessions = statistics->sessions;
    const auto tunnels = count_tunnels(replies);
    for (auto& server : *servers) {
        // A missing count must never pass for "nobody is connected".
        const auto count = sessions.find({server.backend, server.name});
        if (count == sessions.end())
            return malformed("statistics of a server", server.backend + "/" + server.name);
        server.sessions = count->second;
        if (const auto found = tunnels.find({server.backend, server.name}); found != tunnels.end())
            server.tunnels = std::min(found->second, server.sessions);
    }
    report->servers = std::move(*servers);
    return report;
}

base::result<process_table> parse_show_proc(std::string_view reply)
{
    const auto all = reply;
    process_table out;
    enum class section { top, workers, old_workers, other } in = section::top;
    while (!reply.empty()) {
        const auto line = next_line(reply);
        if (line.starts_with("#")) {
            if (line.starts_with("# workers"))
                in = section::workers;
            else if (line.starts_with("# old workers"))
                in = section::old_workers;
            else if (!line.starts_with("#<PID>"))
                in = section::other;
            continue;
        }
        const auto words = words_of(line);
        if (words.size() < 3 || in == section::other)
            continue;
        const auto pid = base::number_in<pid_t>(words[0]);
        if (!pid || *pid <= 0)
            return malformed("process in a line of its list", line);
        if (words[1] == "master" && in == section::top) {
            out.master = *pid;
            out.reloads = base::number_in<std::int64_t>(words[2]).value_or(0);
            if (words.size() > 4 && words[3] == "[failed:")
                out.failed_reloads =
                    base::number_in<std::int64_t>(words[4].substr(0, words[4].find(']'))).value_or(0);
        } else if (words[1] == "worker" && in == section::workers) {
            out.worker = *pid;
        } else if (words[1] == "worker" && in == section::old_workers) {
            out.old_workers.push_back(*pid);
        }
    }
    if (out.master == 0)
        return malformed("list of processes", all);
    return out;
}

std::vector<std::string> as_batches(const std::vector<std::string>& commands)
{
    std::vector<std::string> out;
    for (const auto& command : commands) {
        if (out.empty() || out.back().size() + command.size() + 1 > longest_batch)
            out.emplace_back();
        else
            out.back() += ';';
        out.back() += command;
    }
    for (auto& batch : out)
        batch += '\n';
    return out;
}

}  // namespace gantryd::haproxy
