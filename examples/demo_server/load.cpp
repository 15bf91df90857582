#include "load.hpp"

#include "http_message.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace demo {
namespace {

using steady = std::chrono::steady_clock;

enum class phase { pausing, connecting, answering };

struct client {
    int fd = -1;
    bool keeps_alive = false;
    phase now = phase::pausing;
    steady::time_point until;  ///< of the pause, or of the wait for the answer
    steady::time_point asked_at;
    std::string received;
    int answers = 0;  ///< on this connection
};

class load {
public:
    explicit load(const load_options& options)
        : options_(options),
          started_(steady::now()),
          clients_(static_cast<std::size_t>(options.connections))
    {
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        request_ = "GET " + options.path + " HTTP/1.1\r\nHost: " + options.address + "\r\n";
    }
    load(const load&) = delete;
    load& operator=(const load&) = delete;
    ~load()
    {
        for (auto& c : clients_)
            disconnect(c);
        ::close(epoll_);
    }

    load_report run(const std::atomic<bool>& stop);

private:
    void begin(client& c);
    void connect_to_server(client& c);
    void ask(client& c);
    void on_event(client& c, std::uint32_t events);
    void read_answer(client& c);
    void succeed(client& c, const response& answer);
    void fail(client& c, const std::string& why);
    void pause(client& c);
    void disconnect(client& c);
    void watch(client& c, std::uint32_t events, int operation);

    const load_options& options_;
    steady::time_point started_;
    std::vector<client> clients_;
    std::string request_;
    int epoll_ = -1;
    load_report report_;
};

load_report load::run(const std::atomic<bool>& stop)
{
    for (std::size_t i = 0; i < clients_.size(); ++i) {
        clients_[i].keeps_alive = i % 2 == 0;
        clients_[i].until = started_;
    }
    std::array<epoll_event, 64> events{};
    while (!stop.load()) {
        auto next = steady::now() + std::chrono::milliseconds(20);
        for (auto& c : clients_) {
            if (c.until <= steady::now()) {
                if (c.now == phase::pausing)
                    begin(c);
                else
                    fail(c, "no answer in time");
            }
            next = std::min(next, c.until);
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - steady::now()).count();
        const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
            static_cast<int>(std::max<std::int64_t>(left, 0)));
        for (int i = 0; i < n; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            on_event(clients_[event.data.u32], event.events);
        }
    }
    return report_;
}

void load::watch(client& c, std::uint32_t events, int operation)
{
    epoll_event event{};
    event.events = events;
    event.data.u32 = static_cast<std::uint32_t>(&c - clients_.data());
    ::epoll_ctl(epoll_, operation, c.fd, &event);
}

void load::begin(client& c)
{
    c.asked_at = steady::now();
    c.until = c.asked_at + options_.answer_within;
    char byte = 0;
    // Closed, or not empty, between two requests: the server may close, so that is no failure.
    if (c.fd >= 0 && (::recv(c.fd, &byte, 1, MSG_PEEK) >= 0 || errno != EAGAIN))
        disconnect(c);
    if (c.fd >= 0)
        ask(c);
    else
        connect_to_server(c);
}

void load::connect_to_server(client& c)
{
    c.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    ::inet_pton(AF_INET, options_.address.c_str(), &address.sin_addr);
    const int done = ::connect(c.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (done != 0 && errno != EINPROGRESS)
        return fail(c, std::string("connect: ") + std::strerror(errno));
    c.now = phase::connecting;
    c.answers = 0;
    watch(c, EPOLLOUT, EPOLL_CTL_ADD);
}

void load::ask(client& c)
{
    const bool connected_now = c.now == phase::connecting;
    const auto text = request_ + (c.keeps_alive ? "\r\n" : "Connection: close\r\n\r\n");
    c.now = phase::answering;
    c.received.clear();
    if (connected_now)
        watch(c, EPOLLIN, EPOLL_CTL_MOD);
    // A request this small fits into an empty socket buffer.
    if (::send(c.fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
        fail(c, std::string("send: ") + std::strerror(errno));
}

void load::on_event(client& c, std::uint32_t)
{
    if (c.fd < 0)
        return;
    if (c.now == phase::pausing)
        return disconnect(c);  // closed between two requests: the server may do that
    if (c.now == phase::answering)
        return read_answer(c);
    int problem = 0;
    socklen_t size = sizeof problem;
    ::getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem != 0)
        return fail(c, std::string("connect: ") + std::strerror(problem));
    ask(c);
}

void load::read_answer(client& c)
{
    std::array<char, 16 * 1024> bytes;
    bool ended = false;
    for (;;) {
        const auto n = ::recv(c.fd, bytes.data(), bytes.size(), 0);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return fail(c, std::string("receive: ") + std::strerror(errno));
        ended = n == 0;
        if (ended)
            break;
        c.received.append(bytes.data(), static_cast<std::size_t>(n));
    }
    response answer;
    switch (parse_response(c.received, ended, answer)) {
    case parse_status::incomplete: return;
    case parse_status::malformed:
        return fail(
            c, "connection closed after " + std::to_string(c.received.size()) + " bytes of the answer");
    case parse_status::complete: break;
    }
    if (answer.status / 100 != 2)
        return fail(c, "status " + std::to_string(answer.status));
    if (ended || !answer.keep_alive || !c.keeps_alive)
        disconnect(c);
    succeed(c, answer);
}

void load::succeed(client& c, const response& answer)
{
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(steady::now() - c.asked_at);
    ++report_.requests;
    ++c.answers;
    ++report_.seen[answer.body.substr(0, answer.body.find('\n'))];
    report_.slowest = std::max(report_.slowest, took);
    pause(c);
}

void load::fail(client& c, const std::string& why)
{
    const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - started_).count();
    ++report_.requests;
    ++report_.failed;
    if (report_.failures.size() < 20)
        report_.failures.push_back("at " + std::to_string(at) + " ms, request " +
                                   std::to_string(c.answers + 1) + " of a " +
                                   (c.keeps_alive ? "keep-alive" : "new") + " connection: " + why);
    disconnect(c);
    pause(c);
}

void load::pause(client& c)
{
    c.now = phase::pausing;
    c.until = steady::now() + options_.pause;
}

void load::disconnect(client& c)
{
    if (c.fd >= 0)
        ::close(c.fd);
    c.fd = -1;
}

}  // namespace

load_report run_load(const load_options& options, const std::atomic<bool>& stop)
{
    return load(options).run(stop);
}

}  // namespace demo
