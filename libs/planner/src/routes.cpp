#include "component_plan.hpp"

#include <gantryd/base/planted.hpp>
#include <gantryd/planner/links.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::planner {
namespace detail {
namespace {

using haproxy_config::route;
using haproxy_config::server_view;
using haproxy_config::slot;
using haproxy_config::slot_mode;

/// Connections to this address are refused at once: HAProxy then tries again, for some seconds, and finds the
/// replacement when it is there.
const slot waiting_room{slot_mode::serving, "127.0.0.1", 1};

constexpr std::size_t slots_at_least = 8;

/// Slots are added in steps, because more of them needs a reload: room for every instance twice, and for
/// drains side by side; for instances that are carried for other machines, twice too.
std::size_t slot_count(std::size_t present, std::size_t endpoints, int instances, int wanted_here)
{
    const auto wanted = std::max({slots_at_least, endpoints + 1, static_cast<std::size_t>(2 * instances) + 6,
        static_cast<std::size_t>(2 * wanted_here)});
    const auto rounded = (wanted + 7) / 8 * 8;
    return std::max(present, rounded);
}

bool may_take_traffic(const instance& i)
{
    const bool ready = i.ready_at || base::is_planted("routes_to_the_unready");
    return i.now == phase::running && ready && !i.drain_since && !i.failure && !i.address.empty();
}

bool may_have_traffic(const instance& i)
{
    return i.now == phase::running && i.ready_at && (i.drain_since || i.failure) && !i.address.empty();
}

/// The slots that instances ask for at one frontend.
struct demand {
    std::vector<slot> serving;
    std::vector<slot> sick;
    std::vector<slot> out;
};

void add_demand(const world& from, const roster& who, const model::route_id& id, demand& to)
{
    for (const auto* i : who.all) {
        const auto* spec = spec_of(from, *i);
        if (spec == nullptr)
            continue;
        for (const auto& f : frontends_of(from, *spec)) {
            if (f.id != id)
                continue;
            if (may_take_traffic(*i) && who.wish.intent != model::intent::killed)
                (i->healthy == verdict::failing ? to.sick : to.serving)
                    .push_back({slot_mode::serving, i->address, f.container});
            else if (may_have_traffic(*i))
                to.out.push_back({slot_mode::draining, i->address, f.container});
        }
    }
}

std::vector<slot> endpoints_of(demand asked)
{
    auto& [serving, sick, out] = asked;
    // A sick instance is better than none, and worse than a good one.
    if (serving.empty())
        serving = std::move(sick);
    else
        for (auto& s : sick)
            out.push_back({slot_mode::draining, s.address, s.port});
    // An address is given again when its container has ended, which may not be known yet: it is the new
    // one's.
    std::erase_if(out, [&](const slot& s) {
        return std::ranges::any_of(
            serving, [&](const slot& now) { return now.address == s.address && now.port == s.port; });
    });
    std::ranges::copy(serving, std::back_inserter(out));
    return std::move(out);
}

bool points_at(const server_view& there, const slot& wanted)
{
    return there.mode != slot_mode::empty && there.address == wanted.address && there.port == wanted.port;
}

/// Gives every endpoint a slot: the one that it has already, else the first that nobody uses or used lately.
std::vector<slot> assign(
    const std::vector<server_view>& present, std::vector<slot> endpoints, int instances, int wanted_here)
{
    std::vector<slot> out(slot_count(present.size(), endpoints.size(), instances, wanted_here));
    std::vector<bool> used(out.size(), false);
    std::vector<slot> homeless;
    for (const auto& endpoint : endpoints) {
        const auto at =
            std::ranges::find_if(present, [&](const server_view& s) { return points_at(s, endpoint); });
        const auto index = static_cast<std::size_t>(at - present.begin());
        if (at == present.end() || used[index]) {
            homeless.push_back(endpoint);
            continue;
        }
        out[index] = endpoint;
        used[index] = true;
    }
    // Sessions may linger in a slot whose instance is gone: leave it be while there is another.
    const auto free_slot = [&](bool also_busy) {
        for (std::size_t i = 0; i < out.size(); ++i) {
            const bool busy =
                i < present.size() && (present[i].mode != slot_mode::empty || present[i].sessions > 0);
            if (!used[i] && (also_busy || !busy))
                return i;
        }
        return out.size();
    };
    for (const auto& endpoint : homeless) {
        auto index = free_slot(false);
        if (index == out.size())
            index = free_slot(true);
        out[index] = endpoint;
        used[index] = true;
    }
    return out;
}

/// The release whose ports and kinds count: the newest that serves, and before one does, the one to come.
const model::component_spec* leading_spec(const world& from, const roster& who)
{
    const instance* newest = nullptr;
    for (const auto* i : who.all)
        if (may_take_traffic(*i) && spec_of(from, *i) != nullptr &&
            (newest == nullptr || i->release > newest->release))
            newest = i;
    if (newest != nullptr)
        return spec_of(from, *newest);
    return who.effective == nullptr ? nullptr : &who.effective->spec;
}

/// The specs whose frontends a component needs now. Those of the leading release first, so that its kind of
/// port wins; then those that others still serve, and those of the release to come, so that the structure is
/// there before its first instance is ready.
std::vector<const model::component_spec*> specs_of(const world& from, const roster& who)
{
    std::vector<const model::component_spec*> specs;
    const bool ends = who.wish.intent != model::intent::ready;
    if (const auto* leading = leading_spec(from, who); leading != nullptr && !(ends && who.all.empty()))
        specs.push_back(leading);
    for (const auto* i : who.all)
        if (const auto* spec = spec_of(from, *i);
            spec != nullptr && (may_take_traffic(*i) || may_have_traffic(*i)))
            specs.push_back(spec);
    if (who.effective != nullptr && who.wanted > 0)
        specs.push_back(&who.effective->spec);
    return specs;
}

/// Several components may serve one link for a while: when it moves from one to another.
demand demand_at(
    const world& from, const std::vector<roster>& everyone, const roster& who, const frontend& at)
{
    demand out;
    if (!at.is_link)
        add_demand(from, who, at.id, out);
    else
        for (const auto& each : everyone)
            add_demand(from, each, at.id, out);
    return out;
}

void add_routes(const world& from, const std::vector<roster>& everyone, const roster& who,
    std::map<model::route_id, route>& out)
{
    for (const auto* spec : specs_of(from, who))
        for (const auto& f : frontends_of(from, *spec)) {
            if (f.port == 0 || f.bind.empty() || out.contains(f.id))
                continue;
            auto endpoints = endpoints_of(demand_at(from, everyone, who, f));
            const bool anybody_serves =
                std::ranges::any_of(endpoints, [](const slot& s) { return s.mode == slot_mode::serving; });
            if (!anybody_serves && who.wanted > 0)
                endpoints.push_back(waiting_room);
            const auto present = from.proxy.routes.find(f.id);
            auto slots =
                assign(present == from.proxy.routes.end() ? std::vector<server_view>() : present->second,
                    std::move(endpoints), spec->instances, who.wanted);
            out.emplace(f.id, route{f.id, f.bind, f.port, f.kind, std::move(slots)});
        }
}

std::string text_of(slot_mode mode, const std::string& address, std::uint16_t port)
{
    switch (mode) {
    case slot_mode::empty: return "empty";
    case slot_mode::serving: return "serving " + haproxy_config::with_port(address, port);
    case slot_mode::draining: return "draining " + haproxy_config::with_port(address, port);
    }
    return {};
}

/// How what is there differs from one wanted route; empty when it does not.
std::string difference(const std::vector<server_view>& there, const route& wanted)
{
    if (there.size() != wanted.slots.size())
        return fmt::format("{} has {} servers, not {}", wanted.id.text(), there.size(), wanted.slots.size());
    for (std::size_t i = 0; i < there.size(); ++i) {
        const auto& slot = wanted.slots[i];
        const auto is = text_of(there[i].mode, there[i].address, there[i].port);
        const auto should_be = text_of(slot.mode, slot.address, slot.port);
        if (there[i].other_weight)
            return fmt::format("server s{} of {} has another weight", i + 1, wanted.id.text());
        if (is != should_be)
            return fmt::format("server s{} of {} is {}, not {}", i + 1, wanted.id.text(), is, should_be);
    }
    return {};
}

std::vector<std::string> differences(
    const haproxy_config::proxy_view& proxy, const std::vector<route>& wanted)
{
    std::vector<std::string> out;
    out.reserve(proxy.closed_frontends.size());
    for (const auto& name : proxy.closed_frontends)
        out.push_back(name + " takes no connections");
    for (const auto& r : wanted) {
        if (proxy.refused.contains(r.id))
            continue;  // an old worker may have it still
        const auto there = proxy.routes.find(r.id);
        auto text =
            there == proxy.routes.end() ? r.id.text() + " is not there" : difference(there->second, r);
        if (!text.empty())
            out.push_back(std::move(text));
    }
    return out;
}

}  // namespace

std::vector<route> wanted_routes(const world& from, const std::vector<roster>& everyone)
{
    std::map<model::route_id, route> routes;
    for (const auto& who : everyone)
        add_routes(from, everyone, who, routes);
    std::vector<route> out;
    out.reserve(routes.size());
    for (auto& [id, r] : routes)
        out.push_back(std::move(r));
    return out;
}

bool proxy_differs(const world& from, const std::vector<route>& wanted)
{
    if (wanted.empty())
        return from.proxy.running;
    if (!from.proxy.running || wanted != from.routes_applied)
        return true;
    return from.proxy.file_edited || !differences(from.proxy, wanted).empty();
}

}  // namespace detail

std::vector<std::string> foreign_changes(const world& in)
{
    std::vector<std::string> out;
    if (!in.proxy.running)
        return out;
    out = detail::differences(in.proxy, in.routes_applied);
    if (in.proxy.file_edited)
        out.emplace_back("its file on disk was changed");
    return out;
}

}  // namespace gantryd::planner
