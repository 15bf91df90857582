#include <gantryd/control/machines.hpp>

#include <gantryd/base/names.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <algorithm>

namespace gantryd::control {
namespace {

std::string wait_of(const model::component_report& report)
{
    for (const auto& condition : report.conditions)
        if (condition.code == "waiting_carrier" || condition.code == "no_carrier")
            return condition.text;
    return {};
}

machine_overview overview_of(
    const project_overview& all, const model::machine_id& id, const std::string& host)
{
    machine_overview out{
        .id = id, .host = host, .drains = all.draining.contains(id), .returns = all.returning.contains(id)};
    bool has_work = false;
    const auto* daemon = all.find_machine(id);
    for (const auto& of : all.components) {
        const auto* report = of.report_of(id);
        if (report == nullptr)
            continue;
        auto waits = daemon == nullptr ? std::string() : wait_of(*report);
        out.runs.push_back({of.name, report->running, report->state, std::move(waits)});
        out.since = std::max(out.since, report->reported_at);
        has_work = has_work || !report->instances.empty();
    }
    if (daemon == nullptr) {
        out.state = machine_state::lost;
        return out;
    }
    out.state = out.returns ? machine_state::returning : machine_state::here;
    if (out.drains)
        out.state = has_work ? machine_state::draining : machine_state::drained;
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
    case machine_state::drained: return "drained";
    case machine_state::returning: return "returning";
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
            return other.id != machine && !all.draining.contains(other.id) &&
                   !all.returning.contains(other.id) && looks_after(other, of.name);
        });
        if (!others)
            out.push_back(of.name);
    }
    return out;
}

std::vector<model::component_name> work_of(const project_overview& all, const model::machine_id& machine)
{
    if (const auto* there = all.find_machine(machine))
        return there->components;
    std::vector<model::component_name> out;
    for (const auto& of : all.components)
        if (of.report_of(machine) != nullptr)
            out.push_back(of.name);
    return out;
}

boost::asio::awaitable<base::result<bool>> set_drain(store::store& to, model::project_name project,
    model::machine_id machine, bool drains, std::vector<model::component_name> components, std::string who,
    runtime::clock& clk, runtime::time_point deadline)
{
    const auto key = records::drain_key(project, machine);
    auto present = co_await to.get(key, deadline);
    if (!present)
        co_return std::unexpected(present.error());
    model::drain_mark before;
    if (*present)
        before = records::decode_drain_mark((*present)->value).value_or(before);
    const bool is_so = *present ? before.returns != drains : !drains;
    if (is_so)
        co_return false;
    model::drain_mark mark{std::move(who), clk.wall_now(), !drains, std::move(components)};
    mark.failed = std::move(before.failed);  // it is the same work still, and the same who have it
    if (!drains)
        mark.components = std::move(before.components);
    store::transaction change;
    change.conditions.push_back(
        {key, store::compare::target::modified, *present ? (*present)->modified : store::revision{}});
    change.operations.push_back({store::operation::kind::put, key, records::encode(mark), {}});
    auto done = co_await to.commit(std::move(change), deadline);
    if (!done)
        co_return std::unexpected(done.error());
    co_return true;
}

namespace {

/// The keys that tell of the machine, and of nobody else.
bool is_about(const model::project_name& project, const model::machine_id& machine, const std::string& key)
{
    if (key.starts_with(records::reports_prefix(project, machine)) ||
        key == records::drain_key(project, machine))
        return true;
    const auto part = records::parse_rollout_key(project, key);
    return part && part->machine == machine;  // its step, and its word on a release
}

}  // namespace

boost::asio::awaitable<base::result<std::size_t>> forget_machine(
    store::store& to, model::project_name project, model::machine_id machine, runtime::time_point deadline)
{
    constexpr std::size_t most_at_once = 100;  // etcd takes 128 operations
    auto all = co_await to.list(records::project_prefix(project), deadline);
    if (!all)
        co_return std::unexpected(all.error());
    std::vector<std::string> keys;
    for (const auto& pair : all->pairs)
        if (is_about(project, machine, pair.key))
            keys.push_back(pair.key);
    for (std::size_t from = 0; from < keys.size(); from += most_at_once) {
        store::transaction write;
        write.conditions.push_back(
            {records::machine_key(project, machine), store::compare::target::created, store::revision{}});
        for (auto i = from; i < std::min(keys.size(), from + most_at_once); ++i)
            write.operations.push_back({store::operation::kind::erase, keys[i], {}, {}});
        auto done = co_await to.commit(std::move(write), deadline);
        if (!done && done.error() == base::errc::conflict)
            co_return base::fail(
                base::errc::rejected, "machine " + machine.text() + " is there; end its gantryd first");
        if (!done)
            co_return std::unexpected(done.error());
    }
    co_return keys.size();
}

}  // namespace gantryd::control
