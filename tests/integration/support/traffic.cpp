#include "traffic.hpp"

#include "wait.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <random>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

namespace gantryd::integration {
namespace {

using steady = std::chrono::steady_clock;

sockaddr_in address_of(std::uint32_t host, std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(host);
    address.sin_port = htons(port);
    return address;
}

/// A listening socket on every address of the machine; -1 when the port is taken.
int listen_on(std::uint16_t port)
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;  // connections in TIME_WAIT hold nobody up, as with HAProxy
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const auto address = address_of(INADDR_ANY, port);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && ::listen(fd, 16) == 0)
        return fd;
    ::close(fd);
    return -1;
}

/// Connecting is sending, too. 0 for no limit.
void limit_sending(int fd, time_t seconds)
{
    const timeval limit{.tv_sec = seconds, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

reply reply_of(const std::string& text)
{
    reply out;
    const auto head_end = text.find("\r\n\r\n");
    std::istringstream head(text.substr(0, head_end));
    std::string version;
    head >> version >> out.status;
    std::string line;
    std::getline(head, line);
    while (std::getline(head, line)) {
        const auto colon = line.find(": ");
        if (colon == std::string::npos)
            continue;
        auto name = line.substr(0, colon);
        std::ranges::transform(
            name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        out.headers[name] = line.substr(colon + 2, line.find('\r') - colon - 2);
    }
    out.body = head_end == std::string::npos ? "" : text.substr(head_end + 4);
    return out;
}

}  // namespace

std::optional<connection> connection::to(std::uint16_t port, const std::string& address)
{
    in_addr numeric{};
    if (::inet_pton(AF_INET, address.c_str(), &numeric) != 1)
        return std::nullopt;
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto peer = address_of(ntohl(numeric.s_addr), port);
    limit_sending(fd, 5);  // the kernel by itself tries for two minutes when nothing comes back
    const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) == 0;
    limit_sending(fd, 0);
    if (connected)
        return connection(fd);
    ::close(fd);
    return std::nullopt;
}

std::optional<connection> connection::to(const std::string& socket_path)
{
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return connection(fd);
    ::close(fd);
    return std::nullopt;
}

connection::connection(connection&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

connection::~connection()
{
    if (fd_ >= 0)
        ::close(fd_);
}

bool connection::send(std::string_view text)
{
    return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

std::string connection::receive(std::size_t size, std::chrono::milliseconds limit)
{
    const auto end = steady::now() + limit;
    std::string text;
    std::array<char, 4096> bytes;
    while (text.size() < size) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady::now()).count();
        pollfd watched{.fd = fd_, .events = POLLIN, .revents = 0};
        if (left <= 0 || ::poll(&watched, 1, static_cast<int>(left)) != 1)
            break;
        const auto n = ::recv(fd_, bytes.data(), std::min(bytes.size(), size - text.size()), 0);
        if (n <= 0)
            break;
        text.append(bytes.data(), static_cast<std::size_t>(n));
    }
    return text;
}

bool connection::echoes(std::string_view text) { return send(text) && receive(text.size()) == text; }

void connection::end_sending() { ::shutdown(fd_, SHUT_WR); }

std::string connection::receive_all(std::chrono::milliseconds limit)
{
    return receive(static_cast<std::size_t>(-1), limit);
}

std::string connection::receive_head()
{
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
        const auto byte = receive(1);
        if (byte.empty())
            return {};
        head += byte;
    }
    return head;
}

std::string connection::request(const std::string& target)
{
    send("GET " + target + " HTTP/1.1\r\nHost: test\r\n\r\n");
    const auto head = receive_head();
    const auto answer = reply_of(head);
    const auto length = answer.headers.find("content-length");
    if (length == answer.headers.end())
        return {};
    return head + receive(std::stoul(length->second));
}

bool connection::upgrade()
{
    send("GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    return receive_head().starts_with("HTTP/1.1 101");
}

std::optional<reply> ask(
    std::uint16_t port, const std::string& method, const std::string& target, std::chrono::milliseconds limit)
{
    return ask_at("127.0.0.1", port, method, target, limit);
}

std::optional<reply> ask_at(const std::string& address, std::uint16_t port, const std::string& method,
    const std::string& target, std::chrono::milliseconds limit)
{
    auto peer = connection::to(port, address);
    if (!peer)
        return std::nullopt;
    const auto length = method == "POST" ? "Content-Length: 0\r\n" : "";
    peer->send(method + " " + target + " HTTP/1.1\r\nHost: test\r\n" + length + "Connection: close\r\n\r\n");
    auto answer = reply_of(peer->receive_all(limit));
    const auto length_found = answer.headers.find("content-length");
    if (answer.status == 0 || length_found == answer.headers.end() ||
        length_found->second != std::to_string(answer.body.size()))
        return std::nullopt;
    return answer;
}

std::string version_at(std::uint16_t port)
{
    const auto answer = ask(port, "GET", "/");
    return answer && answer->status == 200 ? answer->body.substr(0, answer->body.find('\n')) : "";
}

std::string instance_at(std::uint16_t port)
{
    const auto answer = ask(port, "GET", "/");
    return answer && answer->status == 200 ? answer->headers.at("x-instance") : "";
}

background_load::background_load(std::uint16_t port)
    : background_load(load::options{.port = port, .requests = {.rate = 500}})
{
}

background_load::background_load(load::options what, std::function<void()> first) : what_(std::move(what))
{
    what_.duration = std::chrono::milliseconds(0);
    thread_ = std::thread([this, first = std::move(first)] {
        if (first)
            first();
        report_ = load::run(what_, stop_);
    });
}

background_load::~background_load()
{
    if (thread_.joinable())
        finish();
}

load::report background_load::finish()
{
    stop_ = true;
    thread_.join();
    return report_;
}

std::uint16_t free_port()
{
    static std::mt19937 random{std::random_device{}()};
    static std::set<std::uint16_t> given;
    std::uniform_int_distribution<std::uint16_t> any(20'000, 31'999);
    for (;;) {
        const auto port = any(random);
        const int fd = given.contains(port) ? -1 : listen_on(port);
        if (fd < 0)
            continue;
        ::close(fd);
        given.insert(port);
        return port;
    }
}

port_holder::port_holder(std::uint16_t port) : fd_(listen_on(port))
{
    // A process that was killed has no command line any more while its sockets are still being closed.
    wait_until([&] { return fd_ >= 0 || (fd_ = listen_on(port)) >= 0; });
    if (fd_ < 0)
        throw std::system_error(errno, std::generic_category(), "listen on port " + std::to_string(port));
}

port_holder::~port_holder() { ::close(fd_); }

}  // namespace gantryd::integration
