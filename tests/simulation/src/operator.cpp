#include "operator.hpp"

#include <gantryd/control/machines.hpp>
#include <gantryd/control/project.hpp>
#include <gantryd/control/rollouts.hpp>
#include <gantryd/model/component_json.hpp>

#include "project.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <ranges>

namespace gantryd::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto who = "operator";

}  // namespace

void town_operator::order_something()
{
    auto at = town_.components.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(town_.chance.below(town_.components.size())));
    const auto component = at->first;
    ++town_.counts.commands;
    switch (town_.chance.below(16)) {
    case 0: set_intent(component, model::intent::stopped); break;
    case 1: set_intent(component, model::intent::killed); break;
    case 2:
    case 3: roll_back(component); break;
    case 4: hold(component, true); break;
    case 5: hold(component, false); break;
    case 6:
    case 7:
    case 8: drain_somebody(); break;
    default: update_somehow(component); break;
    }
}

void town_operator::update_somehow(const model::component_name& component)
{
    constexpr std::array natures{nature::good, nature::good, nature::good, nature::good, nature::exits,
        nature::never_ready, nature::refused, nature::falls_sick};
    auto what = town_.chance.any_of(natures);
    if (what == nature::never_ready && town_.components.at(component).spec.ready_checks.empty())
        what = nature::exits;  // nobody would ask it
    update(component, what, town_.chance.one_in(3));
}

void town_operator::update(const model::component_name& component, nature of, bool changed)
{
    auto& wish = town_.components.at(component);
    if (changed) {
        change(town_.chance, wish.spec);
        if (wish.spec.ready_checks.empty() && of == nature::never_ready)
            of = nature::exits;
        model::project_spec all;
        for (const auto& [name, each] : town_.components)
            all.components.push_back(each.spec);
        (void)town_.ask(control::store_config(
            *town_.books, town_.project, boost::json::serialize(model::to_json(all)), town_.now() + 5s));
    }
    wish.spec.tag = fmt::format("{}{}", static_cast<char>(of), ++tags_);
    const auto image = daemon::machine::image(wish.spec, wish.spec.tag);
    const bool published = town_.chance.one_in(3);
    for (auto& node : town_.nodes) {
        node->there.docker.publish(wish.spec.image_reference(), image);
        if (!published)
            node->there.docker.add_image(wish.spec.image_reference(), image);
    }
    if (is_bad(of) || of == nature::falls_sick)
        town_.counts.count(fault::bad_image);
    wish.since = town_.now();  // daemons may act on it before the answer is here
    std::vector<control::release_request> requests{{wish.spec, image, {}, "amd64"}};
    const auto made = town_.ask(control::release_components(
        *town_.books, town_.project, std::move(requests), who, town_.sim.clock, town_.now() + 5s));
    if (!made)
        return town_.told.tell(who, "update {}: {}", component.text(), made.error().context());
    wish.intent = model::intent::ready;
    note(component, static_cast<int>(model::value_of(made->front().number)), {wish.spec, of});
}

void town_operator::note(const model::component_name& component, int release, const true_release& what)
{
    auto& wish = town_.components.at(component);
    const auto instances = what.spec.instances;
    wish.fewest_instances = wish.most_instances == 0 ? instances : std::min(wish.fewest_instances, instances);
    wish.most_instances = std::max(wish.most_instances, instances);
    wish.most_parallel =
        std::max(wish.most_parallel, what.spec.rollout.max_parallel.of(static_cast<int>(town_.nodes.size())));
    town_.releases.emplace(std::pair(component, release), what);
    town_.told.tell(who, "release {} of {} is wanted: image {}", release, component.text(), what.spec.tag);
}

void town_operator::set_intent(const model::component_name& component, model::intent intent)
{
    auto& wish = town_.components.at(component);
    // Daemons may act on it before the answer is here.
    wish.intent = intent;
    wish.since = town_.now();
    wish.was_stopped = true;
    wish.was_killed = wish.was_killed || intent == model::intent::killed;
    const auto done =
        town_.ask(control::set_intent(*town_.books, town_.project, {component}, intent, town_.now() + 5s));
    if (!done)
        throw std::logic_error("an order to stop was refused: " + done.error().context());
    town_.told.tell(who, "{} is to be {}", component.text(), text_of(intent));
}

void town_operator::roll_back(const model::component_name& component)
{
    auto& wish = town_.components.at(component);
    wish.since = town_.now();  // as above
    auto done = town_.ask(control::roll_back(
        *town_.books, town_.project, component, std::nullopt, false, who, town_.sim.clock, town_.now() + 5s));
    if (!done)
        return town_.told.tell(who, "rollback of {}: {}", component.text(), done.error().context());
    wish.intent = model::intent::ready;
    const auto from = town_.releases.at({component, static_cast<int>(model::value_of(done->from.number))});
    note(component, static_cast<int>(model::value_of(done->number)), from);
}

void town_operator::hold(const model::component_name& component, bool held)
{
    const auto done = town_.ask(control::hold_rollout(
        *town_.books, town_.project, component, held, who, town_.sim.clock, town_.now() + 5s));
    town_.told.tell(who, "{} {}: {}", held ? "pause" : "resume", component.text(),
        done ? std::string("done") : done.error().context());
}

void town_operator::set_drain(std::size_t node, bool drains)
{
    const auto done = town_.ask(control::set_drain(*town_.books, town_.project,
        model::machine_id(town_.nodes[node]->name()), drains, {}, who, town_.sim.clock, town_.now() + 5s));
    const bool changed = done && *done;
    if (changed)
        town_.had_marks = town_.nodes[node]->had_mark = true;
    town_.told.tell(who, "machine {} {}{}", drains ? "drain" : "undrain", town_.nodes[node]->name(),
        changed ? "" : ": nothing to do");
}

void town_operator::drain_somebody()
{
    if (town_.nodes.size() > 1)
        set_drain(town_.chance.below(town_.nodes.size()), town_.chance.one_in(2));
}

bool town_operator::is_missed(const control::component_overview& of) const
{
    const auto can_run = [&](const auto& entry) {
        return entry.first <= of.wanted()->number && entry.second.outcome == model::release_outcome::live;
    };
    return is_needed(of.name) && std::ranges::none_of(of.releases, can_run);
}

bool town_operator::needs_update(const control::component_overview& of) const
{
    const auto* wanted = of.wanted();
    if (wanted == nullptr || !of.state)
        return true;
    const auto* record = of.wanted_rollout();
    if (record != nullptr && record->verdict == model::rollout_verdict::paused)
        return true;
    if (wanted->outcome == model::release_outcome::pending &&
        wanted->spec.rollout.on_failure == model::failure_action::pause)
        return true;  // it may fail yet, and everybody would wait for an operator
    // A user of its links whose own release is live waits for them, says so, and does not fail.
    if (is_missed(of))
        return true;
    // Whatever may run in the end has to be able to go on for ever. What was superseded, or failed, stays on
    // a machine when the wanted release fails and nothing was ever live; and what exits may have become live,
    // where no check asks and Docker's word was lost.
    const bool may_fail = wanted->outcome != model::release_outcome::live;
    return std::ranges::any_of(of.releases, [&](const auto& entry) {
        const auto number = static_cast<int>(model::value_of(entry.first));
        const auto what = town_.releases.at({of.name, number}).what;
        if (entry.second.outcome == model::release_outcome::live)
            return what != nature::good;
        return what == nature::falls_sick && (may_fail || entry.first == wanted->number);
    });
}

bool town_operator::is_needed(const model::component_name& component) const
{
    const auto& links = town_.components.at(component).spec.define_component_links;
    return std::ranges::any_of(town_.components, [&](const auto& entry) {
        const auto& user = entry.second;
        return user.intent == model::intent::ready && !links.empty() &&
               !user.spec.require_component_links.empty();
    });
}

void town_operator::settle_all()
{
    const auto before = town_.look();
    // Who defines a link comes before those who wait for it.
    for (const auto& of : before.components | std::views::reverse) {
        const bool runs = town_.components.at(of.name).intent == model::intent::ready;
        if (!runs && !is_needed(of.name))
            continue;
        if (!runs || needs_update(of) || town_.chance.one_in(2)) {
            // Nobody will be there to say how a paused rollout is to go on.
            town_.components.at(of.name).spec.rollout.on_failure = model::failure_action::revert;
            update(of.name, nature::good, false);
        } else if (const auto* record = of.wanted_rollout(); record != nullptr && record->held)
            hold(of.name, false);
    }
    std::size_t here = 0;
    const auto& all = town_.look();
    for (const auto& node : town_.nodes)
        here += all.draining.contains(model::machine_id(node->name())) ? 0 : 1;
    if (here == 0)
        set_drain(0, false);
}

}  // namespace gantryd::simulation
