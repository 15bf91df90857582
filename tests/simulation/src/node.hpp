#pragma once
#include "dice.hpp"
#include "lossy_engine.hpp"
#include "lossy_proxy.hpp"
#include "nature.hpp"
#include "story.hpp"
#include "tally.hpp"

#include <gantryd/daemon/link_store.hpp>
#include <gantryd/daemon/machine.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>

namespace gantryd::simulation {

/// What chance does to the calls of a machine, and when its daemon is to die.
struct weather {
    std::uint64_t calls_fail = 0;   ///< of Docker, HAProxy and the store, each, in thousandths
    std::uint64_t events_fail = 0;  ///< of Docker, in thousandths
    std::uint64_t checks_fail = 0;  ///< in thousandths
    runtime::duration latency{};    ///< the longest usual one of a call
};

/// A machine with everything between its daemon and the world that can go wrong, and what is true of its
/// containers.
class node {
public:
    node(runtime::simulation& time, std::size_t number, std::uint64_t seed, store::store& books, story& told,
        tally& counts);
    ~node();
    node(const node&) = delete;
    node& operator=(const node&) = delete;

    /// A daemon that dies at a call: its name, and whether the call has had its effect.
    struct fatal_call {
        std::uint64_t number = 0;  ///< counted from 1; 0: none
        bool after = false;
    };

    daemon::machine there;
    fatal_call dies_at;
    std::uint64_t calls = 0;  ///< that can change something, by all daemons so far
    bool is_dying = false;    ///< at a fatal call
    bool up = false;
    bool had_amnesia = false;      ///< its ledger was lost or could not be written, ever
    bool lost_a_stop = false;      ///< Docker never heard it, and nobody can know
    bool lost_a_pull = false;      ///< or its answer: its daemon waits for long
    bool had_mark = false;         ///< it was to drain, ever
    bool proxy_disturbed = false;  ///< by others than us; taken note of by the promises
    std::map<model::container_id, true_run> truth;
    std::function<drawn_run(dice&, const docker::fake_container&)> draws;  ///< how a run goes

    void set_weather(const weather& next);
    void start();
    /// The daemon dies in the middle of whatever it does. Nobody says goodbye, nothing more is written.
    void kill();
    /// All containers and HAProxy go with the machine, and it is there again at once.
    void reboot();
    void cut();
    void heal();
    void lose_ledger();
    void set_ledger_writable(bool writable);
    void stall_watches(bool stalled) { way_->watches_stall = stalled; }
    void look_rarely();
    const std::string& name() const { return there.id; }
    /// When the table that HAProxy was given last was sent to it.
    runtime::time_point table_sent_at() const { return proxy_.table_sent_at; }

private:
    fate judge_call(const std::string& call, bool of_proxy);
    bool is_fatal(const std::string& call);
    void wire();

    weather weather_;
    runtime::simulation& sim_;
    dice chance_;
    store::store& books_;
    story& story_;
    tally& counts_;
    std::unique_ptr<store::store> disk_;
    daemon::link_store* way_ = nullptr;
    daemon::link_store* way_to_disk_ = nullptr;
    lossy_engine engine_;
    lossy_proxy proxy_;
    bool is_cut_ = false;
    bool is_ledger_writable_ = true;
    int boots_ = 1;
};

}  // namespace gantryd::simulation
