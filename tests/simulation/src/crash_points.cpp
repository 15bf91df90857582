#include "crash_points.hpp"

#include "life.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>

namespace gantryd::simulation {
namespace {

using namespace std::chrono_literals;

enum class deed { rollout, failed_rollout, move, stop, heal };
constexpr std::array deeds{deed::rollout, deed::failed_rollout, deed::move, deed::stop, deed::heal};
constexpr std::array deed_names{"rollout", "failed rollout", "drain of a machine", "stop", "heal"};

constexpr std::size_t machines = 3;

/// A town in which one thing happens, and one daemon dies in it.
class crash_course final : public life {
public:
    crash_course(std::uint64_t seed, bool keep_story, tally& to) : life(seed, keep_story, to, machines, true)
    {
    }

    /// How many actions each machine makes for the deed. With `who`, its daemon dies at one of them.
    std::array<std::uint64_t, machines> go_through(
        deed what, std::optional<std::size_t> who, node::fatal_call at)
    {
        for (auto& [name, wish] : place().components)
            wish.spec.rollout.on_failure = model::failure_action::revert;  // who pauses waits for an operator
        begin();
        converge(false);
        std::array<std::uint64_t, machines> before{};
        for (std::size_t i = 0; i < machines; ++i)
            before[i] = place().nodes[i]->calls;
        if (who) {
            auto& node = *place().nodes[*who];
            node.dies_at = {node.calls + at.number, at.after};
        }
        begin_deed(what);
        pass(90s);
        converge(false);
        std::array<std::uint64_t, machines> out{};
        for (std::size_t i = 0; i < machines; ++i)
            out[i] = place().nodes[i]->calls - before[i];
        if (who)
            rest(5min);
        return out;
    }

private:
    void begin_deed(deed what)
    {
        const auto& component = place().components.begin()->first;
        auto& docker = place().nodes[1]->there.docker;
        switch (what) {
        case deed::rollout: orders().update(component, nature::good, false); break;
        case deed::failed_rollout: orders().update(component, nature::exits, false); break;
        case deed::move: orders().set_drain(1, true); break;
        case deed::stop: orders().set_intent(component, model::intent::stopped); break;
        case deed::heal:
            for (const auto& [id, one] : docker.containers())
                if (one.is_running() && read_name(one.details.name))
                    return docker.die(id, 1);
        }
    }
};

std::string try_one(std::uint64_t seed, deed what, std::size_t who, node::fatal_call at,
    std::vector<std::string>* story, tally& counts)
{
    crash_course course(seed, story != nullptr, counts);
    std::string why;
    try {
        (void)course.go_through(what, who, at);
    } catch (const std::exception& broken) {
        why = broken.what();
    }
    if (story != nullptr)
        *story = course.told();
    return why;
}

int tell_failure(std::uint64_t seed, deed what, std::size_t who, node::fatal_call at)
{
    tally ignored;
    std::vector<std::string> story;
    const auto why = try_one(seed, what, who, at, &story, ignored);
    for (const auto& line : story)
        fmt::print("{}\n", line);
    fmt::print("\nIn a {} with seed {}, gantryd on m{} dies {} action {}: {}\n",
        deed_names[static_cast<std::size_t>(what)], seed, who + 1, at.after ? "after" : "before", at.number,
        why);
    return 1;
}

}  // namespace

int try_crash_points(std::uint64_t seed, std::uint64_t every)
{
    const auto began = std::chrono::steady_clock::now();
    tally counts;
    std::uint64_t known = 0;
    for (const auto what : deeds) {
        std::uint64_t points = 0;
        crash_course whole(seed, false, counts);
        const auto actions = whole.go_through(what, std::nullopt, {});
        for (std::size_t who = 0; who < machines; ++who)
            for (std::uint64_t number = 1; number <= actions[who]; ++number)
                for (const bool after : {false, true}) {
                    if (++known % every != 0)
                        continue;
                    const node::fatal_call at{number, after};
                    if (!try_one(seed, what, who, at, nullptr, counts).empty())
                        return tell_failure(seed, what, who, at);
                    ++points;
                }
        fmt::print("{:>6} crash points of a {}\n", points, deed_names[static_cast<std::size_t>(what)]);
        std::fflush(stdout);
    }
    fmt::print("all survived, in {:.1f} s\n",
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    return 0;
}

}  // namespace gantryd::simulation
