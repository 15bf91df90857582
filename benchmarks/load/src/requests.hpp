#pragma once
#include "failure_log.hpp"
#include "load/driver.hpp"
#include "load/gaps.hpp"
#include "load/schedule.hpp"
#include "poller.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace demo {
struct response;
}

namespace gantryd::load {

/// The requests of a load, and the connections that carry them.
class requests {
public:
    requests(const options& what, poller& events, std::uint32_t part, time_point start, failure_log& log);
    requests(const requests&) = delete;
    requests& operator=(const requests&) = delete;
    ~requests();

    /// Sends every request that is due. None are when `no_more` was called, or the count is reached.
    void send_due();
    void no_more() { ended_ = true; }
    bool all_sent() const;

    void on_event(std::uint32_t index, std::uint32_t events);
    /// Fails what has waited too long.
    void expire();

    /// No request waits for its answer.
    bool idle() const { return in_flight_ == 0; }
    /// When send_due() or expire() has something to do next.
    time_point next_look() const;

    /// Call once, at the end.
    request_report finish();

private:
    enum class phase { unused, connecting, answering, kept, leaving };

    struct connection {
        std::uint32_t index = 0;
        phase now = phase::unused;
        int fd = -1;
        bool keeps_alive = false;
        std::uint64_t serial = 0;  ///< of the request, to know which deadline is its own
        time_point due;            ///< of the request
        std::string received;
        std::size_t unsent = 0;  ///< bytes of the request that did not fit into the socket
        int answers = 0;         ///< on this connection
    };

    struct deadline {
        time_point at;
        std::uint32_t index;
        std::uint64_t serial;
    };

    void begin(time_point due, bool keep_alive);
    bool reuse(time_point due);
    void ask_on(connection& c, time_point due);
    void connect(connection& c);
    connection& unused_connection();
    void watch(const connection& c, std::uint32_t wanted) { events_.change(c.fd, {part_, c.index}, wanted); }
    void send(connection& c);
    void receive(connection& c);
    void judge(connection& c, bool ended);
    void succeed(connection& c, const demo::response& answer, bool ended);
    void fail(connection& c, failure why, const std::string& detail);
    void leave(connection& c);
    void disconnect(connection& c);
    bool still_waits(const deadline& d) const;
    const std::string& text_for(const connection& c) const
    {
        return c.keeps_alive ? keep_text_ : close_text_;
    }

    const options& what_;
    poller& events_;
    std::uint32_t part_;
    time_point start_;
    failure_log& log_;
    schedule schedule_;
    std::string keep_text_;
    std::string close_text_;
    bool ended_ = false;
    std::int64_t next_ = 0;  ///< number of the next request
    std::uint64_t serial_ = 0;
    std::int64_t in_flight_ = 0;
    int keep_alive_connections_ = 0;
    std::deque<connection> connections_;  ///< stable in memory while it grows
    std::vector<std::uint32_t> unused_;
    std::deque<std::uint32_t> kept_;  ///< the longest idle one first
    std::deque<deadline> answers_due_;
    std::deque<deadline> leaving_;
    gaps gaps_;
    request_report report_;
};

}  // namespace gantryd::load
