#include "commands.hpp"
#include "common/output.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/records/codec.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <ranges>

namespace gantryd::app {

boost::asio::awaitable<exit_code> history(invocation what, runtime::clock& clk)
{
    auto project = co_await open_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    boost::json::array out;
    std::vector<std::vector<std::string>> rows{
        {"COMPONENT", "RELEASE", "OUTCOME", "IMAGE ID", "CREATED", "BY", "WHY"}};
    for (const auto& of : project->all.components) {
        if (!what.components.empty() &&
            std::ranges::find(what.components, of.name.text()) == what.components.end())
            continue;
        for (const auto& [number, release] : of.releases | std::views::reverse) {
            auto row = records::summary_json(release);
            row["component"] = of.name.text();
            out.emplace_back(std::move(row));
            rows.push_back({of.name.text(), std::to_string(model::value_of(number)),
                std::string(text_of(release.outcome)), base::short_id(release.image.text()),
                base::rfc3339(release.created_at), release.created_by,
                release.why_failed ? release.why_failed->reason : std::string()});
        }
    }
    if (what.with.json())
        print_json(boost::json::object{{"releases", std::move(out)}});
    else
        print(columns(rows));
    co_return exit_code::done;
}

}  // namespace gantryd::app
