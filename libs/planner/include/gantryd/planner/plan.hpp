#pragma once
#include <gantryd/planner/reasons.hpp>
#include <gantryd/planner/world.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace gantryd::planner {

/// Make a container for a release; pull its image first where it is missing.
struct create_instance {
    model::instance_name name;
    model::component_name component;
    model::release_number release{};
    bool ahead = false;  ///< of what is here, for a turn to come; that this fails says nothing of the release
    friend auto operator<=>(const create_instance&, const create_instance&) = default;
};
/// Start a container that was made: just now, before this machine's turn, or before a crash of ours.
struct start_instance {
    model::instance_name name;
    friend auto operator<=>(const start_instance&, const start_instance&) = default;
};
/// From now on it may serve.
struct mark_ready {
    model::instance_name name;
    friend auto operator<=>(const mark_ready&, const mark_ready&) = default;
};
/// Gather its evidence and count it as a failure of its release.
struct condemn_instance {
    model::instance_name name;
    std::string why;
    friend auto operator<=>(const condemn_instance&, const condemn_instance&) = default;
};
/// It is to go: no new traffic, then the steps of gantryd::drain.
struct begin_drain {
    model::instance_name name;
    std::string why;
    bool is_failure = false;  ///< counts as a failure of its release
    friend auto operator<=>(const begin_drain&, const begin_drain&) = default;
};
struct send_signals {
    model::instance_name name;
    friend auto operator<=>(const send_signals&, const send_signals&) = default;
};
struct stop_instance {
    model::instance_name name;
    friend auto operator<=>(const stop_instance&, const stop_instance&) = default;
};
struct kill_instance {
    model::instance_name name;
    friend auto operator<=>(const kill_instance&, const kill_instance&) = default;
};
struct remove_instance {
    model::instance_name name;
    friend auto operator<=>(const remove_instance&, const remove_instance&) = default;
};
/// Make the proxy's table equal to this one.
struct update_proxy {
    std::vector<haproxy_config::route> routes;
    friend bool operator==(const update_proxy&, const update_proxy&) = default;
};
/// Write down how a release turned out.
struct settle_release {
    model::component_name component;
    model::release_number release{};
    model::release_outcome outcome = model::release_outcome::live;
    friend auto operator<=>(const settle_release&, const settle_release&) = default;
};

/// Give a component link its address: the host, where one is told, and a free port of the machine, drawn when
/// the link has the port `instead_of` (0: none yet).
struct allot_link {
    std::string link;
    std::string host;
    std::uint16_t instead_of = 0;
    friend auto operator<=>(const allot_link&, const allot_link&) = default;
};
/// Count a failure of a release that never got as far as a container.
struct fail_release {
    model::component_name component;
    model::release_number release{};
    std::string why;
    friend auto operator<=>(const fail_release&, const fail_release&) = default;
};
/// Make a release of an order that names none: of the stored config and the image that it names.
struct release_order {
    model::component_name component;
    model::image_id image;
    friend auto operator<=>(const release_order&, const release_order&) = default;
};

/// Find out whether this machine could run a release, its image fetched if need be, and tell the others.
struct prepare_release {
    model::component_name component;
    model::release_number release{};
    friend auto operator<=>(const prepare_release&, const prepare_release&) = default;
};

/// What a machine of a fleet does to a component's rollout: one transaction each.
enum class rollout_move {
    claim,         ///< take a slot
    pass_on,       ///< keep the slot for a newer release that was wanted meanwhile
    leave,         ///< free the slot
    fail,          ///< the release has failed: whoever has it goes back
    halt,          ///< the same, and everybody stays as he is
    finish,        ///< every machine has it
    declare_lost,  ///< take the slot away from a machine that is gone
};
struct move_rollout {
    model::component_name component;
    rollout_move what{};
    model::release_number release{};  ///< that is rolled out; of leave: that runs here now, zero: nothing new
    int slot = 0;
    int slots = 0;      ///< of claim and pass_on: how many there are, should this begin the rollout
    bool ends = false;  ///< of leave: it was the last machine
    std::string why;    ///< of fail and halt
    friend auto operator<=>(const move_rollout&, const move_rollout&) = default;
};

/// This machine has all its work again: its drain mark goes, and with it what others carried for it.
struct end_return {
    std::int64_t mark_revision = 0;  ///< of the mark
    friend auto operator<=>(const end_return&, const end_return&) = default;
};

/// A machine that was to carry instances of this one, which is drained, cannot: another one is to be asked.
struct pass_over {
    model::component_name component;
    model::machine_id carrier;
    std::string why;
    std::int64_t mark_revision = 0;  ///< of this machine's drain mark, which tells everybody
    friend auto operator<=>(const pass_over&, const pass_over&) = default;
};

using action = std::variant<create_instance, start_instance, mark_ready, condemn_instance, begin_drain,
    send_signals, stop_instance, kill_instance, remove_instance, update_proxy, settle_release, allot_link,
    fail_release, release_order, prepare_release, move_rollout, end_return, pass_over>;

/// Something that waits, in steady time; see model::condition for the members.
struct condition {
    reason code{};
    model::component_name component;
    std::string instance;
    std::string text;
    std::optional<time_point> since;  ///< absent: since it was first planned
    std::optional<time_point> until;
    std::string then;
    std::string command;

    friend bool operator==(const condition&, const condition&) = default;
};

/// A component in one word, with the release that serves.
struct summary {
    /// running, updating, degraded, starting, stopping, stopped, failed, unreleased, held; of a drained
    /// machine whose work others do: draining, drained
    std::string state;
    std::optional<model::release_number> running;

    friend bool operator==(const summary&, const summary&) = default;
};

struct plan {
    std::vector<action> actions;
    std::vector<condition> conditions;
    std::map<model::component_name, summary> components;
    std::optional<time_point> wake_at;  ///< when time alone changes the plan; later than now

    friend bool operator==(const plan&, const plan&) = default;
};

/// What to do next to bring the world closer to what is wanted, and why whatever waits is waiting.
///
/// Pure: no I/O, no clock, no randomness; equal worlds give equal plans. Safe to repeat before the last plan
/// took effect: the same actions come again, and who carries them out drops those that are under way.
///
/// Guarantees: an instance that serves is drained only when, without it, as many as wanted serve as read back
/// from the proxy or, when its machine is drained, as other machines report (or it is to be stopped by an
/// operator's word); one is stopped only when drain::decide()
/// says so; a failed release never replaces one that serves; the first container of a component is made when
/// its required links are served.
plan make_plan(const world& from);

/// How long the next restart is held back after `count` failures in a row: nothing after the first, then one
/// second, doubling up to five minutes.
std::chrono::milliseconds restart_delay(int count) noexcept;

/// A container without ready checks counts as ready when it has run for this long: one that exits at once
/// must not pass for a good release.
inline constexpr std::chrono::milliseconds proof_of_life{1000};

/// When all instances of a component fail the same check, nobody is replaced for this long: a dependency of
/// theirs is suspected.
inline constexpr std::chrono::minutes dependency_patience{5};

/// Whether an instance that served for so long makes the `failures` in a row before it forgotten. A minute
/// always does. One that was killed from outside (SIGKILL, and not for its memory) is no sign of a bad
/// release: it does when it served longer than its own failure would hold the next one back, at least 2 s.
bool is_good_run(std::chrono::nanoseconds served, int failures, const model::evidence& end) noexcept;

}  // namespace gantryd::planner
