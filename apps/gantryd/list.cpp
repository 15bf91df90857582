#include "commands.hpp"
#include "common/output.hpp"

#include <gantryd/base/names.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace gantryd::app {
namespace {

std::string status_of(const control::component_overview& of)
{
    return of.state ? std::string(text_of(of.state->status)) : std::string("unknown");
}

}  // namespace

boost::asio::awaitable<exit_code> list(invocation what, runtime::clock& clk)
{
    auto project = co_await look_at_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    if (what.with.json()) {
        boost::json::array out;
        for (const auto& of : project->all.components) {
            boost::json::object row{{"component", of.name.text()}, {"status", status_of(of)},
                {"imageid", of.state ? of.state->image.text() : std::string()},
                {"configDiffers", of.config_differs()}};
            if (of.state && of.state->release)
                row["release"] = model::value_of(*of.state->release);
            if (const auto* release = of.wanted())
                row["outcome"] = text_of(release->outcome);
            out.emplace_back(std::move(row));
        }
        print_json(boost::json::object{{"components", std::move(out)}});
        co_return told(*project);
    }
    print(fmt::format("{:<20} {:<20} {:<20}\n", "COMPONENT", "STATUS", "IMAGE ID"));
    for (const auto& of : project->all.components) {
        const auto image = of.state ? base::short_id(of.state->image.text()) : std::string();
        const auto note = note_on(project->all, of, what.project);
        print(fmt::format("{:<20} {:<20} {:<20}{}\n", of.name.text(), status_of(of), image,
            note.empty() ? "" : " " + note));
    }
    co_return told(*project);
}

}  // namespace gantryd::app
