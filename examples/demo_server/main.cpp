#include "load.hpp"
#include "server.hpp"

#include <csignal>
#include <cstdio>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view usage = R"(usage: demo_server
       demo_server --load http://ADDRESS:PORT/PATH [--seconds N] [--connections N] [--pause-ms N]

Without arguments: a small HTTP and echo server, set up by its environment.
  VERSION         what GET / answers (dev)         START_DELAY_MS  listens only after this time
  PORT            HTTP (8080)                      EXIT_CODE       ends by itself with this code ..
  ECHO_PORT       raw TCP echo (8081)              EXIT_AFTER_MS   .. after this time (0)
  UNHEALTHY=1     GET /health answers 503          IGNORE_TERM=1   does nothing on SIGTERM
  LOG             a line to print at the start
  GET /, /health, /slow?ms=N, /env?NAME   POST /fail, /quit, /crash?code=N   Upgrade: echo

With --load: keeps requests going for N seconds (10), or until SIGTERM or SIGINT, half of them on new
connections, and reports what came back. Exit code 1 when a request failed.
)";

std::atomic<bool> stop_load = false;

void stop_on_signal(int) { stop_load = true; }

std::optional<int> number_of(std::string_view text)
{
    int value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size() || value < 0)
        return std::nullopt;
    return value;
}

bool read_url(std::string_view url, demo::load_options& options)
{
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme))
        return false;
    url.remove_prefix(scheme.size());
    const auto slash = url.find('/');
    options.path = slash == std::string_view::npos ? "/" : url.substr(slash);
    const auto host = url.substr(0, slash);
    const auto colon = host.find(':');
    options.address = host.substr(0, colon) == "localhost" ? "127.0.0.1" : host.substr(0, colon);
    if (colon == std::string_view::npos)
        return true;
    const auto port = number_of(host.substr(colon + 1));
    options.port = static_cast<std::uint16_t>(port.value_or(0));
    return port && *port > 0 && *port < 65536;
}

void print(const demo::load_report& report)
{
    std::printf("requests %lld\nfailed %lld\nslowest_ms %.1f\n", static_cast<long long>(report.requests),
        static_cast<long long>(report.failed), static_cast<double>(report.slowest.count()) / 1000);
    for (const auto& [line, count] : report.seen)
        std::printf("seen %s %lld\n", line.c_str(), static_cast<long long>(count));
    for (const auto& line : report.failures)
        std::printf("failure %s\n", line.c_str());
}

int load(const demo::load_options& options, int seconds)
{
    std::signal(SIGTERM, stop_on_signal);
    std::signal(SIGINT, stop_on_signal);
    std::signal(SIGALRM, stop_on_signal);
    ::alarm(static_cast<unsigned>(seconds));
    const auto report = demo::run_load(options, stop_load);
    print(report);
    return report.failed == 0 ? 0 : 1;
}

int refuse()
{
    std::fputs(usage.data(), stderr);
    return 2;
}

}  // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string_view> words(argv + 1, argv + argc);
    if (words.empty()) {
        const auto how = demo::settings_from_environment();
        return how ? demo::serve(*how) : 2;
    }
    if (words[0] != "--load" || words.size() % 2 != 0)
        return refuse();
    demo::load_options options;
    int seconds = 10;
    if (!read_url(words[1], options))
        return refuse();
    for (std::size_t i = 2; i < words.size(); i += 2) {
        const auto value = number_of(words[i + 1]);
        if (!value)
            return refuse();
        if (words[i] == "--seconds")
            seconds = *value;
        else if (words[i] == "--connections")
            options.connections = *value;
        else if (words[i] == "--pause-ms")
            options.pause = std::chrono::milliseconds(*value);
        else
            return refuse();
    }
    return load(options, seconds);
}
