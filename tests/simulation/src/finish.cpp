// What a town is to be in the end, by what was ordered and what is true.
#include "life.hpp"

#include <algorithm>

namespace gantryd::simulation {
namespace {

/// The release that is to run; null: any, or none.
const model::release* target_of(const control::component_overview& of)
{
    const auto* wanted = of.wanted();
    if (wanted->outcome == model::release_outcome::live)
        return wanted;
    for (auto at = std::make_reverse_iterator(of.releases.find(wanted->number)); at != of.releases.rend();
        ++at)
        if (at->second.outcome == model::release_outcome::live)
            return &at->second;
    return nullptr;
}

std::vector<const docker::fake_container*> containers_of(node& on, const model::component_name& component)
{
    std::vector<const docker::fake_container*> out;
    for (const auto& [id, one] : on.there.docker.containers())
        if (const auto name = read_name(one.details.name); name && name->first == component)
            out.push_back(&one);
    return out;
}

std::string why_wrong_on(node& on, const model::component_name& component, const model::release& target)
{
    const auto serving = on.there.serving(component.text());
    const auto draining = on.there.draining(component.text());
    for (const auto* one : containers_of(on, component)) {
        const auto& name = one->details.name;
        if (!one->is_running())
            return on.name() + " has " + name + ", which does not run";
        if (read_name(name)->second != static_cast<int>(model::value_of(target.number)))
            return fmt::format(
                "{} runs {} where release {} is to run", on.name(), name, model::value_of(target.number));
        if (!serving.contains(name) || draining.contains(name))
            return on.name() + " has " + name + ", which does not serve";
    }
    return {};
}

/// True when what is left on the machine, of a release that failed and had nothing to go back to, needs a
/// link of the component: that serves it there as long as it is there.
bool is_needed_on(
    node& on, const control::project_overview& all, const control::component_overview& component)
{
    const auto& exports = component.wanted()->spec.define_component_links;
    return std::ranges::any_of(all.components, [&](const control::component_overview& other) {
        if (other.wanted() == nullptr || target_of(other) != nullptr || containers_of(on, other.name).empty())
            return false;
        return std::ranges::any_of(
            other.wanted()->spec.require_component_links, [&](const model::link_import& link) {
                return std::ranges::find(exports, link.name, &model::link_export::name) != exports.end();
            });
    });
}

std::string why_unfinished(
    town& of, const control::project_overview& all, const control::component_overview& component)
{
    const auto& name = component.name;
    const bool runs = of.components.at(name).intent == model::intent::ready;
    if (!component.slots.empty())
        return name.text() + ": a slot is held by " + component.slots.begin()->second.machine.text();
    if (runs && component.wanted() == nullptr)
        return name.text() + ": nobody knows the wanted release";
    if (runs && component.wanted()->outcome == model::release_outcome::pending)
        return name.text() + ": the wanted release is neither live nor failed";
    const auto* target = runs ? target_of(component) : nullptr;
    std::size_t total = 0;
    for (const auto& node : of.nodes) {
        const auto here = containers_of(*node, name).size();
        const bool drained = all.draining.contains(model::machine_id(node->name()));
        if (runs && drained && target != nullptr && is_needed_on(*node, all, component))
            continue;  // beside those elsewhere
        if ((!runs || (drained && target != nullptr)) && here > 0)
            return fmt::format("{} still has {} containers of {}", node->name(), here, name.text());
        if (target == nullptr)
            continue;
        if (auto why = why_wrong_on(*node, name, *target); !why.empty())
            return why;
        total += here;
        if (!drained && here < static_cast<std::size_t>(target->spec.instances))
            return fmt::format(
                "{} has {} of {} containers of {}", node->name(), here, target->spec.instances, name.text());
    }
    if (target != nullptr && total != static_cast<std::size_t>(target->spec.instances) * of.nodes.size())
        return fmt::format("{} containers of {} on {} machines", total, name.text(), of.nodes.size());
    return {};
}

}  // namespace

std::string why_unfinished(town& of)
{
    const auto& all = of.look();
    if (!all.returning.empty())
        return all.returning.begin()->text() + " still takes its work back";
    for (const auto& component : all.components)
        if (of.components.contains(component.name))
            if (auto why = why_unfinished(of, all, component); !why.empty())
                return why;
    return {};
}

std::string bad_release_that_is_live(town& of)
{
    for (const auto& component : of.look().components)
        for (const auto& [number, release] : component.releases) {
            const auto truth = of.releases.at({component.name, static_cast<int>(model::value_of(number))});
            // Without checks only Docker knows that it ended, and its word may be lost.
            const bool can_be_told = of.is_calm || !truth.spec.ready_checks.empty();
            if (release.outcome == model::release_outcome::live && is_bad(truth.what) && can_be_told)
                return fmt::format("release {} of {} is live, and worth nothing", model::value_of(number),
                    component.name.text());
        }
    return {};
}

}  // namespace gantryd::simulation
