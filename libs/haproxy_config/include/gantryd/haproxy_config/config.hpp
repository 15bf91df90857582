#pragma once
#include <gantryd/model/component.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::haproxy_config {

/// What a server slot of a route is to do.
enum class slot_mode {
    empty,     ///< nothing there: 127.0.0.1:1, in maintenance
    serving,   ///< takes traffic
    draining,  ///< takes no new traffic, keeps what it has
};

/// One pre-declared server of a backend. Slots are named s1, s2, .. by their position.
struct slot {
    slot_mode mode = slot_mode::empty;
    std::string address = "127.0.0.1";  ///< numeric
    std::uint16_t port = 1;

    friend bool operator==(const slot&, const slot&) = default;
};

/// One external port, its frontend and its backend.
struct route {
    model::route_id id;  ///< safe in HAProxy's files and commands: [A-Za-z0-9_.-]
    std::string bind = "0.0.0.0";
    std::uint16_t port = 0;
    model::port_kind kind = model::port_kind::tcp;
    std::vector<slot> slots;

    friend bool operator==(const route&, const route&) = default;
};

/// What does not come from project files.
struct settings {
    std::string admin_socket;     ///< path of the runtime API's socket
    std::string handover_socket;  ///< path: there a worker takes requests of the one before it
    std::chrono::seconds hard_stop_after{86'400};
    int max_connections =
        20'000;  ///< an upper bound: HAProxy takes fewer where the limit of open files asks for it
};

/// The address as inet_ntop() writes it, which is how HAProxy shows it; empty when it is not a numeric one.
std::string canonical_address(std::string_view address);

/// "10.0.0.1:80", "[fd00::1]:80": the form that HAProxy reads in a file.
std::string with_port(std::string_view address, std::uint16_t port);

/// Why these values must not get into a file or a command, as a sentence; empty when they may. Everything
/// that it lets through is free of spaces, quotes, ';' and control characters.
std::string problem_in(const settings& global, const std::vector<route>& routes);

/// The whole haproxy.cfg, routes in the order of their ids. Its first lines carry structure_hash(), and so
/// does its `description`, so that the file and the running process both tell what they are. Precondition:
/// problem_in() has none.
std::string render(const settings& global, const std::vector<route>& routes);

/// Equal for two tables that differ only in what the runtime API can change: address, port and mode of slots.
std::string structure_hash(const settings& global, const std::vector<route>& routes);

/// The hash that render() wrote into a file's text; empty when it is not such a file.
std::string hash_in(std::string_view config_text);

/// The `description` of a process that runs a file with this hash; `show info` tells it.
std::string description_of(std::string_view hash);

/// The routes of a text that render() wrote. Lines that it does not know are passed over.
std::vector<route> routes_in(std::string_view config_text);

}  // namespace gantryd::haproxy_config
