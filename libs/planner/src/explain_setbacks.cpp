// Actions that failed and are still to be done.
#include "component_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::planner::detail {
namespace {

bool is_about(const action& planned, const setback& failed)
{
    return std::visit(
        [&](const auto& what) {
            if constexpr (requires { what.name; })
                return what.name.text() == failed.instance;
            else if constexpr (requires { what.component; })
                return failed.instance.empty() && what.component == failed.component;
            else
                return false;
        },
        planned);
}

/// What explain_component() tells anyway.
bool is_told_of_source(const world& from, const setback& failed)
{
    return (failed.code == reason::docker_unreachable && !from.docker.reachable) ||
           (failed.code == reason::proxy_failed && !from.haproxy.reachable);
}

std::string text_of(const setback& failed)
{
    if (failed.code != reason::retrying)
        return failed.error;
    return fmt::format("{} failed {}: {}", failed.action,
        failed.failures == 1 ? std::string("once") : fmt::format("{} times in a row", failed.failures),
        failed.error);
}

std::string_view remedy_for(reason code)
{
    if (code == reason::image_mismatch || code == reason::wrong_architecture ||
        code == reason::secret_changed)
        return "gantryd update {} -c {}";
    if (code == reason::docker_disk_full)
        return "docker system df";
    return code == reason::port_taken ? "ss -ltnp" : "gantryd events {} -c {}";
}

}  // namespace

void explain_setbacks(const world& from, const roster& who, plan& out)
{
    const auto& name = who.wish.name;
    for (const auto& failed : from.setbacks) {
        const auto concerns = [&](const action& planned) { return is_about(planned, failed); };
        const bool open = failed.trying || std::ranges::any_of(out.actions, concerns);
        if (failed.component != name || !open || is_told_of_source(from, failed))
            continue;
        condition c{.code = failed.code, .component = name, .text = text_of(failed)};
        c.instance = failed.instance;
        c.since = failed.since;
        if (failed.until > from.now)
            c.until = failed.until;
        c.then = "it is tried again";
        c.command = fmt::format(fmt::runtime(remedy_for(failed.code)), from.project.text(), name.text());
        out.conditions.push_back(std::move(c));
    }
}

}  // namespace gantryd::planner::detail
