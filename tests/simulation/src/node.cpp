#include "node.hpp"

#include <set>

namespace gantryd::simulation {
namespace {

using namespace std::chrono_literals;
using link = daemon::link_store;

/// Calls whose effect is more than an answer.
bool changes_something(const std::string& call)
{
    static const std::set<std::string> verbs{"create", "start", "stop", "kill", "remove", "update", "pull"};
    return verbs.contains(call);
}

}  // namespace

node::node(runtime::simulation& time, std::size_t number, std::uint64_t seed, store::store& books,
    story& told, tally& counts)
    : there(time, "m" + std::to_string(number), static_cast<unsigned>(seed)),
      sim_(time),
      chance_(seed),
      books_(books),
      story_(told),
      counts_(counts),
      disk_(store::make_memory_store(time.clock)),
      engine_(time.clock, there.docker),
      proxy_(time.clock, there.proxy)
{
    auto way = std::make_unique<link>(time.clock, books_);
    way_ = way.get();
    way_->between_looks = chance_.between(2s, 20s);
    there.desired = std::move(way);
    lose_ledger();
    there.books = &books_;
    there.engine = &engine_;
    there.way_to_proxy = &proxy_;
    wire();
}

node::~node() { kill(); }

void node::wire()
{
    engine_.decides = [this](const std::string& call) { return judge_call(call, false); };
    proxy_.decides = [this](const std::string& call) { return judge_call(call, true); };
    way_->fate_of_next = [this](bool is_commit) {
        if (is_commit && is_fatal("commit"))
            return dies_at.after ? link::fate::answer_lost : link::fate::question_lost;
        if (!chance_.per_mille(weather_.calls_fail))
            return link::fate::answered;
        switch (chance_.below(3)) {
        case 0: counts_.count(fault::store_refused); return link::fate::refused;
        case 1: counts_.count(fault::store_question_lost); return link::fate::question_lost;
        default: counts_.count(fault::store_answer_lost); return link::fate::answer_lost;
        }
    };
    there.docker.event_copies = [this](const docker::container_event&) {
        if (!chance_.per_mille(weather_.events_fail))
            return 1;
        const bool lost = chance_.one_in(2);
        counts_.count(lost ? fault::docker_event_lost : fault::docker_event_twice);
        return lost ? 0 : 2;
    };
    there.docker.on_start = [this](const docker::fake_container& of) {
        auto drawn = draws(chance_, of);
        truth[of.details.id] = drawn.truth;
        return drawn.how;
    };
    there.prober.on_probe = [this](const model::check_spec& check, const health::probe_target& target) {
        auto& run = truth[target.container];
        const auto* container = there.docker.find(target.container.text());
        if (container == nullptr || !container->is_running())
            return health::probe_result{false, "connection refused"};
        if (check.id == "done")
            return health::probe_result{true, "ok"};
        const bool unlucky = !run.failed_a_check && chance_.per_mille(weather_.checks_fail);
        run.failed_a_check = unlucky;
        if (unlucky)
            counts_.count(fault::check_failed);
        return run.is_well(sim_.clock.now()) && !unlucky ? health::probe_result{true, "ok"}
                                                         : health::probe_result{false, "connection refused"};
    };
}

bool node::is_fatal(const std::string& call)
{
    if (++calls != dies_at.number)
        return false;
    story_.tell(name(), "*** gantryd dies {} \"{}\"", dies_at.after ? "after" : "before", call);
    counts_.count(dies_at.after ? fault::daemon_killed_after_call : fault::daemon_killed_before_call);
    is_dying = true;
    return true;
}

fate node::judge_call(const std::string& call, bool of_proxy)
{
    if (changes_something(call) && is_fatal(call))
        return {dies_at.after ? fate::kind::answer_lost : fate::kind::question_lost};
    fate out;
    if (weather_.latency > 0ms) {
        out.before = chance_.between(0ms, std::chrono::floor<std::chrono::milliseconds>(weather_.latency));
        out.after = chance_.between(0ms, std::chrono::floor<std::chrono::milliseconds>(weather_.latency));
    }
    if (!chance_.per_mille(weather_.calls_fail))
        return out;
    struct possibility {
        fate::kind kind;
        fault docker;
        fault proxy;
    };
    static constexpr std::array all{
        possibility{fate::kind::refused, fault::docker_refused, fault::proxy_away},
        possibility{fate::kind::question_lost, fault::docker_question_lost, fault::proxy_away},
        possibility{fate::kind::answer_lost, fault::docker_answer_lost, fault::proxy_answer_lost},
        possibility{fate::kind::answered, fault::docker_slow, fault::proxy_slow},
        possibility{fate::kind::half_done, fault::docker_refused, fault::proxy_partial}};
    const auto& drawn = all[chance_.below(of_proxy ? all.size() : all.size() - 1)];
    out.what = of_proxy && call != "update" && drawn.kind == fate::kind::half_done ? fate::kind::refused
                                                                                   : drawn.kind;
    if (drawn.kind == fate::kind::answered)
        (chance_.one_in(2) ? out.before : out.after) = chance_.between(1s, 10s);
    // One that comes late is as good as lost: its daemon does not know, and goes by when it sent it.
    const bool stop_is_late = out.what == fate::kind::question_lost || out.before >= 1s;
    lost_a_stop = lost_a_stop || (call == "stop" && stop_is_late);
    lost_a_pull = lost_a_pull || (call == "pull" && out.what != fate::kind::refused);
    counts_.count(of_proxy ? drawn.proxy : drawn.docker);
    story_.tell(name(), "({} of {}: {})", call, of_proxy ? "haproxy" : "docker",
        fault_names[static_cast<std::size_t>(of_proxy ? drawn.proxy : drawn.docker)]);
    return out;
}

void node::set_weather(const weather& next)
{
    weather_ = next;
    way_->latency = next.latency / 2;
    there.prober.delay = next.latency;
}

void node::start()
{
    up = true;
    there.start();
}

void node::kill()
{
    up = is_dying = false;
    dies_at = {};
    way_->drop();
    way_to_disk_->drop();
    there.crash();
    way_->heal();
    way_to_disk_->heal();
    if (is_cut_)
        way_->cut();
    set_ledger_writable(is_ledger_writable_);
}

void node::reboot()
{
    kill();
    there.boot_id = "boot-" + std::to_string(++boots_);
    const bool kept = std::exchange(there.docker.live_restore, false);
    there.docker.restart();
    there.docker.live_restore = kept;
    there.proxy.kill();
    proxy_disturbed = true;
}

void node::cut()
{
    is_cut_ = true;
    way_->cut();
}

void node::heal()
{
    is_cut_ = false;
    way_->heal();
}

void node::lose_ledger()
{
    disk_ = store::make_memory_store(sim_.clock);
    auto way = std::make_unique<link>(sim_.clock, *disk_);
    way_to_disk_ = way.get();
    there.ledger = std::move(way);
    set_ledger_writable(is_ledger_writable_);
}

void node::set_ledger_writable(bool writable)
{
    is_ledger_writable_ = writable;
    way_to_disk_->fate_of_next = [this, writable](bool is_commit) {
        if (is_commit && is_fatal("write the ledger"))
            return dies_at.after ? link::fate::answer_lost : link::fate::question_lost;
        return writable ? link::fate::answered : link::fate::refused;
    };
}

void node::look_rarely() { way_->between_looks = way_to_disk_->between_looks = 2h; }

}  // namespace gantryd::simulation
