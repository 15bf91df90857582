#include "scene.hpp"

#include "traffic.hpp"

#include <gantryd/base/environment.hpp>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gantryd::benchmark {

using namespace std::chrono_literals;
namespace json = boost::json;

double median(std::vector<double> values)
{
    std::ranges::sort(values);
    const auto n = values.size();
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

milliseconds until(clock::time_point from, const std::function<bool()>& is_there, std::chrono::seconds limit)
{
    for (auto next = clock::now(); !is_there(); std::this_thread::sleep_until(next += 2ms))
        if (clock::now() - from > limit)
            throw std::runtime_error("nothing came within " + std::to_string(limit.count()) + " seconds");
    return clock::now() - from;
}

void expect_done(const integration::finished& what)
{
    if (what.exit_code != 0)
        throw std::runtime_error(what.both());
}

json::object component(const std::string& name, const std::string& tag, std::uint16_t port)
{
    const json::object check{{"kind", "http"}, {"port", 8080}, {"path", "/health"}};
    return {{"name", name}, {"repo", tag}, {"tag", "latest"},
        {"ports", json::array{json::object{{"external", port}, {"container", 8080}, {"kind", "http"}}}},
        {"readyChecks", json::array{check}}, {"healthChecks", json::array{check}}};
}

std::string project_of(json::array components)
{
    return json::serialize(json::object{{"components", std::move(components)}});
}

answer ask_quickly(const std::string& address, std::uint16_t port)
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    ::inet_pton(AF_INET, address.c_str(), &to.sin_addr);
    std::string text;
    const auto give_up = clock::now() + 10ms;
    const auto wait_for = [&](short what) {
        pollfd p{fd, what, 0};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - clock::now()).count();
        return left > 0 && ::poll(&p, 1, static_cast<int>(left)) == 1 && (p.revents & what) != 0;
    };
    (void)::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to);
    if (wait_for(POLLOUT)) {
        const std::string ask = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
        (void)::send(fd, ask.data(), ask.size(), MSG_NOSIGNAL);
        char buffer[4096];
        while (wait_for(POLLIN)) {
            const auto n = ::recv(fd, buffer, sizeof buffer, 0);
            if (n <= 0)
                break;
            text.append(buffer, static_cast<std::size_t>(n));
        }
    }
    ::close(fd);
    answer out;
    const auto body = text.find("\r\n\r\n");
    if (!text.starts_with("HTTP/1.1 200") || body == std::string::npos)
        return out;
    out.version = text.substr(body + 4, text.find('\n', body + 4) - body - 4);
    const std::string header = "x-instance: ";
    if (const auto at = text.find(header); at != std::string::npos)
        out.instance = text.substr(at + header.size(), text.find("\r\n", at) - at - header.size());
    return out;
}

namespace {

/// Short: the path of a socket under it is limited to 107 characters.
std::filesystem::path root()
{
    const auto of_tests = base::environment_variable("GANTRYD_TEST_ROOT");
    return of_tests.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(of_tests);
}

}  // namespace

scene::scene(std::string project, const std::string& project_file)
    : project_(std::move(project)),
      directory_(root() / ("gantryd-bench-" + project_))
{
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    configure(project_file);
}

scene::~scene()
{
    if (daemon_ && daemon_->running()) {
        daemon_->send(SIGTERM);
        (void)daemon_->wait(10s);
    }
    daemon_.reset();
    if (const auto proxy = integration::pid_in_file(directory_ / "haproxy" / "haproxy.pid"))
        if (integration::text_of_file("/proc/" + std::to_string(*proxy) + "/cmdline")
                .contains(directory_.string())) {
            ::kill(*proxy, SIGTERM);
            for (int i = 0; i < 500 && integration::process_runs(*proxy); ++i)
                std::this_thread::sleep_for(10ms);
        }
    docker_.remove_containers(project_);
    std::filesystem::remove_all(directory_);
}

void scene::configure(const std::string& project_file) const
{
    const auto path = directory_ / "project.json";
    std::ofstream(path) << project_file;
    expect_done(gantryd({"setconfig", project_, path.string()}));
}

integration::finished scene::gantryd(std::vector<std::string> words) const
{
    words.insert(words.begin(), GANTRYD_PROGRAM);
    return integration::run(std::move(words), variables(), 150s);
}

std::unique_ptr<integration::program> scene::begin_gantryd(
    std::vector<std::string> words, const std::string& output) const
{
    words.insert(words.begin(), GANTRYD_PROGRAM);
    return std::make_unique<integration::program>(std::move(words), directory_ / output, variables());
}

std::optional<pid_t> scene::proxy_master() const
{
    const auto pid = integration::pid_in_file(directory_ / "haproxy" / "haproxy.pid");
    return pid && integration::process_runs(*pid) ? pid : std::nullopt;
}

std::size_t scene::proxy_processes() const
{
    return integration::processes_with((directory_ / "haproxy").string()).size();
}

void scene::start_daemon()
{
    const auto logged = daemon_log().size();
    daemon_ = std::make_unique<integration::program>(
        std::vector<std::string>{GANTRYD_PROGRAM, "run", project_}, directory_ / "daemon.log", variables());
    (void)until(
        clock::now(), [&] { return daemon_log().find("desired state read", logged) != std::string::npos; });
}

void scene::kill_daemon()
{
    daemon_->send(SIGKILL);
    (void)daemon_->wait(10s);
    daemon_.reset();
}

}  // namespace gantryd::benchmark
