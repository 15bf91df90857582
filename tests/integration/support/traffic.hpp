#pragma once
#include "load/driver.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace gantryd::integration {

struct reply {
    int status = 0;
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;
};

/// A TCP connection, or one to a unix socket, with blocking calls that give up in time.
class connection {
public:
    /// None when nobody listens, or nobody has answered after 5 s.
    static std::optional<connection> to(std::uint16_t port, const std::string& address = "127.0.0.1");
    /// To a unix socket.
    static std::optional<connection> to(const std::string& socket_path);

    connection(connection&& other) noexcept;
    connection& operator=(connection&&) = delete;
    ~connection();

    bool send(std::string_view text);

    /// What came until `size` bytes were there, the peer closed, or `limit` was over.
    std::string receive(std::size_t size, std::chrono::milliseconds limit = std::chrono::seconds(5));

    /// Sends the text and receives as many bytes: whether they are the same ones.
    bool echoes(std::string_view text);

    /// Asks for `target` and keeps the connection open: the whole answer, "" when there was none.
    std::string request(const std::string& target);

    /// Makes the demo server echo from now on; false when it does not agree.
    bool upgrade();

    /// We have nothing more to say.
    void end_sending();

    /// Everything until the peer closes.
    std::string receive_all(std::chrono::milliseconds limit);

private:
    explicit connection(int fd) : fd_(fd) {}
    std::string receive_head();

    int fd_ = -1;
};

/// One request on a connection of its own. None when there was no whole answer within `limit`.
std::optional<reply> ask(std::uint16_t port, const std::string& method, const std::string& target,
    std::chrono::milliseconds limit = std::chrono::seconds(5));

/// The same at another address than 127.0.0.1.
std::optional<reply> ask_at(const std::string& address, std::uint16_t port, const std::string& method,
    const std::string& target, std::chrono::milliseconds limit = std::chrono::seconds(5));

/// The body of GET / without its newline; "" when there is no answer of status 200.
std::string version_at(std::uint16_t port);

/// The hostname of the container that answers GET /, which is the 12 first digits of its id; "" for none.
std::string instance_at(std::uint16_t port);

/// A load that goes on in the background until finish().
class background_load {
public:
    /// 500 requests per second: half of them over kept connections, half over new ones.
    explicit background_load(std::uint16_t port);
    /// Its duration is not looked at. `first` is called by the thread that will make the connections.
    explicit background_load(load::options what, std::function<void()> first = {});
    background_load(const background_load&) = delete;
    background_load& operator=(const background_load&) = delete;
    ~background_load();

    load::report finish();

private:
    load::options what_;
    std::atomic<bool> stop_ = false;
    load::report report_;
    std::thread thread_;
};

/// A port from 20000 to 31999 that nobody listens on: below those that the kernel gives to outgoing
/// connections. No two calls of one process give the same.
std::uint16_t free_port();

/// Holds a port, as another program would.
class port_holder {
public:
    explicit port_holder(std::uint16_t port);
    port_holder(const port_holder&) = delete;
    port_holder& operator=(const port_holder&) = delete;
    ~port_holder();

private:
    int fd_ = -1;
};

}  // namespace gantryd::integration
