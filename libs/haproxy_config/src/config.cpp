#include <gantryd/haproxy_config/config.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace gantryd::haproxy_config {
namespace {

constexpr std::string_view first_line = "# made by gantryd, do not edit\n";
constexpr std::string_view hash_line = "# structure ";
constexpr std::string_view description_prefix = "gantryd-";
constexpr int spare_files = 200;  // sockets of its own, pipes, listeners

std::uint64_t fnv1a(std::string_view text) noexcept
{
    std::uint64_t hash = 14695981039346656037u;
    for (const char c : text) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 1099511628211u;
    }
    return hash;
}

/// A reload by anybody reads this file: a slot that drains must not take new traffic then, so it stands here
/// as disabled, with its address.
std::string server_line(std::size_t position, const slot& wanted)
{
    const slot s = wanted.mode == slot_mode::empty ? slot{} : wanted;  // an empty one keeps no address
    return fmt::format("    server s{} {}{}\n", position + 1, with_port(canonical_address(s.address), s.port),
        s.mode == slot_mode::serving ? "" : " disabled");
}

std::string text_of(const route& r)
{
    const bool http = r.kind == model::port_kind::http;
    const std::string_view mode = http ? "http" : "tcp";
    std::string out = fmt::format("\nfrontend fe_{}\n    mode {}\n    bind {}\n", r.id.text(), mode,
        with_port(canonical_address(r.bind), r.port));
    if (http) {
        // Without idle-close-on-response a reload closes idle connections just when the client's next request
        // is on its way. With it that request comes to the old worker, whose servers nobody can change any
        // more and may be gone: it goes to the new worker.
        out += "    timeout http-request 30s\n"
               "    option forwardfor\n"
               "    option idle-close-on-response\n"
               "    use_backend handover if { stopping }\n";
    }
    out += fmt::format("    default_backend be_{0}\n\nbackend be_{0}\n    mode {1}\n    balance roundrobin\n",
        r.id.text(), mode);
    if (http) {
        // A request that had reached a server is sent to another one only where doing it twice does no harm.
        out += "    retry-on conn-failure empty-response\n"
               "    acl is_repeatable method GET HEAD OPTIONS\n"
               "    http-request disable-l7-retry unless is_repeatable\n";
    }
    for (std::size_t i = 0; i < r.slots.size(); ++i)
        out += server_line(i, r.slots[i]);
    return out;
}

bool is_any(std::string_view address) { return address == "0.0.0.0" || address == "::"; }

/// Where a worker that a reload left behind sends the last request of each kept connection, and where the new
/// one takes it. The PROXY protocol tells which address and port the client had asked for, and who it is.
std::string handover_text(const settings& global, std::vector<route> routes)
{
    std::erase_if(routes, [](const route& r) { return r.kind != model::port_kind::http; });
    if (routes.empty())
        return {};
    // A route for one address only comes before one for any.
    std::ranges::sort(
        routes, {}, [](const route& r) { return std::pair(is_any(canonical_address(r.bind)), r.id.text()); });
    std::string out = fmt::format("\nfrontend handover\n"
                                  "    mode http\n"
                                  "    bind unix@{} mode 600 accept-proxy\n"
                                  "    timeout http-request 30s\n"
                                  "    option idle-close-on-response\n",
        global.handover_socket);
    for (const auto& r : routes) {
        const auto address = canonical_address(r.bind);
        out += fmt::format("    use_backend be_{} if {{ dst_port {} }}{}\n", r.id.text(), r.port,
            is_any(address) ? std::string() : fmt::format(" {{ dst {} }}", address));
    }
    return out + fmt::format("\nbackend handover\n"
                             "    mode http\n"
                             "    http-reuse never\n"
                             "    server current unix@{} send-proxy-v2\n",
                     global.handover_socket);
}

/// Everything but the lines that carry the hash.
///
/// fd-hard-limit instead of maxconn: with maxconn HAProxy refuses to start where the limit of open files is
/// lower; so it computes a maxconn that fits.
std::string body(const settings& global, std::vector<route> routes, std::string_view hash)
{
    std::ranges::sort(routes, {}, [](const route& r) -> const std::string& { return r.id.text(); });
    std::string out = fmt::format("global\n"
                                  "    description {}\n"
                                  "    stats socket {} mode 600 level admin\n"
                                  "    stats timeout 1m\n"
                                  "    hard-stop-after {}s\n"
                                  "    fd-hard-limit {}\n",
        description_of(hash), global.admin_socket, global.hard_stop_after.count(),
        2 * static_cast<std::int64_t>(global.max_connections) + spare_files);
    out += "\ndefaults\n"
           "    mode tcp\n"
           "    timeout connect 1s\n"
           "    timeout client 24h\n"
           "    timeout server 24h\n"
           "    timeout tunnel 24h\n"
           // A server that lost its network, or a client that went without a word, says nothing for ever: by
           // these a request finds another server, and a drain its end.
           "    default-server tcp-ut 3s\n"
           "    option srvtcpka\n"
           "    srvtcpka-idle 5s\n"
           "    srvtcpka-intvl 2s\n"
           "    srvtcpka-cnt 3\n"
           "    option clitcpka\n"
           "    clitcpka-idle 1m\n"
           "    clitcpka-intvl 10s\n"
           "    clitcpka-cnt 6\n"
           "    retries 3\n"
           "    option redispatch 1\n";
    for (const auto& r : routes)
        out += text_of(r);
    return out + handover_text(global, std::move(routes));
}

}  // namespace

std::string render(const settings& global, const std::vector<route>& routes)
{
    assert(problem_in(global, routes).empty());
    const auto hash = structure_hash(global, routes);
    return fmt::format("{}{}{}\n{}", first_line, hash_line, hash, body(global, routes, hash));
}

std::string structure_hash(const settings& global, const std::vector<route>& routes)
{
    auto bare = routes;
    for (auto& r : bare)
        std::ranges::fill(r.slots, slot{});
    return fmt::format("{:016x}", fnv1a(body(global, std::move(bare), {})));
}

std::string hash_in(std::string_view config_text)
{
    if (!config_text.starts_with(first_line))
        return {};
    config_text.remove_prefix(first_line.size());
    if (!config_text.starts_with(hash_line))
        return {};
    config_text.remove_prefix(hash_line.size());
    return std::string(config_text.substr(0, config_text.find('\n')));
}

std::string description_of(std::string_view hash)
{
    return std::string(description_prefix) + std::string(hash);
}

}  // namespace gantryd::haproxy_config
