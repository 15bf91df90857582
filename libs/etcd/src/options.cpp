#include <gantryd/etcd/etcd_store.hpp>

#include <gantryd/base/number.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace gantryd::etcd {
namespace {

using base::errc;
using base::fail;
using base::result;

constexpr std::string_view plain_scheme = "http://";
constexpr std::string_view tls_scheme = "https://";

/// What may stand in a host: a name, an IPv4 or, in brackets, an IPv6 address.
bool is_host(std::string_view text)
{
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                   "0123456789.-_:%") == std::string_view::npos;
}

/// Not the text itself: somebody may have written a password into it.
std::unexpected<base::error> refuse(std::size_t number, std::string_view why)
{
    return fail(errc::rejected, "etcd endpoint " + std::to_string(number) + ": " + std::string(why) +
                                    " (expected host, host:port, http://host:port or https://host:port)");
}

result<endpoint> parse_endpoint(
    std::string_view text, std::size_t number, std::uint16_t port, bool tls_by_default)
{
    endpoint out;
    out.port = port;
    out.with_tls = tls_by_default;
    if (text.starts_with(tls_scheme) || text.starts_with(plain_scheme)) {
        out.with_tls = text.starts_with(tls_scheme);
        text.remove_prefix(out.with_tls ? tls_scheme.size() : plain_scheme.size());
    } else if (text.contains("://")) {
        return refuse(number, "the scheme is neither http nor https");
    }
    while (text.ends_with('/'))
        text.remove_suffix(1);

    std::string_view behind;
    if (text.starts_with('[')) {
        const auto bracket = text.find(']');
        if (bracket == std::string_view::npos)
            return refuse(number, "a bracket is not closed");
        behind = text.substr(bracket + 1);
        text = text.substr(1, bracket - 1);
    } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        behind = text.substr(colon);
        text = text.substr(0, colon);
    }
    if (!is_host(text))
        return refuse(number, "no host");
    out.host = std::string(text);
    if (behind.empty())
        return out;
    const auto given =
        behind.starts_with(':') ? base::number_in<std::uint16_t>(behind.substr(1)) : std::nullopt;
    if (!given || *given == 0)
        return refuse(number, "no port from 1 to 65535 after the host");
    out.port = *given;
    return out;
}

/// As Go's strconv.ParseBool, which etcdctl reads its flags with; an empty one is not set.
std::optional<bool> truth_of(std::string_view text)
{
    constexpr std::array<std::string_view, 6> yes{"1", "t", "T", "true", "TRUE", "True"};
    constexpr std::array<std::string_view, 7> no{"", "0", "f", "F", "false", "FALSE", "False"};
    if (std::ranges::find(yes, text) != yes.end())
        return true;
    return std::ranges::find(no, text) != no.end() ? std::optional(false) : std::nullopt;
}

result<void> read_user(options& into, const std::string& user, const std::string& password)
{
    if (user.empty())
        return {};
    into.user = user;
    into.password = password;
    if (!password.empty())
        return {};
    const auto colon = user.find(':');
    if (colon == std::string::npos)
        return fail(errc::rejected, "ETCDCTL_USER names a user without a password: set ETCDCTL_PASSWORD, or "
                                    "ETCDCTL_USER=name:password (gantryd cannot ask for it)");
    into.user = user.substr(0, colon);
    into.password = user.substr(colon + 1);
    return {};
}

}  // namespace

std::string text_of(const endpoint& where)
{
    const auto host = where.host.contains(':') ? "[" + where.host + "]" : where.host;
    return std::string(where.with_tls ? tls_scheme : plain_scheme) + host + ":" + std::to_string(where.port);
}

result<options> parse_options(
    std::string_view endpoints, std::uint16_t port, const std::function<std::string(const char*)>& variable)
{
    options out;
    out.tls.ca_file = variable("ETCDCTL_CACERT");
    out.tls.certificate_file = variable("ETCDCTL_CERT");
    out.tls.key_file = variable("ETCDCTL_KEY");
    const auto any = truth_of(variable("ETCDCTL_INSECURE_SKIP_TLS_VERIFY"));
    if (!any)
        return fail(errc::rejected, "ETCDCTL_INSECURE_SKIP_TLS_VERIFY: expected true or false");
    out.tls.verify_peer = !*any;
    const bool has_certificates = !out.tls.ca_file.empty() || !out.tls.certificate_file.empty();
    if (auto read = read_user(out, variable("ETCDCTL_USER"), variable("ETCDCTL_PASSWORD")); !read)
        return std::unexpected(read.error());

    for (std::size_t number = 1;; ++number) {
        const auto comma = endpoints.find(',');
        auto one = endpoints.substr(0, comma);
        while (one.starts_with(' '))
            one.remove_prefix(1);
        while (one.ends_with(' '))
            one.remove_suffix(1);
        auto parsed = parse_endpoint(one, number, port, has_certificates);
        if (!parsed)
            return std::unexpected(parsed.error());
        out.endpoints.push_back(std::move(*parsed));
        if (comma == std::string_view::npos)
            return out;
        endpoints.remove_prefix(comma + 1);
    }
}

}  // namespace gantryd::etcd
