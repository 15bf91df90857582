#pragma once
#include "failure_log.hpp"
#include "load/driver.hpp"
#include "load/pattern.hpp"
#include "poller.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace gantryd::load {

/// The echo streams of one kind.
class streams {
public:
    enum class kind { tcp, upgraded };

    streams(kind which, const options& what, poller& events, std::uint32_t part, failure_log& log);
    streams(const streams&) = delete;
    streams& operator=(const streams&) = delete;
    ~streams();

    /// Opens, sends and closes what is due, and fails what has waited too long.
    void look();
    void on_event(std::uint32_t index, std::uint32_t events);

    /// From now on nothing is opened or sent; each stream ends when all of its bytes are back.
    void end() { ended_ = true; }
    bool idle() const;
    time_point next_look() const;

    stream_report finish() const { return report_; }

private:
    enum class phase { closed, connecting, upgrading, echoing };

    struct stream {
        phase now = phase::closed;
        int fd = -1;
        time_point opened;
        time_point next;              ///< when it is opened, or sends its next chunk
        time_point ends;              ///< when it has lived long enough
        time_point waiting_since;     ///< for an answer, or for the oldest byte that is not back
        std::uint64_t echo_mark = 0;  ///< once so many bytes are back, waiting_since counts anew
        pattern bytes{0};
        std::string unsent;
        std::string answer;  ///< of the upgrade
    };

    void look_at(std::uint32_t index, time_point now);
    void open(std::uint32_t index, time_point now);
    void connected(stream& s, std::uint32_t index);
    void begin_echo(stream& s);
    void send_chunk(stream& s, std::uint32_t index, time_point now);
    void send(stream& s, std::uint32_t index);
    void receive(stream& s, std::uint32_t index);
    void take(stream& s, std::uint32_t index, std::string_view bytes);
    void take_answer(stream& s, std::uint32_t index, std::string_view bytes);
    void fail(stream& s, std::uint32_t index, std::int64_t& counter, const std::string& why);
    void close(stream& s);
    bool all_back(const stream& s) const { return s.unsent.empty() && s.bytes.received() == s.bytes.sent(); }

    kind which_;
    const options& what_;
    poller& events_;
    std::uint32_t part_;
    failure_log& log_;
    bool ended_ = false;
    std::uint64_t opened_ = 0;
    std::vector<stream> streams_;
    stream_report report_;
};

}  // namespace gantryd::load
