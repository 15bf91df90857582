#include "server.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string_view>

namespace demo {
namespace {

std::string_view variable(const char* name)
{
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): there is one thread
    return value == nullptr ? std::string_view{} : value;
}

/// Reads the variable into `out`, which keeps its value when the variable is not set.
/// False, with a line on stderr, when it is no number from 0 to `most`.
bool read_number(const char* name, int most, std::optional<int>& out)
{
    const auto text = variable(name);
    if (text.empty())
        return true;
    int value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size() || value < 0 || value > most) {
        std::fprintf(stderr, "demo_server: %s must be a number from 0 to %d\n", name, most);
        return false;
    }
    out = value;
    return true;
}

}  // namespace

std::optional<settings> settings_from_environment()
{
    constexpr auto any = std::numeric_limits<int>::max();
    settings how;
    std::optional<int> port = how.port;
    std::optional<int> echo_port = how.echo_port;
    std::optional<int> start_delay = 0;
    std::optional<int> exit_after = 0;
    const bool readable = read_number("PORT", 65535, port) && read_number("ECHO_PORT", 65535, echo_port) &&
                          read_number("START_DELAY_MS", any, start_delay) &&
                          read_number("EXIT_CODE", 255, how.exit_code) &&
                          read_number("EXIT_AFTER_MS", any, exit_after);
    if (!readable)
        return std::nullopt;
    if (!variable("VERSION").empty())
        how.version = variable("VERSION");
    how.port = static_cast<std::uint16_t>(*port);
    how.echo_port = static_cast<std::uint16_t>(*echo_port);
    how.start_delay = std::chrono::milliseconds(*start_delay);
    how.exit_after = std::chrono::milliseconds(*exit_after);
    how.ignore_term = variable("IGNORE_TERM") == "1";
    how.unhealthy = variable("UNHEALTHY") == "1";
    how.log_line = variable("LOG");
    return how;
}

}  // namespace demo
