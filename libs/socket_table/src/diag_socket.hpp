#pragma once
#include "diag_message.hpp"

#include <gantryd/base/descriptor.hpp>
#include <gantryd/base/error.hpp>

#include <optional>
#include <string>
#include <vector>

namespace gantryd::socket_table {

/// Asks the kernel for the TCP sockets of one network namespace. The kernel makes its answer while it is
/// read, so nothing here waits.
class diag_socket {
public:
    /// For our own namespace. Errors: rejected.
    static base::result<diag_socket> here();

    /// For another one. Errors: rejected.
    static base::result<diag_socket> in(int network_namespace);

    /// All that listen or are live. After an error it is of no use any more. Errors: malformed, unavailable,
    /// limit_exceeded.
    base::result<std::vector<socket_record>> list();

    /// The socket between these two, whatever its state. Errors: malformed, unavailable.
    base::result<std::optional<socket_record>> find(const endpoint& local, const endpoint& peer);

private:
    explicit diag_socket(base::descriptor netlink) : netlink_(std::move(netlink)) {}
    base::result<void> exchange(const std::string& request, answer& into) const;

    base::descriptor netlink_;
    std::uint32_t sequence_ = 0;
};

}  // namespace gantryd::socket_table
