#include "../fuzz.hpp"

#include "haproxy/src/port_owner.hpp"
#include "haproxy/src/runtime_api.hpp"
#include "haproxy/src/slots.hpp"

#include <gantryd/haproxy_config/config.hpp>

#include <algorithm>

namespace gantryd::fuzz {
namespace {

using namespace gantryd::haproxy;
namespace hc = haproxy_config;

template <class T>
void check(const base::result<T>& read)
{
    if (!read)
        require(read.error() == base::errc::malformed && !read.error().context().empty(),
            "what makes no sense is malformed, with a sentence");
}

const hc::settings& global()
{
    static const hc::settings out{.admin_socket = "/run/a.sock", .handover_socket = "/run/h.sock"};
    return out;
}

/// What may get into the file at all comes out of it again, and cannot be more than it says.
std::vector<hc::route> read_file(std::string_view text)
{
    auto routes = hc::routes_in(text);
    (void)hc::hash_in(text);
    if (!hc::problem_in(global(), routes).empty())
        return {};
    const auto written = hc::render(global(), routes);
    auto again = hc::routes_in(written);
    require(hc::render(global(), again) == written, "a table read back from its file makes the same file");
    require(hc::hash_in(written) == hc::structure_hash(global(), again), "a file tells what it is");
    const auto lines = std::ranges::count(written, '\n');
    for (auto& r : routes)
        r.id = model::route_id("r" + std::to_string(&r - routes.data()));
    require(std::ranges::count(hc::render(global(), routes), '\n') == lines, "no name adds a line to the file");
    return again;
}

void read_worker(std::string_view text, const std::vector<hc::route>& routes)
{
    const auto worker = parse_worker_report(text);
    check(worker);
    if (!worker)
        return;
    for (const auto& server : worker->servers)
        require(server.tunnels <= server.sessions || server.tunnels == 0, "tunnels are sessions");
    const auto view = make_view(1, *worker, {*worker, *worker});
    for (const auto& [id, servers] : view.routes)
        for (const auto& server : servers)
            require(
                server.old_sessions >= 0 && server.sessions >= 0, "nobody is connected less than not at all");
    if (routes.empty() || !has_every_slot(*worker, routes))
        return;
    for (const auto& command : commands_for(*worker, routes))
        require(command.find_first_of(";\n\r") == std::string::npos, "a command is one command");
}

}  // namespace

/// Answers of HAProxy's sockets and a haproxy.cfg behind a line "== file ==", and the kernel's table of
/// sockets.
void haproxy(std::string_view input)
{
    constexpr std::string_view mark = "== file ==\n";
    const auto cut = input.find(mark);
    const auto routes = read_file(cut == std::string_view::npos ? input : input.substr(cut + mark.size()));
    read_worker(input.substr(0, cut), routes);
    const auto processes = parse_show_proc(input);
    check(processes);
    if (processes)
        require(processes->master > 0 &&
                    std::ranges::all_of(processes->old_workers, [](pid_t p) { return p > 0; }),
            "a process has a number that may be signalled");
    for (const auto& one : parse_listeners(input))
        require(!one.address.empty(), "a listener has an address");
}

}  // namespace gantryd::fuzz
