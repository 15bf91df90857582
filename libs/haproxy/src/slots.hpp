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
/// route now: a slot's number means nothing there, because it may have got another address since.
proxy_view make_view(
    pid_t master, const worker_report& current, const std::vector<worker_report>& old_workers);

/// Why the new table needs a reload: "new external port 8888". For the log.
std::string reload_reason(
    const std::vector<haproxy_config::route>& before, const std::vector<haproxy_config::route>& after);

}  // namespace gantryd::haproxy
