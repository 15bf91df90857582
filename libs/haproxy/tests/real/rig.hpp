#pragma once
#include <gantryd/base/log.hpp>
#include <gantryd/haproxy/proxy.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace gantryd::haproxy {

/// A file descriptor that is closed at the end.
class socket_fd {
public:
    explicit socket_fd(int fd = -1) : fd_(fd) {}
    socket_fd(socket_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    socket_fd& operator=(socket_fd&& other) noexcept;
    ~socket_fd();
    int number() const { return fd_; }

private:
    int fd_;
};

/// A TCP server on 127.0.0.1 that says its name: "name: <line>" to each line, or the name as the body of an
/// answer to each HTTP request. Threads, because what it talks to is another program.
class test_server {
public:
    enum class speaks { lines, http };
    test_server(speaks what, std::string name);
    test_server(const test_server&) = delete;
    test_server& operator=(const test_server&) = delete;
    ~test_server();
    std::uint16_t port() const { return port_; }

private:
    void accept_all();
    void serve(int fd);

    speaks what_;
    std::string name_;
    std::uint16_t port_ = 0;
    socket_fd listener_;  // sets port_
    std::mutex mutex_;
    std::vector<int> connections_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

/// One connection, with a limit of ten seconds for everything it waits for.
class test_client {
public:
    explicit test_client(std::uint16_t port);
    /// Sends the line and returns the answer's line; empty when the connection is gone.
    std::string say(const std::string& line);
    /// One HTTP request on this connection: "200 name"; "" when the connection is gone.
    std::string request(const std::string& method = "GET");

private:
    std::string read_line();
    bool send_all(const std::string& bytes);
    socket_fd fd_;
    std::string buffer_;
};

/// Sends HTTP requests over one keep-alive connection as fast as they are answered, until it is stopped. An
/// idle connection that the server closed is opened again, as every client does.
class steady_client {
public:
    explicit steady_client(std::uint16_t port);
    ~steady_client();
    void stop();
    int errors() const { return errors_; }
    int answers() const { return answers_; }

private:
    void run(std::uint16_t port);
    std::atomic<bool> stopping_ = false;
    std::atomic<int> errors_ = 0;
    std::atomic<int> answers_ = 0;
    std::thread thread_;
};

/// A listening socket on 127.0.0.1 that this process holds. Port 0: any.
socket_fd listen_on(std::uint16_t port, std::uint16_t& chosen);

/// A port of the loopback interface that nobody uses now.
std::uint16_t free_port();

class kept_log final : public base::log_sink {
public:
    void write(base::log_level, std::string_view what, std::span<const base::log_field> fields) override
    {
        lines.push_back(base::as_text(what, fields));
    }
    bool has(const std::string& text) const;
    std::vector<std::string> lines;
};

/// A directory, an event loop, and the real HAProxy. Whatever ran with a file of this directory is killed at
/// the end, also after a failure.
class rig {
public:
    rig();
    rig(const rig&) = delete;
    rig& operator=(const rig&) = delete;
    ~rig();

    std::unique_ptr<proxy> another_proxy(std::string program = "haproxy");
    runtime::time_point soon() const { return clock->now() + std::chrono::seconds(10); }

    /// What op returns; an exception when it does not within 20 seconds.
    template <class T>
    T run(boost::asio::awaitable<T> op)
    {
        // Shared: what does not end in time goes on with them.
        const auto out = std::make_shared<std::optional<T>>();
        const auto ended = std::make_shared<std::optional<std::exception_ptr>>();
        boost::asio::co_spawn(loop, keep(out, std::move(op)), [ended](std::exception_ptr e) { *ended = e; });
        loop.restart();
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!*ended && loop.run_one_until(until) != 0) {
        }
        if (!*ended)
            throw std::runtime_error("it did not end within 20 seconds");
        if (**ended)
            std::rethrow_exception(**ended);
        return std::move(**out);
    }

    base::result<proxy_view> update(std::vector<haproxy_config::route> routes);
    base::result<proxy_view> look();
    /// Looks every 10 ms until the view is as wanted; the last one.
    template <class Predicate>
    proxy_view look_until(Predicate wanted)
    {
        const auto until = soon();
        for (;;) {
            auto view = look();
            if (!view)
                throw std::runtime_error(view.error().context());
            if (wanted(*view) || clock->now() >= until)
                return std::move(*view);
            std::this_thread::sleep_for(std::chrono::milliseconds(10));  // other programs run in real time
        }
    }

    std::string path(const std::string& name) const { return directory + "/" + name; }
    std::string text_of(const std::string& name) const;
    /// HAProxy's answer on a control socket of the directory.
    std::string ask(const std::string& socket, const std::string& command) const;
    pid_t worker() const;

    boost::asio::io_context loop{1};
    std::unique_ptr<runtime::clock> clock = runtime::make_system_clock();
    kept_log log;
    std::string directory;  // of HAProxy; made by the proxy
    std::string parent;
    std::unique_ptr<proxy> haproxy;

private:
    template <class T>
    static boost::asio::awaitable<void> keep(
        std::shared_ptr<std::optional<T>> to, boost::asio::awaitable<T> op)
    {
        *to = co_await std::move(op);
    }
};

haproxy_config::slot serving(std::uint16_t port);
haproxy_config::slot draining(std::uint16_t port);
haproxy_config::route route_on(
    std::string id, std::uint16_t port, model::port_kind kind, std::vector<haproxy_config::slot> slots);

}  // namespace gantryd::haproxy
