#include "lab/history.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace gantryd::integration {
namespace {

using time_point = std::chrono::steady_clock::time_point;

struct stretch {
    time_point from;
    time_point to;
    std::string machine;
};

/// When the machine was in the state for certain.
std::vector<stretch> stretches(
    const std::string& machine, const machine_history& looks, const observed_state& state)
{
    std::vector<stretch> found;
    const observation* first = nullptr;
    const observation* last = nullptr;
    const auto end_one = [&] {
        if (first != last)
            found.emplace_back(first->answered, last->begun, machine);
        first = last = nullptr;
    };
    for (const auto& look : looks) {
        if (!state(look)) {
            end_one();
            continue;
        }
        last = &look;
        if (first == nullptr)
            first = &look;
    }
    end_one();
    return found;
}

std::vector<stretch> stretches(const history& all, const observed_state& state)
{
    std::vector<stretch> found;
    for (const auto& [machine, looks] : all)
        std::ranges::copy(stretches(machine, looks, state), std::back_inserter(found));
    std::ranges::sort(found, {}, &stretch::from);
    return found;
}

/// Who is in the state at each beginning of a stretch: the number can only grow there.
std::vector<overlap> overlaps(const history& all, const observed_state& state)
{
    const auto each = stretches(all, state);
    std::vector<overlap> found;
    for (const auto& beginning : each) {
        overlap at{.at = beginning.from, .machines = {}};
        for (const auto& other : each)
            if (other.from <= at.at && at.at <= other.to)
                at.machines.insert(other.machine);
        found.push_back(std::move(at));
    }
    return found;
}

std::optional<time_point> beginning_of(const history& all)
{
    std::optional<time_point> first;
    for (const auto& [machine, looks] : all)
        if (!looks.empty() && (!first || looks.front().begun < *first))
            first = looks.front().begun;
    return first;
}

std::string since(time_point at, time_point beginning)
{
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at - beginning).count();
    return std::to_string(ms) + " ms: ";
}

}  // namespace

std::size_t observation::running() const
{
    return static_cast<std::size_t>(std::ranges::count_if(containers, &seen_container::running));
}

observed_state changing(std::size_t wanted)
{
    return [wanted](const observation& look) {
        return look.engine_answered && (look.running() != wanted || images_run({look}).size() > 1);
    };
}

history between(const history& all, time_point from, time_point to)
{
    history part;
    for (const auto& [machine, looks] : all)
        std::ranges::copy_if(looks, std::back_inserter(part[machine]),
            [&](const observation& look) { return from <= look.answered && look.answered <= to; });
    return part;
}

overlap most_at_once(const history& all, const observed_state& state)
{
    const auto each = overlaps(all, state);
    const auto most = std::ranges::max_element(each, {}, [](const overlap& o) { return o.machines.size(); });
    return most == each.end() ? overlap{} : *most;
}

std::vector<std::string> beyond(const history& all, const observed_state& state, std::size_t allowed)
{
    std::vector<std::string> lines;
    for (const auto& each : overlaps(all, state)) {
        if (each.machines.size() <= allowed)
            continue;
        auto line = since(each.at, *beginning_of(all)) + std::to_string(each.machines.size()) +
                    " instead of " + std::to_string(allowed) + " at once:";
        for (const auto& machine : each.machines)
            line += " " + machine;
        lines.push_back(std::move(line));
    }
    return lines;
}

std::vector<std::string> below(const history& all, std::size_t wanted)
{
    std::vector<std::string> lines;
    for (const auto& [machine, looks] : all) {
        const auto enough = [&](const observation& look) {
            return look.engine_answered && look.running() >= wanted;
        };
        bool ran = false;
        bool served = false;
        for (const auto& look : looks) {
            ran = ran || enough(look);
            served = served || !look.version.empty();
            const auto when = since(look.answered, *beginning_of(all)) + machine;
            if (ran && look.engine_answered && !enough(look))
                lines.push_back(
                    when + " ran " + std::to_string(look.running()) + " of " + std::to_string(wanted));
            if (served && look.version.empty())
                lines.push_back(when + " did not answer");
        }
    }
    return lines;
}

std::vector<std::string> versions_served(const machine_history& looks)
{
    std::vector<std::string> versions;
    for (const auto& look : looks)
        if (!look.version.empty() && (versions.empty() || versions.back() != look.version))
            versions.push_back(look.version);
    return versions;
}

std::set<std::string> images_run(const machine_history& looks)
{
    std::set<std::string> images;
    for (const auto& look : looks)
        for (const auto& each : look.containers)
            if (each.running)
                images.insert(each.image);
    return images;
}

std::set<std::string> machines_that_ran(const history& all, const std::string& image)
{
    std::set<std::string> machines;
    for (const auto& [machine, looks] : all)
        if (images_run(looks).contains(image))
            machines.insert(machine);
    return machines;
}

}  // namespace gantryd::integration
