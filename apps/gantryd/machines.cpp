#include "commands.hpp"
#include "common/output.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/control/machines.hpp>
#include <gantryd/records/codec.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace gantryd::app {
namespace {

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string tags_text(const model::machine_report& of)
{
    std::string out;
    for (const auto& [key, value] : of.tags)
        out.append(out.empty() ? "" : ",").append(key).append("=").append(value);
    return out;
}

std::string runs_text(const control::machine_overview& of)
{
    std::string out;
    for (const auto& work : of.runs)
        out += fmt::format("{}{}{} {}", out.empty() ? "" : ", ", work.component.text(),
            work.release ? fmt::format(" {}", model::value_of(*work.release)) : "", work.state);
    return out;
}

/// A line for each component that a drained machine cannot hand over yet.
std::string waits_text(const control::machine_overview& of)
{
    std::string out;
    for (const auto& work : of.runs)
        if (!work.waits.empty())
            out += fmt::format("{}: {}: {}\n", or_dash(of.host), work.component.text(), work.waits);
    return out;
}

std::vector<std::string> row(const control::machine_overview& of)
{
    const auto daemon = of.daemon.value_or(model::machine_report());
    const auto state = std::string(text_of(of.state));
    const auto* mark = of.drains ? ", draining" : of.returns ? ", returning" : "";
    const bool is_lost = of.state == control::machine_state::lost;
    return {base::short_id(of.id.text()), or_dash(of.host), or_dash(daemon.address),
        is_lost ? state + mark : state, of.since == base::wall_time() ? "-" : ago(of.since),
        or_dash(daemon.version), or_dash(tags_text(daemon)), or_dash(runs_text(of))};
}

boost::json::object as_json(const control::machine_overview& of)
{
    auto out = of.daemon ? records::to_json(*of.daemon) : boost::json::object();
    out["id"] = of.id.text();
    out["host"] = of.host;
    out["state"] = text_of(of.state);
    out["drains"] = of.drains;
    out["returns"] = of.returns;
    if (of.since != base::wall_time())
        out["since"] = base::rfc3339(of.since);
    boost::json::array runs;
    for (const auto& work : of.runs) {
        boost::json::object one{{"component", work.component.text()}, {"state", work.state}};
        if (!work.waits.empty())
            one["waits"] = work.waits;
        if (work.release)
            one["release"] = model::value_of(*work.release);
        runs.emplace_back(std::move(one));
    }
    out["runs"] = std::move(runs);
    return out;
}

}  // namespace

boost::asio::awaitable<exit_code> machines(invocation what, runtime::clock& clk)
{
    auto project = co_await open_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    boost::json::array out;
    std::vector<std::vector<std::string>> rows{
        {"MACHINE", "HOST", "ADDRESS", "STATE", "FOR", "VERSION", "TAGS", "RUNS"}};
    std::string waits;
    for (const auto& of : control::machines_of(project->all)) {
        out.emplace_back(as_json(of));
        rows.push_back(row(of));
        waits += waits_text(of);
    }
    if (what.with.json())
        print_json(boost::json::object{{"machines", std::move(out)}});
    else
        print(columns(rows) + waits);
    co_return exit_code::done;
}

}  // namespace gantryd::app
