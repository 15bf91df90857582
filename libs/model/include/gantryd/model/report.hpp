#pragma once
#include <gantryd/model/release.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::model {

/// Something that is not as it should be yet, or waits: the one source of every explanation.
struct condition {
    std::string code;      ///< reason code, see docs/reason-codes.md
    std::string instance;  ///< empty: the component as a whole
    std::string text;      ///< what blocks, one sentence
    base::wall_time since{};
    std::optional<base::wall_time> until;  ///< when it ends by itself
    std::string then;                      ///< what happens at `until`, or when it clears
    std::string command;                   ///< what an operator can type to change it

    friend bool operator==(const condition&, const condition&) = default;
};

/// The live connections of an instance that drains.
struct drain_numbers {
    std::int64_t http = 0;               ///< requests through HAProxy
    std::int64_t tunnels = 0;            ///< upgraded connections and those of TCP ports, through HAProxy
    std::int64_t via_old_worker = 0;     ///< those of both that a reload left in an older worker
    std::optional<std::int64_t> direct;  ///< past HAProxy; absent: they cannot be counted, or not yet

    friend bool operator==(const drain_numbers&, const drain_numbers&) = default;
};

/// One container as the daemon of its machine sees it.
struct instance_report {
    instance_name name;
    container_id container;
    release_number release{};
    image_id image;
    std::string state;   ///< prepared, created, starting, ready, serving, draining, terminating, failed
    std::string health;  ///< passing, failing, undecided
    std::string address;
    base::wall_time since{};                ///< of this state
    std::int64_t connections = 0;           ///< of all kinds
    std::optional<drain_numbers> draining;  ///< while it waits for them to end

    friend bool operator==(const instance_report&, const instance_report&) = default;
};

/// What one machine runs of one component, since when, and why not.
struct component_report {
    machine_id machine;
    std::string host;  ///< of the machine, for people: its presence is gone when it is lost
    component_name component;
    /// See planner::summary.
    std::string state;
    std::optional<release_number> running;  ///< the newest release that serves here
    std::optional<release_number> wanted;
    std::vector<instance_report> instances;
    std::vector<condition> conditions;
    std::optional<evidence> last_failure;
    base::wall_time reported_at{};
    int carries = 0;  ///< instances that it is to run here in the place of machines that are drained
    int asked = 0;    ///< instances that are to serve here, those that it carries among them

    friend bool operator==(const component_report&, const component_report&) = default;
};

/// A daemon that is there now; kept under a lease.
struct machine_report {
    machine_id id;
    std::string host;
    std::string address;                      ///< where other machines reach it; empty: not known
    std::map<std::string, std::string> tags;  ///< an operator's words about it
    int cpus = 0;                             ///< 0: not known
    std::int64_t memory_bytes = 0;            ///< of the whole machine; 0: not known
    std::int64_t pid = 0;
    std::string session;  ///< drawn anew by every start; who finds another one there is not alone with its id
    std::string version;
    std::vector<component_name> components;  ///< empty: all of the project
    base::wall_time started_at{};

    friend bool operator==(const machine_report&, const machine_report&) = default;
};

/// A machine that was to do a drained one's work, and could not.
struct carrier_failure {
    int times = 0;    ///< that it was passed over
    std::string why;  ///< the last time, in its own words

    friend bool operator==(const carrier_failure&, const carrier_failure&) = default;
};
using carrier_failures = std::map<component_name, std::map<machine_id, carrier_failure>>;

/// An operator's word that a machine is to hand its work to others; kept until it has its work again.
struct drain_mark {
    std::string by;  ///< who said so, for people
    base::wall_time at{};
    bool returns = false;  ///< it is to take its work back: others keep it until the machine does it itself
    std::vector<component_name> components;  ///< that it looks after; empty: all of the project
    carrier_failures
        failed{};  ///< the machine's own word: others come before those when its work is given out

    friend bool operator==(const drain_mark&, const drain_mark&) = default;
};

}  // namespace gantryd::model
