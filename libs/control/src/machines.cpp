#include <gantryd/control/machines.hpp>

#include <gantryd/base/names.hpp>
#include <gantryd/records/keys.hpp>

#include <boost/json.hpp>

#include <algorithm>

namespace gantryd::control {
namespace {

machine_overview overview_of(
    const project_overview& all, const model::machine_id& id, const std::string& host)
{
    machine_overview out{.id = id, .host = host, .drains = all.draining.contains(id)};
    for (const auto& of : all.components) {
        const auto* report = of.report_of(id);
        if (report == nullptr)
            continue;
        out.runs.push_back({of.name, report->running, report->state});
        out.since = std::max(out.since, report->reported_at);
    }
    const auto* daemon = all.find_machine(id);
    if (daemon == nullptr) {
        out.state = machine_state::lost;
        return out;
    }
    out.state = out.drains ? machine_state::draining : machine_state::here;
    out.since = daemon->started_at;
    out.daemon = *daemon;
    return out;
}

}  // namespace

std::string_view text_of(machine_state value) noexcept
{
    switch (value) {
    case machine_state::here: return "here";
    case machine_state::draining: return "draining";
    case machine_state::lost: return "lost";
    }
    return "?";
}

std::vector<machine_overview> machines_of(const project_overview& all)
{
    std::vector<machine_overview> out;
    for (const auto& [id, host] : all.hosts())
        out.push_back(overview_of(all, id, host));
    return out;
}

base::result<model::machine_id> find_machine(const project_overview& all, const std::string& text)
{
    const auto known = all.hosts();
    if (known.contains(model::machine_id(text)))
        return model::machine_id(text);
    std::vector<model::machine_id> meant;
    for (const auto& [id, host] : known)
        if (!text.empty() && (id.text().starts_with(text) || host == text))
            meant.push_back(id);
    if (meant.size() == 1)
        return meant.front();
    if (meant.empty())
        return base::fail(base::errc::not_found, "no machine \"" + text + "\" is known in this project");
    std::string names;
    for (const auto& id : meant)
        names += (names.empty() ? "" : ", ") + id.text();
    return base::fail(base::errc::rejected, "\"" + text + "\" may be any of " + names + "; give the id");
}

std::vector<model::component_name> only_there(const project_overview& all, const model::machine_id& machine)
{
    const auto* me = all.find_machine(machine);
    std::vector<model::component_name> out;
    for (const auto& of : all.components) {
        const auto* report = of.report_of(machine);
        const bool mine = me != nullptr ? looks_after(*me, of.name) : report != nullptr;
        if (!mine || !of.state || of.state->status != model::intent::ready)
            continue;
        const bool others = std::ranges::any_of(all.machines, [&](const model::machine_report& other) {
            return other.id != machine && !all.draining.contains(other.id) && looks_after(other, of.name);
        });
        if (!others)
            out.push_back(of.name);
    }
    return out;
}

boost::asio::awaitable<base::result<bool>> set_drain(store::store& to, model::project_name project,
    model::machine_id machine, bool drains, std::string who, runtime::clock& clk,
    runtime::time_point deadline)
{
    const auto key = records::drain_key(project, machine);
    auto present = co_await to.get(key, deadline);
    if (!present)
        co_return std::unexpected(present.error());
    if (present->has_value() == drains)
        co_return false;
    store::operation write{store::operation::kind::erase, key, {}, {}};
    if (drains) {
        write.what = store::operation::kind::put;
        write.value =
            boost::json::serialize(boost::json::object{{"by", who}, {"at", base::rfc3339(clk.wall_now())}});
    }
    store::transaction change;
    change.operations.push_back(std::move(write));
    auto done = co_await to.commit(std::move(change), deadline);
    if (!done)
        co_return std::unexpected(done.error());
    co_return true;
}

}  // namespace gantryd::control
