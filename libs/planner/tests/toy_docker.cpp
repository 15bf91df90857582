#include "toy_docker.hpp"

#include <algorithm>

namespace gantryd::planner::toy {

using namespace std::chrono_literals;

bool docker::create(const model::instance_name& name, const model::component_name& component,
    model::release_number release, behaviour how)
{
    if (containers.contains(name))
        return false;
    const auto is_sibling = [&](const auto& entry) {
        return entry.second.component == component && entry.second.release == release;
    };
    container made;
    made.id = model::container_id(std::to_string(++made_));
    made.name = name;
    made.component = component;
    made.release = release;
    made.how = how;
    made.gets_ready = how != behaviour::never_ready && (how != behaviour::only_first_gets_ready ||
                                                           std::ranges::none_of(containers, is_sibling));
    containers.emplace(name, std::move(made));
    return true;
}

bool docker::start(const model::instance_name& name, time_point now, dice& luck)
{
    const auto found = containers.find(name);
    if (found == containers.end() || found->second.now != phase::created)
        return true;
    auto& c = found->second;
    if (c.how == behaviour::cannot_start)
        return false;
    c.address = free_address();
    c.now = phase::running;
    c.started_at = now;
    c.ready_after = luck.pause(0, 1200);
    if (c.how == behaviour::exits_at_once) {
        c.exits_at = now + luck.pause(0, 900);
        c.exit_code = 3;
        c.gets_ready = false;
    }
    return true;
}

void docker::stop(const model::container_id& id, time_point now, std::chrono::milliseconds grace, dice& luck)
{
    auto* c = find(id);
    if (c == nullptr || c->now != phase::running)
        return;
    const bool obeys = !luck.chance(200);
    const auto takes = obeys ? luck.pause(0, 800) : grace;
    c->exits_at = std::min(now + takes, c->exits_at.value_or(now + takes));
    c->exit_code = obeys ? 0 : 137;
}

void docker::kill(const model::container_id& id)
{
    // A container that does not run cannot be killed: Docker's 409.
    if (auto* c = find(id); c != nullptr && c->now == phase::running)
        crash(*c, 137);
}

void docker::remove(const model::container_id& id)
{
    if (const auto* c = find(id); c != nullptr && c->now != phase::running)
        containers.erase(model::instance_name(c->name));
}

void docker::crash(container& which, int exit_code)
{
    which.now = phase::exited;
    which.exit_code = exit_code;
    which.direct = 0;
    which.exits_at.reset();
    which.address.clear();
}

void docker::pass(time_point now, dice& luck, bool busy)
{
    for (auto& [name, c] : containers) {
        if (c.now == phase::running && c.exits_at && *c.exits_at <= now)
            crash(c, c.exit_code);
        if (c.now != phase::running)
            continue;
        if (busy && luck.chance(50))
            ++c.direct;
        if (c.direct > 0 && luck.chance(200))
            --c.direct;
    }
}

std::optional<time_point> docker::next_event(time_point now) const
{
    std::optional<time_point> out;
    const auto note = [&](time_point at) {
        if (at > now)
            out = out ? std::min(*out, at) : at;
    };
    for (const auto& [name, c] : containers) {
        if (c.now != phase::running)
            continue;
        note(c.started_at + c.ready_after);
        if (c.exits_at)
            note(*c.exits_at);
    }
    return out;
}

const container* docker::at(const std::string& address) const
{
    const auto found = std::ranges::find_if(
        containers, [&](const auto& entry) { return !address.empty() && entry.second.address == address; });
    return found == containers.end() ? nullptr : &found->second;
}

container* docker::find(const model::container_id& id)
{
    const auto found =
        std::ranges::find_if(containers, [&](const auto& entry) { return entry.second.id == id; });
    return found == containers.end() ? nullptr : &found->second;
}

std::string docker::free_address() const
{
    for (int n = 2;; ++n)
        if (auto address = "10.0.0." + std::to_string(n); at(address) == nullptr)
            return address;
}

}  // namespace gantryd::planner::toy
