#include "rig.hpp"

#include <gantryd/base/number.hpp>
#include <gantryd/base/temporary_directory.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace gantryd::haproxy {
namespace {

sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return to;
}

const sockaddr* as_sockaddr(const auto& address) { return reinterpret_cast<const sockaddr*>(&address); }

void limit_waits(int fd)
{
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

bool write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

/// The next line without its end; false when there is none.
bool next_line(int fd, std::string& buffer, std::string& line)
{
    for (;;) {
        if (const auto end = buffer.find('\n'); end != std::string::npos) {
            line = buffer.substr(0, end);
            buffer.erase(0, end + 1);
            if (line.ends_with('\r'))
                line.pop_back();
            return true;
        }
        std::array<char, 4096> more{};
        const auto n = ::recv(fd, more.data(), more.size(), 0);
        if (n <= 0)
            return false;
        buffer.append(more.data(), static_cast<std::size_t>(n));
    }
}

std::vector<pid_t> processes_that_name(const std::string& text)
{
    std::vector<pid_t> out;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const auto pid = base::number_in<pid_t>(entry.path().filename().string());
        if (!pid || *pid == ::getpid())
            continue;
        std::ifstream in(entry.path() / "cmdline");
        std::stringstream words;
        words << in.rdbuf();
        if (words.str().find(text) != std::string::npos)
            out.push_back(*pid);
    }
    return out;
}

}  // namespace

socket_fd& socket_fd::operator=(socket_fd&& other) noexcept
{
    std::swap(fd_, other.fd_);
    return *this;
}

socket_fd::~socket_fd()
{
    if (fd_ >= 0)
        ::close(fd_);
}

socket_fd listen_on(std::uint16_t port, std::uint16_t& chosen)
{
    socket_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(fd.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    auto address = loopback(port);
    socklen_t size = sizeof address;
    if (::bind(fd.number(), as_sockaddr(address), size) != 0 || ::listen(fd.number(), 64) != 0)
        throw std::runtime_error(std::string("listen: ") + std::generic_category().message(errno));
    ::getsockname(fd.number(), reinterpret_cast<sockaddr*>(&address), &size);
    chosen = ntohs(address.sin_port);
    return fd;
}

std::uint16_t free_port()
{
    std::uint16_t port = 0;
    const auto fd = listen_on(0, port);
    return port;
}

test_server::test_server(speaks what, std::string name)
    : what_(what),
      name_(std::move(name)),
      listener_(listen_on(0, port_)),
      acceptor_([this] { accept_all(); })
{
}

test_server::~test_server()
{
    ::shutdown(listener_.number(), SHUT_RDWR);
    acceptor_.join();
    {
        const std::scoped_lock lock(mutex_);
        for (const int fd : connections_)
            ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& thread : threads_)
        thread.join();
    for (const int fd : connections_)
        ::close(fd);
}

void test_server::accept_all()
{
    for (;;) {
        const int fd = ::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0)
            return;
        const std::scoped_lock lock(mutex_);
        connections_.push_back(fd);
        threads_.emplace_back([this, fd] { serve(fd); });
    }
}

void test_server::serve(int fd)
{
    std::string buffer;
    std::string line;
    while (next_line(fd, buffer, line)) {
        if (what_ == speaks::lines) {
            if (!write_all(fd, name_ + ": " + line + "\n"))
                break;
        } else if (line.empty()) {  // the end of a request's head; requests here have no body
            const auto length = std::to_string(name_.size() + 1);
            if (!write_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n" + name_ + "\n"))
                break;
        }
    }
    ::shutdown(fd, SHUT_RDWR);  // closed with the server, so that the number is nobody else's before
}

test_client::test_client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    limit_waits(fd_.number());
    const auto to = loopback(port);
    if (::connect(fd_.number(), as_sockaddr(to), sizeof to) != 0)
        fd_ = socket_fd();
}

std::string test_client::say(const std::string& line)
{
    std::string answer;
    if (!write_all(fd_.number(), line + "\n") || !next_line(fd_.number(), buffer_, answer))
        return {};
    return answer;
}

std::string test_client::request(const std::string& method)
{
    std::string status;
    if (!write_all(fd_.number(), method + " / HTTP/1.1\r\nHost: test\r\n\r\n") ||
        !next_line(fd_.number(), buffer_, status))
        return {};
    for (std::string header = "-"; !header.empty();) {
        if (!next_line(fd_.number(), buffer_, header))
            return {};
    }
    std::string body;
    if (!next_line(fd_.number(), buffer_, body))
        return {};
    return status.substr(std::min<std::size_t>(9, status.size()), 3) + " " + body;
}

steady_client::steady_client(std::uint16_t port) : thread_([this, port] { run(port); }) {}

steady_client::~steady_client() { stop(); }

void steady_client::stop()
{
    stopping_ = true;
    if (thread_.joinable())
        thread_.join();
}

void steady_client::run(std::uint16_t port)
{
    auto connection = std::make_unique<test_client>(port);
    bool fresh = true;
    while (!stopping_) {
        const auto answer = connection->request();
        if (answer.starts_with("200 ")) {
            ++answers_;
            fresh = false;
            continue;
        }
        if (!answer.empty() || fresh)
            ++errors_;
        connection = std::make_unique<test_client>(port);
        fresh = true;
    }
}

bool kept_log::has(const std::string& text) const
{
    return std::ranges::any_of(
        lines, [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

rig::rig()
{
    parent = base::make_test_directory("gantryd-haproxy");
    directory = parent + "/haproxy";
    haproxy = another_proxy();
}

rig::~rig()
{
    haproxy.reset();
    for (const auto pid : processes_that_name(directory + "/haproxy.cfg"))
        ::kill(pid, SIGKILL);
    fs::remove_all(parent);
}

std::unique_ptr<proxy> rig::another_proxy(std::string program)
{
    proxy_options options{.program = std::move(program), .directory = directory};
    return make_proxy(std::move(options), *clock, base::logger(log, base::log_level::debug));
}

base::result<proxy_view> rig::update(std::vector<haproxy_config::route> routes)
{
    return run(haproxy->update(std::move(routes), soon()));
}

base::result<proxy_view> rig::look() { return run(haproxy->look(soon())); }

std::string rig::text_of(const std::string& name) const
{
    std::ifstream in(path(name));
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

std::string rig::ask(const std::string& socket, const std::string& command) const
{
    const socket_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    limit_waits(fd.number());
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path(socket).copy(to.sun_path, sizeof to.sun_path - 1);
    if (::connect(fd.number(), as_sockaddr(to), sizeof to) != 0 || !write_all(fd.number(), command + "\n"))
        return {};
    ::shutdown(fd.number(), SHUT_WR);
    std::string out;
    std::string line;
    for (std::string buffer; next_line(fd.number(), buffer, line);)
        out += line + "\n";
    return out;
}

pid_t rig::worker() const
{
    const auto info = ask("admin.sock", "show info");
    const auto at = info.find("\nPid: ");
    return at == std::string::npos ? 0 : static_cast<pid_t>(std::atoi(info.c_str() + at + 6));
}

haproxy_config::slot serving(std::uint16_t port)
{
    return {.mode = haproxy_config::slot_mode::serving, .address = "127.0.0.1", .port = port};
}

haproxy_config::slot draining(std::uint16_t port)
{
    return {.mode = haproxy_config::slot_mode::draining, .address = "127.0.0.1", .port = port};
}

haproxy_config::route route_on(
    std::string id, std::uint16_t port, model::port_kind kind, std::vector<haproxy_config::slot> slots)
{
    return {.id = model::route_id(std::move(id)),
        .bind = "127.0.0.1",
        .port = port,
        .kind = kind,
        .slots = std::move(slots)};
}

}  // namespace gantryd::haproxy
