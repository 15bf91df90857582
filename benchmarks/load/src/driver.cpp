#include "load/driver.hpp"

#include "requests.hpp"
#include "streams.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>

namespace gantryd::load {
namespace {

/// The parts of one load, and the loop that turns them.
class driver {
public:
    explicit driver(const options& what)
        : start_(clock::now()),
          end_(what.duration.count() > 0 ? start_ + what.duration : time_point::max()),
          log_(start_),
          requests_(what, events_, requests_part, start_, log_),
          tcp_(streams::kind::tcp, what, events_, tcp_part, log_),
          upgraded_(streams::kind::upgraded, what, events_, upgraded_part, log_)
    {
    }

    report run(const std::atomic<bool>& stop, bool only_counted);

private:
    enum part : std::uint32_t { requests_part, tcp_part, upgraded_part };

    void end();
    void look();
    void wait();
    bool idle() const { return requests_.idle() && tcp_.idle() && upgraded_.idle(); }

    poller events_;
    time_point start_;
    time_point end_;
    failure_log log_;
    requests requests_;
    streams tcp_;
    streams upgraded_;
};

report driver::run(const std::atomic<bool>& stop, bool only_counted)
{
    // What is under way when the load ends has deadlines of its own, so this loop ends.
    for (bool ended = false; !ended || !idle();) {
        if (!ended && (stop.load() || clock::now() >= end_ || (only_counted && requests_.all_sent()))) {
            ended = true;
            end();
        }
        look();
        wait();
    }
    report out;
    out.took = std::chrono::duration_cast<milliseconds>(clock::now() - start_);
    out.requests = requests_.finish();
    out.tcp = tcp_.finish();
    out.upgraded = upgraded_.finish();
    out.failures = log_.take();
    return out;
}

void driver::end()
{
    requests_.no_more();
    tcp_.end();
    upgraded_.end();
}

void driver::look()
{
    requests_.send_due();
    requests_.expire();
    tcp_.look();
    upgraded_.look();
}

void driver::wait()
{
    auto until = std::min(clock::now() + std::chrono::milliseconds(20), requests_.next_look());
    until = std::min({until, tcp_.next_look(), upgraded_.next_look()});
    std::array<epoll_event, 128> room{};
    for (const auto& event : events_.wait(room, until)) {
        const auto who = poller::token_of(event);
        switch (static_cast<part>(who.part)) {
        case requests_part: requests_.on_event(who.index, event.events); break;
        case tcp_part: tcp_.on_event(who.index, event.events); break;
        case upgraded_part: upgraded_.on_event(who.index, event.events); break;
        }
    }
}

}  // namespace

report run(const options& what, const std::atomic<bool>& stop)
{
    return driver(what).run(stop, what.requests.count > 0);
}

void raise_file_limit()
{
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

void run_before_others()
{
    sched_param first{};
    first.sched_priority = 1;
    (void)::sched_setscheduler(0, SCHED_FIFO, &first);
}

}  // namespace gantryd::load
