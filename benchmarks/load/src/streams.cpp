#include "streams.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace gantryd::load {
namespace {

constexpr std::chrono::milliseconds open_again_after{100};
constexpr std::uint64_t most_under_way = 64UL * 1024;

}  // namespace

streams::streams(kind which, const options& what, poller& events, std::uint32_t part, failure_log& log)
    : which_(which),
      what_(what),
      events_(events),
      part_(part),
      log_(log),
      streams_(static_cast<std::size_t>(which == kind::tcp ? what.streams.tcp : what.streams.upgraded))
{
    report_.asked = static_cast<std::int64_t>(streams_.size());
}

streams::~streams()
{
    for (auto& s : streams_)
        close(s);
}

bool streams::idle() const
{
    return std::ranges::all_of(streams_, [](const stream& s) { return s.now == phase::closed; });
}

time_point streams::next_look() const
{
    auto next = time_point::max();
    for (const auto& s : streams_)
        if (s.now == phase::echoing ? !ended_ : s.now == phase::closed && !ended_)
            next = std::min(next, s.next);
    return next;
}

void streams::look()
{
    const auto now = clock::now();
    for (std::uint32_t i = 0; i < streams_.size(); ++i)
        look_at(i, now);
}

void streams::look_at(std::uint32_t index, time_point now)
{
    auto& s = streams_[index];
    if (s.now == phase::closed) {
        if (!ended_ && s.next <= now)
            open(index, now);
        return;
    }
    const bool waits = s.now != phase::echoing || !all_back(s);
    if (waits && now - s.waiting_since > what_.streams.echo_within) {
        const bool open_now = s.now == phase::echoing;
        return fail(s, index, open_now ? report_.stalled : report_.refused, "no answer in time");
    }
    if (s.now != phase::echoing)
        return;
    if (ended_ || s.ends <= now) {
        if (!all_back(s))
            return;
        ++report_.ended;
        close(s);
        s.next = now;
    } else if (s.next <= now) {
        s.next = std::max(s.next + what_.streams.pause, now);
        send_chunk(s, index, now);
    }
}

void streams::open(std::uint32_t index, time_point now)
{
    auto& s = streams_[index];
    const bool first = s.opened == time_point();
    s.now = phase::connecting;
    s.opened = s.waiting_since = s.next = now;
    s.ends = time_point::max();
    if (const auto life = what_.streams.life; life.count() > 0) {
        // The first lives differ, so that the later ones begin at all times.
        const auto share = static_cast<std::int64_t>(streams_.size());
        s.ends = now + (first ? life * (index + 1) / share : life);
    }
    s.bytes = pattern(++opened_ * 2 + (which_ == kind::tcp ? 0 : 1));
    s.echo_mark = 0;
    s.unsent.clear();
    s.answer.clear();
    s.fd = begin_connect(what_.address, which_ == kind::tcp ? what_.streams.tcp_port : what_.port);
    if (s.fd < 0)
        return fail(s, index, report_.refused, std::generic_category().message(errno));
    events_.add(s.fd, {part_, index}, EPOLLOUT);
}

void streams::on_event(std::uint32_t index, std::uint32_t events)
{
    auto& s = streams_[index];
    if (s.now == phase::closed)
        return;  // an earlier event of the same batch closed it
    if (s.now == phase::connecting) {
        if (const int problem = connect_outcome(s.fd); problem != 0)
            return fail(s, index, report_.refused, std::generic_category().message(problem));
        return connected(s, index);
    }
    if ((events & EPOLLOUT) != 0 && !s.unsent.empty())
        send(s, index);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && s.now != phase::closed)
        receive(s, index);
}

void streams::connected(stream& s, std::uint32_t index)
{
    events_.change(s.fd, {part_, index}, EPOLLIN);
    if (which_ == kind::tcp)
        return begin_echo(s);
    s.now = phase::upgrading;
    s.unsent = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
        what_.requests.path, what_.address);
    send(s, index);
}

void streams::begin_echo(stream& s)
{
    s.now = phase::echoing;
    ++report_.opened;
}

void streams::send_chunk(stream& s, std::uint32_t index, time_point now)
{
    if (s.bytes.sent() - s.bytes.received() > most_under_way)
        return;  // it is behind: more would only fill buffers
    if (all_back(s)) {
        s.waiting_since = now;
        s.echo_mark = s.bytes.sent() + what_.streams.chunk_bytes;
    }
    s.unsent += s.bytes.next(what_.streams.chunk_bytes);
    send(s, index);
}

void streams::send(stream& s, std::uint32_t index)
{
    while (!s.unsent.empty()) {
        const auto n = ::send(s.fd, s.unsent.data(), s.unsent.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return events_.change(s.fd, {part_, index}, EPOLLIN | EPOLLOUT);
        if (n < 0)
            return fail(s, index, s.now == phase::echoing ? report_.cut : report_.refused,
                fmt::format("send: {}", std::generic_category().message(errno)));
        s.unsent.erase(0, static_cast<std::size_t>(n));
    }
    events_.change(s.fd, {part_, index}, EPOLLIN);
}

void streams::receive(stream& s, std::uint32_t index)
{
    std::array<char, 16UL * 1024> bytes;
    while (s.now != phase::closed) {
        const auto n = ::recv(s.fd, bytes.data(), bytes.size(), 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            return fail(s, index, s.now == phase::echoing ? report_.cut : report_.refused,
                n == 0 ? "closed by the other end" : std::generic_category().message(errno));
        take(s, index, {bytes.data(), static_cast<std::size_t>(n)});
    }
}

void streams::take(stream& s, std::uint32_t index, std::string_view bytes)
{
    if (s.now == phase::upgrading)
        return take_answer(s, index, bytes);
    const auto before = s.bytes.received();
    const bool right = s.bytes.accept(bytes);
    report_.bytes += static_cast<std::int64_t>(s.bytes.received() - before);
    if (!right)
        return fail(s, index, report_.corrupted,
            fmt::format("byte {} is not the one that was sent", s.bytes.received()));
    if (s.bytes.received() < s.echo_mark)
        return;
    const auto now = clock::now();
    report_.slowest_echo = std::max(
        report_.slowest_echo, std::chrono::duration_cast<std::chrono::microseconds>(now - s.waiting_since));
    s.waiting_since = now;
    s.echo_mark = s.bytes.sent();
}

void streams::take_answer(stream& s, std::uint32_t index, std::string_view bytes)
{
    s.answer += bytes;
    const auto end = s.answer.find("\r\n\r\n");
    if (end == std::string::npos)
        return;
    if (!s.answer.starts_with("HTTP/1.1 101 "))
        return fail(s, index, report_.refused, "not upgraded: " + s.answer.substr(0, s.answer.find('\r')));
    begin_echo(s);
    if (const auto rest = s.answer.substr(end + 4); !rest.empty())
        take(s, index, rest);
}

void streams::fail(stream& s, std::uint32_t index, std::int64_t& counter, const std::string& why)
{
    ++counter;
    const auto now = clock::now();
    log_.add(now, fmt::format("{} stream {} from port {}, open for {} ms, {} bytes sent, {} back: {}",
                      which_ == kind::tcp ? "tcp" : "upgraded", index, local_port(s.fd),
                      (now - s.opened) / std::chrono::milliseconds(1), s.bytes.sent() - s.unsent.size(),
                      s.bytes.received(), why));
    close(s);
    s.next = now + open_again_after;
}

void streams::close(stream& s)
{
    if (s.fd >= 0)
        ::close(s.fd);
    s.fd = -1;
    s.now = phase::closed;
}

}  // namespace gantryd::load
