#include "commands.hpp"
#include "common/output.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/records/codec.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <ranges>

namespace gantryd::app {
namespace {

/// How a release turned out: on which machine, when, and why.
struct verdict {
    std::string outcome;
    std::optional<base::wall_time> at;
    model::machine_id machine;
    std::string why;
};

verdict verdict_on(const control::component_overview& of, const model::release& release)
{
    verdict out{std::string(text_of(release.outcome)), release.outcome_at, release.outcome_by,
        release.why_failed ? release.why_failed->reason : std::string()};
    const auto* rollout = of.rollout_of(release.number);
    if (rollout == nullptr)
        return out;
    if (!rollout->machine.empty())
        out.machine = rollout->machine;
    if (out.why.empty())
        out.why = rollout->why;
    if (release.outcome == model::release_outcome::pending) {
        out.outcome = rollout->held ? "held" : std::string(text_of(rollout->verdict));
        out.at = rollout->ended_at;
    }
    return out;
}

std::vector<std::string> row(const control::project_overview& all, const control::component_overview& of,
    const model::release& release)
{
    const auto how = verdict_on(of, release);
    return {of.name.text(), std::to_string(model::value_of(release.number)), how.outcome,
        how.at ? base::rfc3339(*how.at) : "-", how.machine.empty() ? "-" : all.name_of(how.machine),
        base::short_id(release.image.text()), base::rfc3339(release.created_at), release.created_by, how.why};
}

boost::json::object as_json(const control::component_overview& of, const model::release& release)
{
    auto out = records::summary_json(release);
    out["component"] = of.name.text();
    if (const auto* rollout = of.rollout_of(release.number))
        out["rollout"] = records::to_json(*rollout);
    return out;
}

}  // namespace

boost::asio::awaitable<exit_code> history(invocation what, runtime::clock& clk)
{
    auto project = co_await look_at_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    boost::json::array out;
    std::vector<std::vector<std::string>> rows{
        {"COMPONENT", "RELEASE", "OUTCOME", "AT", "ON", "IMAGE ID", "CREATED", "BY", "WHY"}};
    for (const auto& of : project->all.components) {
        if (!what.components.empty() &&
            std::ranges::find(what.components, of.name.text()) == what.components.end())
            continue;
        for (const auto& [number, release] : of.releases | std::views::reverse) {
            out.emplace_back(as_json(of, release));
            rows.push_back(row(project->all, of, release));
        }
    }
    if (what.with.json())
        print_json(boost::json::object{{"releases", std::move(out)}});
    else
        print(columns(rows));
    co_return told(*project);
}

}  // namespace gantryd::app
