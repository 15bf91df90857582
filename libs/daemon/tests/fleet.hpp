#pragma once
#include "link_store.hpp"
#include "machine.hpp"

#include <gantryd/daemon/store_copy.hpp>
#include <gantryd/model/rollout.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantryd::daemon {

/// Several simulated machines, "m1", "m2" .., on one store, in the same time.
///
/// After each step it looks whether a machine starts a container of a release that has not been live without
/// a slot for it, and whether one that serves has stopped serving; see `may_stop_serving`.
class fleet {
public:
    explicit fleet(int machines, unsigned seed = 1);
    ~fleet();
    fleet(const fleet&) = delete;
    fleet& operator=(const fleet&) = delete;

    runtime::simulation sim;
    std::unique_ptr<store::store> books = store::make_memory_store(sim.clock, 1'000'000);

    std::size_t size() const noexcept { return members_.size(); }
    machine& at(std::size_t number) { return *members_.at(number - 1).there; }
    link_store& link(std::size_t number) { return *members_.at(number - 1).link; }
    /// A further machine; its daemon is not started yet.
    machine& add(const std::string& id);
    void start_all();
    /// The machine's daemon dies; its presence is left in the store for the rest of its lease. The way to the
    /// store is whole after that.
    void crash(std::size_t number);
    void make_slow();

    void run_for(runtime::duration time, runtime::duration step = 5ms);
    bool run_until(
        const std::function<bool()>& done, runtime::duration limit = 2min, runtime::duration step = 5ms);
    /// What has to hold after each step from now on, beside all that had to before.
    void always(std::string what, std::function<bool()> holds);
    bool may_stop_serving = false;

    // ---- the operator -----------------------------------------------------------------------------------
    int release(model::component_spec spec, const std::string& tag);
    int release(const std::string& tag) { return release(machine::web(), tag); }
    /// Releases and waits until that is live and alone on every machine.
    void make_live(const std::string& tag);
    void set_intent(model::intent intent);
    /// From now on machines may have no work, and stop serving because of that.
    void set_drain(std::size_t number, bool drains);
    base::result<std::size_t> forget(std::size_t number);

    // ---- what can be seen -------------------------------------------------------------------------------
    model::release_outcome outcome_of(int number) { return at(1).outcome_of(number); }
    std::optional<model::rollout> record();
    std::map<int, store::key_value> slots();
    /// The machine in that slot; empty when it is free.
    std::string holder(int slot = 0);
    /// Releases of which containers run on the machine that are not on their way out.
    std::set<int> running_on(std::size_t number);
    /// Machines that have containers of more than one release, none of them on its way out.
    int in_change();
    /// True when every machine runs this release and nothing else, and serves it.
    bool all_run(int release);
    /// It is live, all run it, and no slot is taken.
    bool is_over(int release);
    bool all_serve();
    /// How many instances serve on a machine, and on all of them.
    std::size_t serving_on(std::size_t number) { return at(number).serving().size(); }
    std::size_t serving();
    /// True when no machine has a drain mark, in whatever sense.
    bool nobody_is_marked();
    /// The rollout and every machine, for a person who looks for what went wrong.
    std::string describe();
    /// How many calls have changed containers, on all machines.
    std::size_t changes();
    /// What the machine has kept of the store; nothing when it has no copy.
    std::optional<kept_state> copy_of(std::size_t number);
    /// True when the machine has kept just what the store says of components and drains.
    bool has_copy(std::size_t number);

    /// That `after` a while nothing is done any more, for two minutes.
    void expect_quiet(runtime::duration after = 5s, runtime::duration step = 20ms);

private:
    struct member {
        std::unique_ptr<machine> there;
        link_store* link = nullptr;
        std::size_t calls_seen = 0;
        bool served = false;
    };
    void step(runtime::duration time);
    void check(member& of);
    bool may_start(machine& on, int release);
    std::optional<std::string> value_of(const std::string& key);

    unsigned seed_;
    std::vector<member> members_;
    std::vector<std::pair<std::string, std::function<bool()>>> rules_;
};

/// Machines about as slow as real ones, all of which run release 1.
class running_fleet : public fleet {
public:
    explicit running_fleet(int machines, unsigned seed = 1);
};

}  // namespace gantryd::daemon
