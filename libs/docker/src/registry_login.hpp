#pragma once
#include "credentials.hpp"

#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>

namespace gantryd::docker {

/// What was found for a registry, and what an operator should know when the registry refuses it.
struct login_lookup {
    std::optional<registry_login> login;
    std::string note;  ///< why there is none; empty when nothing is wrong
};

/// The login for `registry` from the Docker CLI's config file, or from the credential helper that it names.
/// Never fails: most images need no login. The file is read each time, so that `docker login` works at once.
/// Cancellation: terminal; the helper is killed.
boost::asio::awaitable<login_lookup> look_up_login(
    runtime::clock& clk, std::string config_file, std::string registry, runtime::time_point deadline);

}  // namespace gantryd::docker
