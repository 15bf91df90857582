#include "component_plan.hpp"

#include <algorithm>

namespace gantryd::planner {

namespace detail {

void wake(plan& out, std::optional<time_point> at)
{
    if (at)
        out.wake_at = out.wake_at ? std::min(*out.wake_at, *at) : *at;
}

namespace {

/// A port that was taken is asked for again this often.
constexpr std::chrono::seconds ask_again{2};

bool needs_docker(const action& what)
{
    return !std::holds_alternative<update_proxy>(what) && !std::holds_alternative<settle_release>(what) &&
           !std::holds_alternative<mark_ready>(what) && !std::holds_alternative<begin_drain>(what) &&
           !std::holds_alternative<condemn_instance>(what) && !std::holds_alternative<allot_link>(what) &&
           !std::holds_alternative<move_rollout>(what) && !std::holds_alternative<release_order>(what) &&
           !std::holds_alternative<end_return>(what) && !std::holds_alternative<pass_over>(what) &&
           !std::holds_alternative<prepare_release>(what) &&  // it tells the others that Docker is away
           !std::holds_alternative<fail_release>(what);       // planned only while Docker answers
}

void plan_proxy(const world& from, const std::vector<roster>& everyone, plan& out)
{
    auto routes = wanted_routes(from, everyone);
    const bool refused = !from.proxy.refused.empty();
    // Since it was last asked, not looked at: while something drains it is looked at all the time.
    const bool ask_now = refused && from.now >= from.proxy_asked_at + ask_again;
    if (refused)
        wake(out, (ask_now ? from.now : from.proxy_asked_at) + ask_again);
    if (proxy_differs(from, routes) || ask_now)
        out.actions.emplace_back(update_proxy{std::move(routes)});
}

/// An order is taken over when its store answers: the release is made there.
void plan_order(const world& from, const component& of, plan& out)
{
    if (of.intent == model::intent::ready && !of.hold && !of.wanted && !of.asked_image.empty() &&
        from.store.reachable)
        out.actions.emplace_back(release_order{of.name, of.asked_image});
}

}  // namespace
}  // namespace detail

plan make_plan(const world& from)
{
    plan out;
    std::vector<detail::roster> everyone;
    everyone.reserve(from.components.size());
    for (const auto& [name, wish] : from.components)
        everyone.push_back(detail::make_roster(from, wish));

    // Before every source has spoken once nothing is known, and nothing is done.
    if (from.docker.known && from.haproxy.known) {
        detail::plan_links(from, everyone, out);
        detail::plan_proxy(from, everyone, out);
        for (const auto& who : everyone) {
            detail::plan_component(from, who, out);
            detail::plan_departures(from, who, out);
            detail::plan_order(from, who.wish, out);
        }
        detail::plan_return(from, everyone, out);
        if (!from.docker.reachable)
            std::erase_if(out.actions, detail::needs_docker);
    }
    for (const auto& who : everyone)
        detail::explain_component(from, who, out);
    return out;
}

}  // namespace gantryd::planner
