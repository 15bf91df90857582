#pragma once
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace gantryd::load {

/// One accepted connection, with blocking calls.
class peer {
public:
    explicit peer(int fd) : fd_(fd) {}

    /// The next request up to its empty line; "" when the other end is gone.
    std::string read_request();
    /// Some bytes; "" when the other end is gone.
    std::string read_some();
    void write(std::string_view text);
    /// The connection ends with a reset instead of a close.
    void reset();
    /// Says no more and waits until the other end gives up.
    void be_silent();

private:
    int fd_;
    std::string read_;
};

/// A server on 127.0.0.1 that does to each connection whatever the test wants, in a thread of its own; the
/// connection is closed when the function returns.
class bad_server {
public:
    explicit bad_server(std::function<void(peer)> behaviour);
    bad_server(const bad_server&) = delete;
    bad_server& operator=(const bad_server&) = delete;
    ~bad_server();
    std::uint16_t port() const { return port_; }

private:
    void accept_all();
    void serve(int fd);

    std::function<void(peer)> behaviour_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::mutex mutex_;
    std::vector<int> open_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

/// A port on which nobody listens.
std::uint16_t closed_port();

}  // namespace gantryd::load
