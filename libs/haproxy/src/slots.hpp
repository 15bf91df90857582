#pragma once
#include "runtime_api.hpp"

#include <gantryd/haproxy/proxy.hpp>

#include <string>
#include <vector>

namespace gantryd::haproxy {

/// True when the worker has every route's backend and every slot of it.
bool has_every_slot(const worker_report& worker, const std::vector<haproxy_config::route>& wanted);

/// The runtime commands that make the worker's slots equal to `wanted`; none when they are. Slots that begin
/// to serve come first, so that a backend is never without a server in between.
///
/// A slot that serves on another address switches without maintenance in between: HAProxy does it at once and
/// drops the idle connections to the old address, while with maintenance a backend with one server would
/// answer 503 for that moment. Preconditions: has_every_slot(); haproxy_config::problem_in() has none for the
/// routes.
std::vector<std::string> commands_for(
    const worker_report& worker, const std::vector<haproxy_config::route>& wanted);

/// What runs, by route. Sessions of an old worker count for the server that has the same address in the same
/// route now: a slot's number means nothing there, because it may have got another address since. A route
/// that only old workers have is told of as one that drains, as long as it has sessions.
proxy_view make_view(
    pid_t master, const worker_report& current, const std::vector<worker_report>& old_workers);

/// The positions of routes in the order in which they get their ports, where several ask for the same one, as
/// when a port moves to another component. What is served and goes on comes first: a newcomer must not cut it
/// off. What has only drains left comes last: its port is missed by nobody, and its clients are finished by
/// the old worker.
std::vector<std::size_t> order_of_claims(
    const std::vector<haproxy_config::route>& wanted, const std::vector<haproxy_config::route>& served);

/// Why the new table needs a reload: "new external port 8888". For the log.
std::string reload_reason(
    const std::vector<haproxy_config::route>& before, const std::vector<haproxy_config::route>& after);

}  // namespace gantryd::haproxy
