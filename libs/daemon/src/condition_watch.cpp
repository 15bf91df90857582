#include "condition_watch.hpp"

#include <algorithm>

namespace gantryd::daemon {
namespace {

std::string key_of(const planner::condition& of)
{
    return of.component.text() + "\n" + of.instance + "\n" + std::string(text_of(of.code));
}

}  // namespace

std::optional<base::time_point> condition_watch::take(const std::vector<planner::condition>& present)
{
    const auto now = st_.io.clk.now();
    std::optional<base::time_point> next;
    std::map<std::string, known> still_there;
    for (const auto& condition : present) {
        const auto key = key_of(condition);
        const auto before = known_.find(key);
        auto [at, is_new] = still_there.try_emplace(key);
        if (!is_new)
            continue;
        auto& entry = at->second;
        if (before != known_.end())
            entry = std::move(before->second);
        else
            entry.first_seen = condition.since ? std::min(*condition.since, now) : now;
        entry.last = condition;
        if (entry.told)
            continue;
        const auto lasts_at = entry.first_seen + worth_telling;
        if (now < lasts_at) {
            next = next ? std::min(*next, lasts_at) : lasts_at;
            continue;
        }
        entry.told = true;
        tell(happening::condition_began, condition);
    }
    for (const auto& [key, entry] : known_)
        if (entry.told && !still_there.contains(key))
            tell(happening::condition_ended, entry.last);
    known_ = std::move(still_there);
    return next;
}

base::time_point condition_watch::since(const planner::condition& what) const
{
    if (what.since)
        return *what.since;
    const auto found = known_.find(key_of(what));
    return found == known_.end() ? st_.io.clk.now() : found->second.first_seen;
}

void condition_watch::tell(happening what, const planner::condition& about)
{
    const auto* instance = st_.find(model::instance_name(about.instance));
    st_.tell({.what = what,
        .instance = instance,
        .component = about.component,
        .instance_name = about.instance,
        .text = about.text,
        .condition = about.code});
}

}  // namespace gantryd::daemon
