#include "requests.hpp"

#include "http_message.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace gantryd::load {
namespace {

constexpr std::int64_t most_in_flight = 20'000;
constexpr std::chrono::seconds leave_within{1};  ///< a server that was told to close, and does not

std::string request_text(const options& what, bool keep_alive)
{
    const auto& how = what.requests;
    auto out = fmt::format(
        "{} {} HTTP/1.1\r\nHost: {}\r\n", how.post_bytes > 0 ? "POST" : "GET", how.path, what.address);
    if (how.post_bytes > 0)
        out += fmt::format("Content-Length: {}\r\n", how.post_bytes);
    out += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
    return out.append(how.post_bytes, 'x');
}

std::chrono::microseconds in_us(clock::duration value)
{
    return std::chrono::duration_cast<std::chrono::microseconds>(value);
}

}  // namespace

requests::requests(
    const options& what, poller& events, std::uint32_t part, time_point start, failure_log& log)
    : what_(what),
      events_(events),
      part_(part),
      start_(start),
      log_(log),
      schedule_(what.requests.rate, what.requests.keep_alive_percent),
      keep_text_(request_text(what, true)),
      close_text_(request_text(what, false)),
      ended_(what.requests.rate <= 0)
{
}

requests::~requests()
{
    for (auto& c : connections_)
        disconnect(c);
}

bool requests::all_sent() const
{
    return ended_ || (what_.requests.count > 0 && next_ >= what_.requests.count);
}

void requests::send_due()
{
    while (!all_sent() && start_ + schedule_.due(next_) <= clock::now()) {
        const auto due = start_ + schedule_.due(next_);
        ++report_.sent;
        report_.own_delay.add(in_us(clock::now() - due));
        begin(due, schedule_.keeps_alive(next_++));
    }
}

time_point requests::next_look() const
{
    auto next = all_sent() ? time_point::max() : start_ + schedule_.due(next_);
    if (!answers_due_.empty())
        next = std::min(next, answers_due_.front().at);
    if (!leaving_.empty())
        next = std::min(next, leaving_.front().at);
    return next;
}

void requests::begin(time_point due, bool keep_alive)
{
    if (keep_alive && keep_alive_connections_ >= what_.requests.connections && reuse(due))
        return;
    auto& c = unused_connection();
    c.now = phase::connecting;
    c.answers = 0;
    c.keeps_alive = keep_alive;
    keep_alive_connections_ += keep_alive ? 1 : 0;
    ask_on(c, due);
    if (in_flight_ > most_in_flight)
        return fail(c, failure::unsent, "too many requests wait for their answers");
    connect(c);
}

/// Sends the request over the connection that has been idle longest. False when there is none.
bool requests::reuse(time_point due)
{
    while (!kept_.empty()) {
        auto& c = connections_[kept_.front()];
        kept_.pop_front();
        char byte = 0;
        // Closed, or not empty, between two requests: the server may close, so that is no failure.
        if (::recv(c.fd, &byte, 1, MSG_PEEK) >= 0 || errno != EAGAIN) {
            disconnect(c);
            continue;
        }
        c.now = phase::answering;
        ask_on(c, due);
        send(c);
        return true;
    }
    return false;
}

void requests::ask_on(connection& c, time_point due)
{
    c.due = due;
    c.serial = ++serial_;
    c.received.clear();
    c.unsent = text_for(c).size();
    ++in_flight_;
    answers_due_.push_back({due + what_.requests.answer_within, c.index, c.serial});
}

requests::connection& requests::unused_connection()
{
    if (unused_.empty()) {
        auto& c = connections_.emplace_back();
        c.index = static_cast<std::uint32_t>(connections_.size() - 1);
        return c;
    }
    const auto index = unused_.back();
    unused_.pop_back();
    return connections_[index];
}

void requests::connect(connection& c)
{
    c.fd = begin_connect(what_.address, what_.port);
    if (c.fd >= 0)
        return events_.add(c.fd, {part_, c.index}, EPOLLOUT);
    const bool ours = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == EADDRNOTAVAIL;
    fail(c, ours ? failure::unsent : failure::refused, std::generic_category().message(errno));
}

void requests::on_event(std::uint32_t index, std::uint32_t events)
{
    auto& c = connections_[index];
    switch (c.now) {
    case phase::unused: return;  // an earlier event of the same batch closed it
    case phase::kept:            // closed, or not empty, between two requests
        std::erase(kept_, index);
        return disconnect(c);
    case phase::leaving: return disconnect(c);
    case phase::connecting:
        if (const int problem = connect_outcome(c.fd); problem != 0)
            return fail(c, failure::refused, std::generic_category().message(problem));
        c.now = phase::answering;
        watch(c, EPOLLIN);
        return send(c);
    case phase::answering:
        if ((events & EPOLLOUT) != 0 && c.unsent > 0)
            send(c);
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && c.now == phase::answering)
            receive(c);
    }
}

void requests::send(connection& c)
{
    const auto& text = text_for(c);
    const bool waited = c.unsent < text.size();
    while (c.unsent > 0) {
        const auto n = ::send(c.fd, text.data() + (text.size() - c.unsent), c.unsent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return watch(c, EPOLLIN | EPOLLOUT);
        if (n < 0)
            return fail(c, failure::reset, fmt::format("send: {}", std::generic_category().message(errno)));
        c.unsent -= static_cast<std::size_t>(n);
    }
    if (waited)
        watch(c, EPOLLIN);
}

void requests::receive(connection& c)
{
    std::array<char, 16UL * 1024> bytes;
    for (;;) {
        const auto n = ::recv(c.fd, bytes.data(), bytes.size(), 0);
        if (n < 0 && errno == EAGAIN)
            return judge(c, false);
        if (n < 0)
            return fail(c, c.received.empty() ? failure::reset : failure::cut,
                fmt::format("{} after {} bytes of the answer", std::generic_category().message(errno),
                    c.received.size()));
        if (n == 0)
            return judge(c, true);
        c.received.append(bytes.data(), static_cast<std::size_t>(n));
    }
}

/// Looks at what has come so far. `ended`: nothing will follow.
void requests::judge(connection& c, bool ended)
{
    demo::response answer;
    const auto parsed = demo::parse_response(c.received, ended, answer);
    if (parsed == demo::parse_status::incomplete)
        return;
    if (parsed == demo::parse_status::malformed && !ended)
        return fail(c, failure::malformed, "not an HTTP answer: " + c.received.substr(0, 40));
    if (parsed == demo::parse_status::malformed)
        return fail(c, c.received.empty() ? failure::closed : failure::cut,
            fmt::format("closed after {} bytes of the answer", c.received.size()));
    if (answer.size != c.received.size())
        return fail(c, failure::malformed,
            fmt::format("{} bytes behind the answer's end", c.received.size() - answer.size));
    if (answer.status / 100 != 2)
        return fail(c, failure::status, std::to_string(answer.status));
    succeed(c, answer, ended);
}

void requests::succeed(connection& c, const demo::response& answer, bool ended)
{
    const auto now = clock::now();
    const auto took = in_us(now - c.due);
    const auto at = std::chrono::duration_cast<milliseconds>(now - start_);
    ++report_.answered;
    report_.late += took > what_.requests.late_after ? 1 : 0;
    report_.latency.add(took);
    gaps_.answer(now - start_);
    auto& seen = report_.versions[answer.body.substr(0, std::min<std::size_t>(answer.body.find('\n'), 64))];
    seen.first = seen.answers++ == 0 ? at : seen.first;
    seen.last = at;
    --in_flight_;
    ++c.answers;
    const auto most_kept = static_cast<std::size_t>(what_.requests.connections);
    const bool surplus = c.keeps_alive && kept_.size() >= most_kept;
    if (ended || surplus)
        return disconnect(c);
    if (!c.keeps_alive || !answer.keep_alive)
        return leave(c);
    c.now = phase::kept;
    kept_.push_back(c.index);
}

void requests::fail(connection& c, failure why, const std::string& detail)
{
    ++report_.failed[why];
    --in_flight_;
    log_.add(clock::now(), fmt::format("request {} of a {} connection from port {}: {}: {}", c.answers + 1,
                               c.keeps_alive ? "kept" : "new", local_port(c.fd), text_of(why), detail));
    disconnect(c);
}

/// Lets the server close first, as it was told to: the end that closes first keeps the port for a minute.
void requests::leave(connection& c)
{
    c.now = phase::leaving;
    c.serial = ++serial_;
    leaving_.push_back({clock::now() + leave_within, c.index, c.serial});
}

void requests::disconnect(connection& c)
{
    if (c.now == phase::unused)
        return;
    if (c.fd >= 0)
        ::close(c.fd);
    c.fd = -1;
    c.now = phase::unused;
    keep_alive_connections_ -= c.keeps_alive ? 1 : 0;
    unused_.push_back(c.index);
}

bool requests::still_waits(const deadline& d) const
{
    const auto& c = connections_[d.index];
    return c.serial == d.serial && c.now != phase::unused && c.now != phase::kept;
}

void requests::expire()
{
    const auto now = clock::now();
    const auto over = [&](const deadline& d) { return d.at <= now || !still_waits(d); };
    for (; !answers_due_.empty() && over(answers_due_.front()); answers_due_.pop_front())
        if (still_waits(answers_due_.front())) {
            auto& c = connections_[answers_due_.front().index];
            fail(c, failure::timed_out,
                fmt::format("{} bytes of an answer in {} ms", c.received.size(),
                    what_.requests.answer_within.count()));
        }
    for (; !leaving_.empty() && over(leaving_.front()); leaving_.pop_front())
        if (still_waits(leaving_.front()))
            disconnect(connections_[leaving_.front().index]);
}

request_report requests::finish()
{
    if (report_.sent > 0)
        gaps_.end(schedule_.due(next_ - 1));
    report_.longest_gap = in_us(gaps_.longest());
    report_.longest_gap_at = std::chrono::duration_cast<milliseconds>(gaps_.began());
    return report_;
}

}  // namespace gantryd::load
