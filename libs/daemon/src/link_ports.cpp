// Ports of component links: drawn by lot, once.
#include "executor.hpp"

#include <gantryd/planner/links.hpp>

#include <algorithm>
#include <sstream>

namespace gantryd::daemon {
namespace {

using base::errc;

constexpr int tries = 200;
constexpr int ports_wanted = 12'768;  // with the kernel's own range: 20000 to 32767
constexpr port_range usual{20'000, 32'767};

/// Ports that releases of this project bind or will bind, and those of other links.
std::set<std::uint16_t> spoken_for(const planner::world& world)
{
    std::set<std::uint16_t> out;
    for (const auto& [name, component] : world.components)
        for (const auto& [number, release] : component.releases)
            for (const auto& port : release->spec.ports)
                out.insert(port.external);
    for (const auto& [name, address] : world.links)
        out.insert(address.port);
    return out;
}

}  // namespace

port_range link_ports_beside(std::string_view ephemeral)
{
    std::istringstream in{std::string(ephemeral)};
    int first = 0;
    int last = 0;
    if (!(in >> first >> last) || first < 1 || last < first || last > 65'535)
        return usual;
    const auto as_port = [](int n) { return static_cast<std::uint16_t>(n); };
    // Below them, but not among the ports of services; else above them.
    if (first >= 12'000)
        return {as_port(std::max(10'000, first - ports_wanted)), as_port(first - 1)};
    if (last <= 60'000)
        return {as_port(last + 1), as_port(std::min(65'535, last + ports_wanted))};
    return usual;
}

boost::asio::awaitable<executor::outcome> executor::allot(planner::allot_link what)
{
    auto& link = st_.world.links[what.link];
    if (!what.host.empty())
        link.host = what.host;
    if (link.port == what.instead_of) {
        const auto taken = spoken_for(st_.world);
        std::uniform_int_distribution<int> any(st_.what.link_ports.first, st_.what.link_ports.last);
        std::uint16_t port = 0;
        for (int n = 0; n < tries && port == 0; ++n) {
            const auto drawn = static_cast<std::uint16_t>(any(st_.io.random));
            // On every address, so that it stays ours when the bridge's changes.
            if (!taken.contains(drawn) && st_.io.proxy.is_free("0.0.0.0", drawn) &&
                (link.host.empty() || st_.io.proxy.is_free(link.host, drawn)))
                port = drawn;
        }
        if (port == 0)
            co_return base::fail(
                errc::unavailable, "no free port of this machine was found for link " + what.link);
        link.port = port;
        st_.tell(happening::link_placed,
            what.link + " is at " + (link.host.empty() ? "port " : link.host + ":") + std::to_string(port));
    }
    st_.memory.save(what.link, link);
    co_return outcome();
}

}  // namespace gantryd::daemon
