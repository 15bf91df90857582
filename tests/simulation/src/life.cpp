#include "life.hpp"

#include "project.hpp"

#include <gantryd/store/memory_store.hpp>

#include <algorithm>
#include <array>

namespace gantryd::simulation {
namespace {

using namespace std::chrono_literals;

/// A town that is mended gets done within that: a rollout of five machines with pauses between failures that
/// grow to five minutes, drains of a minute, and a machine that was lost.
constexpr auto longest_convergence = 45min;
constexpr auto quiet_time = 1h;
/// A daemon waits for an image for that long.
constexpr auto longest_pull = 15min;
/// In the quiet time everything answers at once, and only the lease, of 15 s, has to be kept alive in
/// between.
constexpr auto leap = 14s;
constexpr std::uint64_t most_steps = 2'000'000;

}  // namespace

life::life(std::uint64_t seed, bool keep_story, tally& to) : life(seed, keep_story, to, std::nullopt, false)
{
}

life::life(std::uint64_t seed, bool keep_story, tally& to, std::optional<std::size_t> machines, bool calm)
    : town_(seed, keep_story, to)
{
    found(machines);
    promises_ = std::make_unique<promises>(town_);
    misfortune_ = std::make_unique<misfortune>(town_, *promises_, calm || town_.chance.one_in(5));
}

life::~life()
{
    for (const auto& node : town_.nodes)  // who watches them is gone before they are
        node->kill();
}

void life::found(std::optional<std::size_t> wanted)
{
    auto& chance = town_.chance;
    const bool is_short = chance.one_in(4);
    town_.books = store::make_memory_store(town_.sim.clock, is_short ? 40 : 1'000'000);
    if (is_short)
        town_.counts.count(fault::history_short);
    is_large_ = chance.one_in(10);
    const std::size_t components = is_large_ ? 1 + chance.below(3) : chance.one_in(3) ? 2 : 1;
    for (const auto& spec : draw_project(chance, components))
        town_.components[spec.name] = {.spec = spec};
    const auto machines = wanted ? *wanted : draw_machines();
    for (std::size_t i = 1; i <= machines; ++i) {
        auto& made = *town_.nodes.emplace_back(std::make_unique<node>(
            town_.sim, i, chance.below(1'000'000'000), *town_.books, town_.told, town_.counts));
        made.draws = [this](dice& of, const docker::fake_container& what) {
            const auto release = read_name(what.details.name);
            if (!release)
                return drawn_run();
            const auto& truth = town_.releases.at(*release);
            return draw_run(of, truth.what, truth.spec, town_.now());
        };
        made.there.add_foreign(foreign_container, {});
    }
    town_.told.tell("town", "{} machines, {} components", machines, town_.components.size());
}

/// Nearly everything that can go wrong does so in a small town as well, and there are many more lives of
/// those in a minute.
std::size_t life::draw_machines()
{
    if (is_large_)
        return 3 + town_.chance.below(3);
    constexpr std::array<std::size_t, 6> small{1, 1, 1, 2, 2, 3};
    return town_.chance.any_of(small);
}

void life::check()
{
    for (const auto& node : town_.nodes)
        node->there.check();
    misfortune_->bury_the_dying();
    misfortune_->mend_what_is_due();
    promises_->after_step();
    if (!promises_->broken().empty())
        throw breach(promises_->broken());
    if (++steps_ > most_steps)
        throw breach("it never comes to rest");
}

void life::step(runtime::time_point until)
{
    const auto next = std::min(town_.sim.clock.next().value_or(until), misfortune_->next_mending());
    town_.sim.clock.advance(std::max(std::min(next, until) - town_.now(), runtime::duration()));
    check();
}

void life::pass_until(runtime::time_point when)
{
    while (town_.now() < when)
        step(when);
}

void life::pass(runtime::duration time) { pass_until(town_.now() + time); }

void life::begin()
{
    for (const auto& node : town_.nodes)
        node->start();
    for (const auto& [name, wish] : town_.components)
        operator_.update(name, nature::good, false);
    if (town_.chance.one_in(2))
        pass(20s);
}

void life::suffer()
{
    auto& chance = town_.chance;
    const auto end = town_.now() + chance.between(20s, is_large_ ? 3min : 100s);
    const auto order_gap = chance.between(5s, 60s);
    const auto strike_gap = chance.between(2s, 40s);
    auto next_order = town_.now() + chance.between(0ms, order_gap);
    auto next_strike = town_.now() + chance.between(0ms, strike_gap);
    auto next_client = town_.now();
    while (town_.now() < end) {
        pass_until(std::min({next_order, next_strike, next_client, end}));
        if (town_.now() >= next_order) {
            operator_.order_something();
            next_order = town_.now() + chance.between(0ms, 2 * order_gap);
        }
        if (town_.now() >= next_strike) {
            misfortune_->strike();
            next_strike = town_.now() + chance.between(0ms, 2 * strike_gap);
        }
        if (town_.now() >= next_client) {
            misfortune_->connect();
            next_client = town_.now() + chance.between(100ms, 4s);
        }
        check();
    }
}

void life::converge(bool with_last_orders)
{
    misfortune_->end();
    if (with_last_orders)
        operator_.settle_all();
    const auto until = town_.now() + longest_convergence;
    std::string why;
    auto pause = 1s;  // looking at everything costs more than a second of virtual time
    do {
        pass(pause);
        pause = std::min(pause + 1s, 20s);
        why = why_unfinished(town_);
    } while (!why.empty() && town_.now() < until);
    if (!why.empty())
        throw breach("it does not converge: " + why);
    town_.told.tell("town", "it is as it is to be");
    if (const auto live = bad_release_that_is_live(town_); !live.empty())
        throw breach(live);
}

std::size_t life::changes()
{
    std::size_t out = 0;
    for (const auto& node : town_.nodes)
        out += node->there.changes_since(0).size() + static_cast<std::size_t>(node->there.proxy.changes) +
               static_cast<std::size_t>(node->there.proxy.reloads + node->there.proxy.starts);
    return out;
}

void life::rest(runtime::duration time)
{
    for (const auto& node : town_.nodes) {
        node->set_weather({});
        node->look_rarely();
    }
    const auto leap_for = [&](runtime::duration how_long) {
        for (const auto end = town_.now() + how_long; town_.now() < end;) {
            town_.sim.clock.advance(leap);
            check();
        }
    };
    // Calls that were lost come to their deadlines, and reports are written.
    const auto waits_for_pull = [](const auto& node) { return node->lost_a_pull; };
    leap_for(std::ranges::any_of(town_.nodes, waits_for_pull) ? longest_pull + 3min : 3min);
    const auto before = changes();
    const auto written = town_.look().at;
    leap_for(time);
    if (changes() != before)
        throw breach("it is not quiet when all is done");
    if (town_.look().at != written)
        throw breach("it writes to the store when all is done");
    if (const auto why = why_unfinished(town_); !why.empty())
        throw breach("it does not stay as it is: " + why);
}

void life::live()
{
    const auto born = town_.now();
    begin();
    suffer();
    converge(true);
    rest(quiet_time);
    ++town_.counts.lives;
    town_.counts.virtual_seconds += static_cast<std::uint64_t>((town_.now() - born) / 1s);
}

std::string live_once(std::uint64_t seed, tally& to, std::vector<std::string>* story)
{
    life one(seed, story != nullptr, to);
    std::string why;
    try {
        one.live();
    } catch (const std::exception& broken) {
        why = broken.what();
    }
    if (story != nullptr)
        *story = one.told();
    return why;
}

}  // namespace gantryd::simulation
