#pragma once
#include <gantryd/planner/world.hpp>

#include <optional>
#include <string>
#include <vector>

namespace gantryd::planner {

/// One way through the proxy to an instance: an external port or a component link.
struct frontend {
    model::route_id id;
    std::string bind;        ///< empty while the link's address is not known
    std::uint16_t port = 0;  ///< of the machine; 0 while the link has none
    std::uint16_t container = 0;
    model::port_kind kind = model::port_kind::tcp;
    bool is_link = false;
};

/// Name of the route of a link: "db_link". No route of a port is called so: those end in a number or an
/// address.
model::route_id route_of(const model::link_export& link);

/// Where running exporters of the link reach the machine: as known already while that is true of one of them,
/// else as the newest one tells; empty when none runs.
std::string host_of(const world& in, const std::string& link);

/// Where the link is, as far as known: its port may be 0, its host empty.
link_address address_of(const world& in, const std::string& link);

/// All frontends of a component with this spec: its external ports, then its links.
std::vector<frontend> frontends_of(const world& in, const model::component_spec& spec);

/// True when this frontend was read back as sending the instance traffic.
bool is_serving_through(const world& in, const instance& of, const frontend& through);

/// Who defines a link, and how.
struct link_exporter {
    const component* who = nullptr;
    model::link_export link;
};

/// The component that serves the link, else the one whose release to run defines it, else one that has a
/// container which does; nothing when this daemon knows of none.
std::optional<link_exporter> exporter_of(const world& in, const std::string& link);

/// True when traffic to the link reaches an instance, as read back from the proxy.
bool is_link_served(const world& in, const std::string& link);

/// The variables that tell a container with this spec where its required links are: DB_CLINK and its parts.
/// Nothing while the address of one of them is not known.
std::optional<std::vector<model::environment_variable>> link_variables(
    const world& in, const model::component_spec& importer);

}  // namespace gantryd::planner
