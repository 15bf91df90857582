#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gantryd::simulation {

/// What can go wrong in a life.
enum class fault {
    docker_refused,
    docker_question_lost,
    docker_answer_lost,
    docker_slow,
    docker_event_lost,
    docker_event_twice,
    docker_away,
    docker_restarted,
    container_died,
    container_out_of_memory,
    check_failed,
    registry_away,
    proxy_died,
    proxy_away,
    proxy_partial,
    proxy_answer_lost,
    proxy_slow,
    port_taken,
    store_refused,
    store_question_lost,
    store_answer_lost,
    store_cut,
    watch_stalled,
    lease_lost,
    history_short,
    daemon_killed,
    daemon_killed_before_call,
    daemon_killed_after_call,
    machine_rebooted,
    ledger_unwritable,
    ledger_lost,
    clock_set,
    bad_image,
};

inline constexpr std::array fault_names{"docker refused", "docker question lost", "docker answer lost",
    "docker slow", "docker event lost", "docker event twice", "docker away", "docker restarted",
    "container died", "container out of memory", "check failed once", "registry away", "haproxy died",
    "haproxy away", "haproxy partial apply", "haproxy answer lost", "haproxy slow", "port taken",
    "store refused", "store question lost", "store answer lost", "store cut off", "watch stalled",
    "lease lost", "store history short", "gantryd killed", "gantryd killed before a call",
    "gantryd killed after a call", "machine rebooted", "ledger unwritable", "ledger lost", "clock set",
    "bad image"};
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(fault::bad_image) + 1;
static_assert(fault_names.size() == fault_kinds);

/// What lives were made of.
struct tally {
    std::array<std::uint64_t, fault_kinds> faults{};
    std::uint64_t lives = 0;
    std::uint64_t commands = 0;
    std::uint64_t plans = 0;
    std::uint64_t checks = 0;           ///< of promises
    std::uint64_t virtual_seconds = 0;  ///< all lives together

    void count(fault what) { ++faults[static_cast<std::size_t>(what)]; }
    void add(const tally& other)
    {
        for (std::size_t i = 0; i < fault_kinds; ++i)
            faults[i] += other.faults[i];
        lives += other.lives;
        commands += other.commands;
        plans += other.plans;
        checks += other.checks;
        virtual_seconds += other.virtual_seconds;
    }
};

}  // namespace gantryd::simulation
