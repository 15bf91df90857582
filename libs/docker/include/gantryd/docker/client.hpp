#pragma once
#include <gantryd/docker/engine.hpp>

#include <memory>
#include <string>

namespace gantryd::docker {

/// Where the engine is and how to reach it.
struct endpoint {
    enum class kind { unix_socket, tcp, tls };
    kind transport = kind::unix_socket;
    std::string address = "/var/run/docker.sock";  ///< path of the socket, or host
    std::uint16_t port = 0;
    std::string certificate_directory;  ///< tls: ca.pem, cert.pem, key.pem
    bool verify_peer = true;
    std::string config_file;  ///< the Docker CLI's config.json, for registry credentials; may not exist
};

/// What the operator's environment says: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH, DOCKER_CONFIG,
/// HOME. `variable(name)` gives a variable's value, empty when it is not set. Errors: rejected (DOCKER_HOST
/// of an unknown scheme, or no port).
base::result<endpoint> endpoint_from_environment(const std::function<std::string(const char*)>& variable);

/// "unix:///var/run/docker.sock", "tcp://127.0.0.1:2375": for messages.
std::string text_of(const endpoint& where);

/// Errors: rejected (TLS files that cannot be read). `clk` must outlive the engine.
base::result<std::unique_ptr<engine>> make_engine(endpoint where, runtime::clock& clk);

}  // namespace gantryd::docker
