#include <gantryd/base/number.hpp>
#include <gantryd/docker/client.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace gantryd::docker {
namespace {

constexpr std::uint16_t plain_port = 2375;
constexpr std::uint16_t tls_port = 2376;
constexpr std::string_view unix_scheme = "unix://";
constexpr std::string_view tcp_scheme = "tcp://";

std::unexpected<base::error> refuse(std::string_view text, std::string_view why)
{
    return base::fail(base::errc::rejected, "DOCKER_HOST '" + std::string(text) + "': " + std::string(why));
}

std::optional<std::uint16_t> parse_port(std::string_view digits)
{
    const auto port = base::number_in<std::uint16_t>(digits);
    return port && *port != 0 ? port : std::nullopt;
}

/// `rest` is what follows "tcp://": host, host:port, [v6] or [v6]:port.
base::result<void> read_host_and_port(std::string_view whole, std::string_view rest, endpoint& where)
{
    while (rest.ends_with('/'))
        rest.remove_suffix(1);
    if (rest.contains('/') || rest.contains('@'))
        return refuse(whole, "only a host and a port may stand after tcp://");

    std::string_view host;
    std::string_view behind;
    if (rest.starts_with('[')) {
        const auto bracket = rest.find(']');
        if (bracket == std::string_view::npos)
            return refuse(whole, "the ']' of the address is missing");
        host = rest.substr(1, bracket - 1);
        behind = rest.substr(bracket + 1);
    } else {
        const auto colon = rest.find(':');
        host = rest.substr(0, colon);
        behind = colon == std::string_view::npos ? std::string_view() : rest.substr(colon);
    }
    // The Docker CLI takes "tcp://:2375" for this machine too.
    where.address = host.empty() ? "127.0.0.1" : std::string(host);
    if (behind.empty())
        return {};
    const auto port = behind.starts_with(':') ? parse_port(behind.substr(1)) : std::nullopt;
    if (!port)
        return refuse(whole, "no port from 1 to 65535 after the host");
    where.port = *port;
    return {};
}

}  // namespace

base::result<endpoint> endpoint_from_environment(const std::function<std::string(const char*)>& variable)
{
    endpoint where;
    auto config_directory = variable("DOCKER_CONFIG");
    if (const auto home = variable("HOME"); config_directory.empty() && !home.empty())
        config_directory = home + "/.docker";
    if (!config_directory.empty())
        where.config_file = config_directory + "/config.json";

    const auto text = variable("DOCKER_HOST");
    const std::string_view host(text);
    if (host.empty())
        return where;
    if (host.starts_with(unix_scheme)) {
        where.address = host.substr(unix_scheme.size());
        if (!where.address.starts_with('/'))
            return refuse(host, "unix:// must be followed by an absolute path");
        return where;
    }
    if (host.contains("://") && !host.starts_with(tcp_scheme))
        return refuse(host, "unix:///path and tcp://host:port are understood");

    // Any text means yes, "0" too: so the Docker CLI reads it.
    const bool with_tls = !variable("DOCKER_TLS_VERIFY").empty();
    where.transport = with_tls ? endpoint::kind::tls : endpoint::kind::tcp;
    where.port = with_tls ? tls_port : plain_port;
    if (with_tls) {
        where.certificate_directory = variable("DOCKER_CERT_PATH");
        if (where.certificate_directory.empty())
            where.certificate_directory = config_directory;
    }
    const auto rest = host.starts_with(tcp_scheme) ? host.substr(tcp_scheme.size()) : host;
    auto read = read_host_and_port(host, rest, where);
    if (!read)
        return std::unexpected(read.error());
    return where;
}

std::string text_of(const endpoint& where)
{
    if (where.transport == endpoint::kind::unix_socket)
        return std::string(unix_scheme) + where.address;
    const bool v6 = where.address.contains(':');
    const auto host = v6 ? "[" + where.address + "]" : where.address;
    const auto text = std::string(tcp_scheme) + host + ":" + std::to_string(where.port);
    return where.transport == endpoint::kind::tls ? text + " with TLS" : text;
}

}  // namespace gantryd::docker
