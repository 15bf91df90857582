#pragma once
#include <gantryd/http/dial.hpp>
#include <gantryd/store/store.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::etcd {

/// A member's client address.
struct endpoint {
    std::string host;
    std::uint16_t port = 2379;
    bool with_tls = false;

    friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// "http://10.0.0.7:2379".
std::string text_of(const endpoint& where);

struct options {
    std::vector<endpoint> endpoints;  ///< at least one; all of one cluster
    http::tls_options tls;            ///< for those endpoints that ask for it
    std::string user;                 ///< empty: none
    std::string password;

    /// A watch that has said nothing for so long, and at random up to a third more, is looked after with a
    /// question about its keys; one that says something, after a third more.
    runtime::duration silence = std::chrono::seconds(45);
    /// For how long watchers wait for a watch that is broken, before they are told that etcd is away.
    runtime::duration patience = std::chrono::seconds(6);
};

/// `endpoints` as `etcdctl --endpoints` takes them: separated by commas, each with or without a scheme and a
/// port. An endpoint without a port has `port`; one without a scheme has TLS when a CA or a certificate is
/// given. The rest is what `variable` says of etcdctl's own environment: ETCDCTL_CACERT, ETCDCTL_CERT,
/// ETCDCTL_KEY, ETCDCTL_INSECURE_SKIP_TLS_VERIFY, ETCDCTL_USER ("name" or "name:password") and
/// ETCDCTL_PASSWORD.
/// Errors: rejected (the sentence names what is wrong, and never a password).
base::result<options> parse_options(
    std::string_view endpoints, std::uint16_t port, const std::function<std::string(const char*)>& variable);

/// The store in an etcd v3 cluster (3.4 to 3.6), through the members' HTTP gateway.
///
/// Every question is linearizable and asks for a leader. A call that was certainly not carried out is tried
/// with the other members, for some seconds and not beyond its deadline. A commit() whose answer is lost is
/// `timed_out` at once: nobody knows whether it happened.
///
/// All watchers share one stream, and those of one prefix share what comes out of it. A stream that breaks
/// goes on with another member, where it stopped; `compacted` also says that etcd was put back from a backup,
/// or that it lost events. While no next() is under way nothing is read.
///
/// Errors: rejected (no endpoint, or certificates that cannot be read). `clk` must outlive the store.
base::result<std::unique_ptr<store::store>> open(options what, runtime::clock& clk);

}  // namespace gantryd::etcd
