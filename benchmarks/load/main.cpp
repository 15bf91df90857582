#include "load/driver.hpp"

#include <gantryd/base/number.hpp>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include <exception>
#include <string>
#include <string_view>

namespace {

using namespace gantryd;

std::atomic<bool> stopped = false;

void stop_on_signal(int) { stopped = true; }

/// "http://ADDRESS:PORT/PATH" into the options. "" or what is wrong with it.
std::string read_url(std::string_view url, load::options& into)
{
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme))
        return "it must begin with " + std::string(scheme);
    url.remove_prefix(scheme.size());
    const auto slash = url.find('/');
    into.requests.path = slash == std::string_view::npos ? "/" : url.substr(slash);
    const auto host = url.substr(0, slash);
    const auto colon = host.find(':');
    into.address = host.substr(0, colon) == "localhost" ? "127.0.0.1" : host.substr(0, colon);
    if (colon == std::string_view::npos)
        return "";
    const auto port = base::number_in<decltype(into.port)>(host.substr(colon + 1));
    if (!port)
        return "its port is no number";
    into.port = *port;
    return "";
}

/// The options that are not stored as they are typed.
struct typed {
    double seconds = 10;
    double stream_seconds = 0;
    std::int64_t timeout_ms = 10'000;
    std::int64_t late_ms = 1'000;
    bool as_json = false;
};

load::milliseconds from_seconds(double seconds)
{
    return std::chrono::duration_cast<load::milliseconds>(std::chrono::duration<double>(seconds));
}

void add_options(CLI::App& to, load::options& into, typed& other)
{
    auto& requests = into.requests;
    auto& streams = into.streams;
    to.add_option_function<std::string>(
          "url",
          [&into](const std::string& url) {
              if (const auto problem = read_url(url, into); !problem.empty())
                  throw CLI::ValidationError("url", problem);
          },
          "http://ADDRESS:PORT/PATH, the address numeric")
        ->required();
    to.add_option("--rate", requests.rate, "Requests per second; 0 for none")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    to.add_option("--keep-alive", requests.keep_alive_percent, "Percent of them over kept connections")
        ->check(CLI::Range(0, 100))
        ->capture_default_str();
    to.add_option("--connections", requests.connections, "Kept connections, used in turn")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    to.add_option("--post", requests.post_bytes, "POST so many bytes instead of GET");
    to.add_option("--timeout-ms", other.timeout_ms, "A later answer is a failure")->capture_default_str();
    to.add_option("--late-ms", other.late_ms, "A later answer is counted as late")->capture_default_str();
    to.add_option("--count", requests.count, "Ends after so many requests");
    to.add_option("--seconds", other.seconds, "Ends after this time; 0: on SIGINT or SIGTERM")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    to.add_option("--tcp-streams", streams.tcp, "Raw echo streams at the same time")
        ->check(CLI::Range(0, 10'000));
    to.add_option("--tcp-port", streams.tcp_port, "Their port");
    to.add_option("--upgraded-streams", streams.upgraded, "Streams that begin as HTTP, `Upgrade: echo`")
        ->check(CLI::Range(0, 10'000));
    to.add_option(
        "--stream-seconds", other.stream_seconds, "How long a stream lives before another takes its place");
    to.add_flag("--json", other.as_json, "Report as JSON");
}

}  // namespace

int main(int argc, char** argv)
try {
    load::options what;
    typed other;
    CLI::App cli("Sends requests at a fixed rate, keeps echo streams open, and reports what was lost. Exit "
                 "code 1 when something was.");
    add_options(cli, what, other);
    try {
        cli.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return cli.exit(e) == 0 ? 0 : 2;
    }
    what.duration = from_seconds(other.seconds);
    what.streams.life = from_seconds(other.stream_seconds);
    what.requests.answer_within = load::milliseconds(other.timeout_ms);
    what.requests.late_after = load::milliseconds(other.late_ms);

    std::signal(SIGTERM, stop_on_signal);
    std::signal(SIGINT, stop_on_signal);
    load::raise_file_limit();
    const auto report = load::run(what, stopped);
    std::fputs(
        other.as_json ? (load::json_of(report) + "\n").c_str() : load::table_of(report).c_str(), stdout);
    const auto problems = load::problems_in(report);
    for (const auto& line : problems)
        fmt::print(stderr, "load_driver: {}\n", line);
    return problems.empty() ? 0 : 1;
} catch (const std::exception& e) {
    std::fprintf(stderr, "load_driver: %s\n", e.what());
    return 1;
}
