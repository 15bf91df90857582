#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/model/ids.hpp>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

namespace gantryd::socket_table {

/// One live TCP connection that somebody outside made to a container.
struct connection {
    std::uint16_t port = 0;  ///< the container's
    std::string peer;        ///< numeric address of the other end
    std::uint16_t peer_port = 0;
    bool ours = false;  ///< one of question::ours holds the other end, used or idle

    friend bool operator==(const connection&, const connection&) = default;
};

/// Whose connections are asked for.
struct question {
    model::container_id container;
    std::int64_t pid = 0;              ///< of its first process, as the engine counts
    std::vector<std::uint16_t> ports;  ///< counted even when nobody listens there any more
    std::vector<pid_t> ours;           ///< processes of this machine whose connections are told apart
};

/// The kernel's tables of TCP sockets, one for every network namespace: they know of every connection to a
/// container, whatever way it came.
class table {
public:
    virtual ~table() = default;

    /// The live connections to every port on which the container listens, listened at an earlier call, or
    /// that the question names. Connections from the container to itself are not among them, nor those whose
    /// other end is a process of this machine that has closed its end: nobody waits there.
    ///
    /// Asks the kernel and waits for nobody: a millisecond or two, some ten with thousands of connections.
    /// To look up whose they are is spread over several calls when there are many.
    /// Errors: rejected (it can never tell for this container; the sentence says why), unavailable (not this
    /// time, ask again).
    virtual base::result<std::vector<connection>> clients_of(const question& what) = 0;

    /// Forgets all other containers. What is kept for one keeps its network namespace alive.
    virtual void keep_only(const std::set<model::container_id>& these) = 0;
};

/// The kernel's own. Needs CAP_SYS_ADMIN to look into another network namespace, and CAP_SYS_PTRACE for the
/// processes of other users.
std::unique_ptr<table> make_table();

}  // namespace gantryd::socket_table
