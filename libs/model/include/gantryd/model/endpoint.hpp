#pragma once
#include <gantryd/model/component.hpp>
#include <gantryd/model/release.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace gantryd::model {

/// An instance that takes traffic, for whoever looks for one: a balancer before the machines, a list of
/// names.
struct endpoint {
    struct port {
        std::uint16_t external = 0;   ///< of the machine
        std::uint16_t container = 0;  ///< of the container
        port_kind kind = port_kind::tcp;

        friend bool operator==(const port&, const port&) = default;
    };

    release_number release{};
    std::string address;    ///< where other machines reach its machine; empty: not known
    std::string container;  ///< the container's own address, on its machine
    std::vector<port> ports;

    friend bool operator==(const endpoint&, const endpoint&) = default;
};

}  // namespace gantryd::model
