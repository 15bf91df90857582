#include "schedule.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <tuple>

namespace gantryd::integration {
namespace {

using std::chrono::milliseconds;

/// From `least` to `most`, both included. Not by a distribution of the standard library: the same seed is to
/// mean the same on every machine.
int drawn(std::mt19937& random, int least, int most)
{
    return least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
}

bool is_about_etcd(fault what) { return what == fault::leader_killed || what == fault::etcd_gone; }

bool clashes(const planned_fault& a, const planned_fault& b)
{
    const bool of_one_thing =
        is_about_etcd(a.what) ? is_about_etcd(b.what) : !is_about_etcd(b.what) && a.machine == b.machine;
    return of_one_thing && a.begins <= b.ends && b.begins <= a.ends;
}

planned_fault draw_fault(std::mt19937& random, int machines)
{
    constexpr std::array kinds{fault::cut, fault::frozen, fault::killed, fault::gantryd_killed,
        fault::container_killed, fault::leader_killed, fault::etcd_gone};
    planned_fault out;
    out.what = kinds[static_cast<std::size_t>(drawn(random, 0, kinds.size() - 1))];
    out.machine = drawn(random, 1, machines);
    out.begins = milliseconds(drawn(random, 200, 9000));
    const bool lasts = drawn(random, 1, 5) == 1;
    out.ends = out.begins + milliseconds(lasts ? drawn(random, 40'000, 60'000) : drawn(random, 500, 6000));
    return out;
}

}  // namespace

std::string schedule::text() const
{
    auto out = "seed " + std::to_string(seed) + ": " + (bad_image ? "a bad image" : "a good image");
    for (const auto& each : faults) {
        out += "; " + std::string(text_of(each.what));
        if (!is_about_etcd(each.what))
            out += " on m" + std::to_string(each.machine);
        out += " from " + std::to_string(each.begins.count()) + " to " + std::to_string(each.ends.count()) +
               " ms";
    }
    return out;
}

schedule draw_schedule(unsigned seed, int machines)
{
    std::mt19937 random(seed);
    schedule out{.seed = seed, .bad_image = drawn(random, 1, 4) == 1, .faults = {}};
    for (int wanted = drawn(random, 1, 3); wanted > 0; --wanted) {
        const auto next = draw_fault(random, machines);
        if (std::ranges::none_of(out.faults, [&](const auto& other) { return clashes(next, other); }))
            out.faults.push_back(next);
    }
    std::ranges::sort(out.faults, {}, &planned_fault::begins);
    return out;
}

std::vector<moment> moments_of(const schedule& of)
{
    std::vector<moment> out;
    for (std::size_t i = 0; i < of.faults.size(); ++i) {
        out.push_back({of.faults[i].begins, i, true});
        out.push_back({of.faults[i].ends, i, false});
    }
    std::ranges::sort(
        out, {}, [](const moment& each) { return std::tuple(each.at, each.begins, each.which); });
    return out;
}

}  // namespace gantryd::integration
