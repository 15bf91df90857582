#include "bad_server.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace gantryd::load {
namespace {

int listen_somewhere(std::uint16_t& port)
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd, 128), 0);
    socklen_t size = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    return fd;
}

}  // namespace

std::string peer::read_some()
{
    std::array<char, 4096> bytes;
    const auto n = ::recv(fd_, bytes.data(), bytes.size(), 0);
    return n > 0 ? std::string(bytes.data(), static_cast<std::size_t>(n)) : std::string();
}

std::string peer::read_request()
{
    for (;;) {
        if (const auto end = read_.find("\r\n\r\n"); end != std::string::npos) {
            const auto request = read_.substr(0, end + 4);
            read_.erase(0, end + 4);
            return request;
        }
        const auto more = read_some();
        if (more.empty())
            return {};
        read_ += more;
    }
}

void peer::write(std::string_view text) { (void)::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }

void peer::reset()
{
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void peer::be_silent()
{
    while (!read_some().empty()) {
    }
}

bad_server::bad_server(std::function<void(peer)> behaviour) : behaviour_(std::move(behaviour))
{
    listener_ = listen_somewhere(port_);
    acceptor_ = std::thread([this] { accept_all(); });
}

bad_server::~bad_server()
{
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
        const std::lock_guard lock(mutex_);
        for (const int fd : open_)
            ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& thread : threads_)
        thread.join();
    ::close(listener_);
}

void bad_server::accept_all()
{
    for (int fd = 0; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
        const std::lock_guard lock(mutex_);
        open_.push_back(fd);
        threads_.emplace_back([this, fd] { serve(fd); });
    }
}

void bad_server::serve(int fd)
{
    behaviour_(peer(fd));
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
}

std::uint16_t closed_port()
{
    std::uint16_t port = 0;
    ::close(listen_somewhere(port));
    return port;
}

}  // namespace gantryd::load
