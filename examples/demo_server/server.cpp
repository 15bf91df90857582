#include "server.hpp"

#include "http_message.hpp"
#include "sockets.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace demo {
namespace {

using steady = std::chrono::steady_clock;

constexpr std::size_t most_unsent = 256UL * 1024;  ///< a peer that does not read is not read from either
constexpr std::chrono::seconds finish_within{5};

/// What an epoll event or a timer is about; connections are numbered from first_connection.
enum source : std::uint64_t {
    signals,
    http_listener,
    echo_listener,
    start_timer,
    exit_timer,
    quit_timer,
    finish_timer,
    first_connection
};

enum class protocol { http, echo };

struct connection {
    int fd = -1;
    protocol speaks = protocol::http;
    std::string received;
    std::string unsent;
    std::string later;  ///< the answer to GET /slow, sent when its timer ends
    bool peer_finished = false;
    bool close_when_sent = false;
    std::uint32_t watched = 0;

    bool idle() const
    {
        return speaks == protocol::http && received.empty() && unsent.empty() && later.empty();
    }
};

class server {
public:
    explicit server(const settings& how) : how_(how), unhealthy_(how.unhealthy)
    {
        std::array<char, 256> name{};
        if (::gethostname(name.data(), name.size() - 1) == 0)
            instance_ = name.data();
    }

    int run();

private:
    void on_event(std::uint64_t what, std::uint32_t events);
    void on_timer(std::uint64_t what);
    void on_signal();
    void start_listening();
    int watched_listener(std::uint16_t port, std::uint64_t as);
    void accept_all(int listener, protocol speaks);
    void begin_to_stop(const char* why);
    void end_with(int code) { exit_code_ = code; }

    void on_connection(std::uint64_t id, connection& c, std::uint32_t events);
    bool receive(connection& c);
    bool send_what_waits(connection& c);
    void answer_requests(std::uint64_t id, connection& c);
    void answer(std::uint64_t id, connection& c, const request& r);
    std::string change_or_reply(const request& r, bool keep_alive);
    std::string reply(int status, const std::string& body, bool keep_alive) const;
    void settle(std::uint64_t id, connection& c);
    void close_connection(std::uint64_t id);

    void watch(int fd, std::uint64_t as, std::uint32_t events, int operation);
    int milliseconds_to_next_timer() const;
    void say(const std::string& line) const { ::dprintf(STDOUT_FILENO, "%s\n", line.c_str()); }

    const settings& how_;
    std::string instance_ = "unknown";
    bool unhealthy_ = false;
    bool stopping_ = false;
    int epoll_ = -1;
    int signal_fd_ = -1;
    int http_listener_ = -1;
    int echo_listener_ = -1;
    std::optional<int> exit_code_;
    std::uint64_t next_id_ = first_connection;
    std::unordered_map<std::uint64_t, connection> connections_;
    std::multimap<steady::time_point, std::uint64_t> timers_;
};

int server::run()
{
    // A container's first process has no default signal actions: what is not asked for never arrives.
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    signal_fd_ = ::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    watch(signal_fd_, signals, EPOLLIN, EPOLL_CTL_ADD);

    if (!how_.log_line.empty())
        say(how_.log_line);
    const auto now = steady::now();
    timers_.emplace(now + how_.start_delay, start_timer);
    if (how_.exit_code)
        timers_.emplace(now + how_.exit_after, exit_timer);
    std::array<epoll_event, 64> events{};
    while (!exit_code_) {
        const int n = ::epoll_wait(
            epoll_, events.data(), static_cast<int>(events.size()), milliseconds_to_next_timer());
        for (int i = 0; i < n; ++i)
            on_event(
                events[static_cast<std::size_t>(i)].data.u64, events[static_cast<std::size_t>(i)].events);
        while (!exit_code_ && !timers_.empty() && timers_.begin()->first <= steady::now()) {
            const auto what = timers_.begin()->second;
            timers_.erase(timers_.begin());
            on_timer(what);
        }
        if (!exit_code_ && stopping_ && connections_.empty()) {
            say("stopped: every request was answered");
            end_with(0);
        }
    }
    return *exit_code_;
}

int server::milliseconds_to_next_timer() const
{
    if (timers_.empty())
        return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - steady::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

void server::watch(int fd, std::uint64_t as, std::uint32_t events, int operation)
{
    epoll_event event{};
    event.events = events;
    event.data.u64 = as;
    ::epoll_ctl(epoll_, operation, fd, &event);
}

void server::on_event(std::uint64_t what, std::uint32_t events)
{
    if (what == signals)
        return on_signal();
    if (what == http_listener)
        return accept_all(http_listener_, protocol::http);
    if (what == echo_listener)
        return accept_all(echo_listener_, protocol::echo);
    // An earlier event of the same batch may have closed it.
    if (const auto found = connections_.find(what); found != connections_.end())
        on_connection(what, found->second, events);
}

void server::on_timer(std::uint64_t what)
{
    if (what == start_timer)
        return start_listening();
    if (what == exit_timer) {
        say("exiting with code " + std::to_string(*how_.exit_code));
        return end_with(*how_.exit_code);
    }
    if (what == quit_timer)
        return begin_to_stop("POST /quit");
    if (what == finish_timer) {
        say("stopped: cut " + std::to_string(connections_.size()) + " connections");
        return end_with(0);
    }
    const auto found = connections_.find(what);
    if (found == connections_.end())
        return;
    found->second.unsent += std::exchange(found->second.later, {});
    answer_requests(what, found->second);
    settle(what, found->second);
}

void server::on_signal()
{
    signalfd_siginfo info{};
    while (::read(signal_fd_, &info, sizeof info) == sizeof info) {
        const bool term = info.ssi_signo == SIGTERM;
        if (term && how_.ignore_term)
            say("SIGTERM: ignored");
        else
            begin_to_stop(term ? "SIGTERM" : "SIGINT");
    }
}

void server::begin_to_stop(const char* why)
{
    if (std::exchange(stopping_, true))
        return;
    for (auto* listener : {&http_listener_, &echo_listener_}) {
        if (*listener < 0)
            continue;
        accept_all(*listener, listener == &http_listener_ ? protocol::http : protocol::echo);
        ::close(std::exchange(*listener, -1));
    }
    std::vector<std::uint64_t> ids;
    ids.reserve(connections_.size());
    for (const auto& [id, c] : connections_)
        ids.push_back(id);
    // A request may lie unread in the socket of a connection that looks idle.
    for (const auto id : ids)
        on_connection(id, connections_.at(id), EPOLLIN);
    say(std::string(why) + ": finishing " + std::to_string(connections_.size()) + " connections");
    timers_.emplace(steady::now() + finish_within, finish_timer);
}

void server::start_listening()
{
    if (stopping_)
        return;
    http_listener_ = watched_listener(how_.port, http_listener);
    echo_listener_ = watched_listener(how_.echo_port, echo_listener);
    if (http_listener_ < 0 || echo_listener_ < 0)
        return end_with(1);
    say("version " + how_.version + " serves HTTP on port " + std::to_string(how_.port) + ", echo on port " +
        std::to_string(how_.echo_port));
}

int server::watched_listener(std::uint16_t port, std::uint64_t as)
{
    const int fd = listen_on(port);
    if (fd < 0)
        say("cannot listen on port " + std::to_string(port) + ": " + std::generic_category().message(errno));
    else
        watch(fd, as, EPOLLIN, EPOLL_CTL_ADD);
    return fd;
}

void server::accept_all(int listener, protocol speaks)
{
    for (int fd = accept_from(listener); fd >= 0; fd = accept_from(listener)) {
        const auto id = next_id_++;
        auto& c = connections_[id];
        c.fd = fd;
        c.speaks = speaks;
        c.watched = EPOLLIN;
        watch(fd, id, EPOLLIN, EPOLL_CTL_ADD);
    }
}

void server::on_connection(std::uint64_t id, connection& c, std::uint32_t events)
{
    const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
    if (broken || ((events & EPOLLIN) != 0 && !receive(c)))
        return close_connection(id);
    answer_requests(id, c);
    settle(id, c);
}

/// False when the connection is broken.
bool server::receive(connection& c)
{
    std::array<char, 16UL * 1024> bytes;
    while (!c.peer_finished && c.unsent.size() < most_unsent && c.received.size() < most_unsent) {
        const auto n = ::recv(c.fd, bytes.data(), bytes.size(), 0);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c.peer_finished = n == 0;
        auto& into = c.speaks == protocol::echo ? c.unsent : c.received;
        into.append(bytes.data(), static_cast<std::size_t>(n));
    }
    return true;
}

void server::answer_requests(std::uint64_t id, connection& c)
{
    while (c.speaks == protocol::http && c.later.empty() && !c.close_when_sent && !c.received.empty()) {
        request r;
        const auto status = parse_request(c.received, r);
        if (status == parse_status::incomplete)
            return;
        if (status == parse_status::malformed) {
            c.unsent += reply(400, "malformed request\n", false);
            c.close_when_sent = true;
            return;
        }
        c.received.erase(0, r.size);
        answer(id, c, r);
    }
}

void server::answer(std::uint64_t id, connection& c, const request& r)
{
    if (r.upgrade == "echo") {
        c.unsent += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n";
        c.unsent += std::exchange(c.received, {});
        c.speaks = protocol::echo;
        return;
    }
    const bool keep_alive = r.keep_alive && !stopping_;
    if (r.path == "/slow") {
        const auto wait = std::chrono::milliseconds(number_in_query(r.query, "ms").value_or(0));
        c.later = reply(200, how_.version + "\n", keep_alive);
        timers_.emplace(steady::now() + wait, id);
    } else {
        c.unsent += change_or_reply(r, keep_alive);
    }
    c.close_when_sent = !keep_alive;
}

std::string server::change_or_reply(const request& r, bool keep_alive)
{
    if (r.path == "/")
        return reply(200, how_.version + "\n", keep_alive);
    if (r.path == "/health")
        return unhealthy_ ? reply(503, "unhealthy\n", keep_alive) : reply(200, "ok\n", keep_alive);
    if (r.path == "/env") {
        const char* value = std::getenv(r.query.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
        return value == nullptr ? reply(404, "not set\n", keep_alive)
                                : reply(200, std::string(value) + "\n", keep_alive);
    }
    if (r.path != "/fail" && r.path != "/quit" && r.path != "/crash")
        return reply(404, "no such path\n", keep_alive);
    if (r.method != "POST")
        return reply(405, "POST it\n", keep_alive);
    if (r.path == "/crash") {
        const int code = number_in_query(r.query, "code").value_or(1);
        say("crashing with code " + std::to_string(code));
        end_with(code);
        return {};
    }
    if (r.path == "/quit") {
        timers_.emplace(steady::now(), quit_timer);
        return reply(200, "quitting\n", false);
    }
    unhealthy_ = !unhealthy_;
    say(unhealthy_ ? "unhealthy from now on" : "healthy from now on");
    return reply(200, unhealthy_ ? "unhealthy\n" : "healthy\n", keep_alive);
}

std::string server::reply(int status, const std::string& body, bool keep_alive) const
{
    return response_text(status, body, keep_alive, "X-Instance: " + instance_ + "\r\n");
}

/// Sends what can be sent; then closes the connection or watches for what is to come.
void server::settle(std::uint64_t id, connection& c)
{
    if (!send_what_waits(c))
        return close_connection(id);
    const bool all_sent = c.unsent.empty() && c.later.empty();
    if (all_sent && (c.close_when_sent || c.peer_finished || (stopping_ && c.idle())))
        return close_connection(id);
    const bool reads = !c.peer_finished && c.unsent.size() < most_unsent && c.received.size() < most_unsent;
    const std::uint32_t wanted = (reads ? EPOLLIN : 0U) | (c.unsent.empty() ? 0U : EPOLLOUT);
    if (wanted != std::exchange(c.watched, wanted))
        watch(c.fd, id, wanted, EPOLL_CTL_MOD);
}

/// False when the connection is broken.
bool server::send_what_waits(connection& c)
{
    while (!c.unsent.empty()) {
        const auto n = ::send(c.fd, c.unsent.data(), c.unsent.size(), MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c.unsent.erase(0, static_cast<std::size_t>(n));
    }
    return true;
}

void server::close_connection(std::uint64_t id)
{
    const auto found = connections_.find(id);
    ::close(found->second.fd);
    connections_.erase(found);
}

}  // namespace

int serve(const settings& how) { return server(how).run(); }

}  // namespace demo
