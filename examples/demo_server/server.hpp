#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace demo {

/// How one container behaves: read from its environment.
struct settings {
    std::string version = "dev";              ///< VERSION: what GET / answers
    std::uint16_t port = 8080;                ///< PORT: HTTP
    std::uint16_t echo_port = 8081;           ///< ECHO_PORT: every byte comes back
    std::chrono::milliseconds start_delay{};  ///< START_DELAY_MS: until it listens
    std::optional<int> exit_code;             ///< EXIT_CODE: ends by itself with this code ..
    std::chrono::milliseconds exit_after{};   ///< EXIT_AFTER_MS: .. this long after its start
    bool ignore_term = false;                 ///< IGNORE_TERM=1: SIGTERM does nothing
    bool unhealthy = false;                   ///< UNHEALTHY=1: GET /health answers 503 from the start
    std::string log_line;                     ///< LOG: printed at the start
};

/// None, with a line on stderr, when a number is not one.
std::optional<settings> settings_from_environment();

/// Serves until SIGTERM or SIGINT, or until it is told to end. Returns the exit code.
int serve(const settings& how);

}  // namespace demo
