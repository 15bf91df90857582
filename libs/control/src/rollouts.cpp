#include <gantryd/control/rollouts.hpp>

#include "races.hpp"
#include "release_writer.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <fmt/format.h>

#include <ranges>

namespace gantryd::control {
namespace {

using base::errc;
using model::release_outcome;
using model::rollout_verdict;

std::string name_of(model::release_number number)
{
    return fmt::format("release {}", model::value_of(number));
}

/// Errors: rejected, when the wanted release is not on its way to any machine.
base::result<const model::release*> under_way(const component_overview& of)
{
    const auto* wanted = of.wanted();
    const auto refuse = [&](std::string why) {
        return base::fail(errc::rejected, "component " + of.name.text() + ": " + std::move(why));
    };
    if (wanted == nullptr)
        return refuse("it was never released");
    if (of.state->status != model::intent::ready)
        return refuse(fmt::format("it is {}; no rollout is under way", text_of(of.state->status)));
    if (wanted->outcome == release_outcome::live)
        return refuse(name_of(wanted->number) + " is live on every machine; no rollout is under way");
    return wanted;
}

/// The record of the release's rollout; a new one, without slots yet, before a machine has begun it.
model::rollout record_of(const component_overview& of, const model::release& release, base::wall_time now)
{
    if (const auto* there = of.rollout_of(release.number))
        return *there;
    model::rollout out;
    out.release = release.number;
    out.began_at = now;
    return out;
}

std::unexpected<base::error> unknown_component(
    const model::project_name& project, const model::component_name& component)
{
    return base::fail(
        errc::not_found, fmt::format("project {} has no component {}", project.text(), component.text()));
}

}  // namespace

base::result<model::release> rollback_target(
    const component_overview& of, std::optional<model::release_number> asked, bool also_failed)
{
    const auto* wanted = of.wanted();
    const auto who = "component " + of.name.text() + ": ";
    if (wanted == nullptr)
        return base::fail(errc::not_found, who + "it was never released");
    if (!asked) {
        for (const auto& [number, release] : of.releases | std::views::reverse)
            if (number < wanted->number && release.outcome == release_outcome::live &&
                !is_same(*wanted, release.spec_hash, release.image))
                return release;
        return base::fail(
            errc::not_found, fmt::format("{}nothing to go back to: no other release was live before {}", who,
                                 name_of(wanted->number)));
    }
    const auto found = of.releases.find(*asked);
    if (found == of.releases.end())
        return base::fail(errc::not_found,
            fmt::format("{}no {} is known; `history` lists those that are kept", who, name_of(*asked)));
    const auto& release = found->second;
    if (release.outcome == release_outcome::failed && !also_failed)
        return base::fail(errc::rejected,
            fmt::format("{}{} failed: {}; --force takes it all the same", who, name_of(*asked),
                release.why_failed ? release.why_failed->reason : "no evidence was kept"));
    if (&release == wanted && release.outcome != release_outcome::failed)
        return base::fail(errc::rejected, fmt::format("{}{} is the present one", who, name_of(*asked)));
    if (is_same(*wanted, release.spec_hash, release.image) && wanted->outcome != release_outcome::failed)
        return base::fail(
            errc::rejected, fmt::format("{}{}, the present one, has the same spec and image as {}", who,
                                name_of(wanted->number), name_of(*asked)));
    return release;
}

boost::asio::awaitable<base::result<rolled_back>> roll_back(store::store& to, model::project_name project,
    model::component_name component, std::optional<model::release_number> asked, bool also_failed,
    std::string created_by, runtime::clock& clk, runtime::time_point deadline)
{
    rolled_back out;
    decision decide = [&](const project_overview& all) -> base::result<std::optional<store::transaction>> {
        const auto* of = all.find(component);
        if (of == nullptr)
            return unknown_component(project, component);
        auto target = rollback_target(*of, asked, also_failed);
        if (!target)
            return std::unexpected(target.error());
        store::transaction write;
        const release_request request{
            target->spec, target->image, target->digest, target->architecture, target->secrets};
        out.number = add_release(project, request, *of, created_by, clk.wall_now(), write).number;
        out.from = std::move(*target);
        return write;
    };
    auto done = co_await change_project(to, project, std::move(decide), deadline);
    if (!done)
        co_return std::unexpected(done.error());
    co_return out;
}

base::result<std::optional<model::rollout>> paused(
    const component_overview& of, std::string who, base::wall_time now)
{
    const auto wanted = under_way(of);
    if (!wanted)
        return std::unexpected(wanted.error());
    auto record = record_of(of, **wanted, now);
    if ((*wanted)->outcome == release_outcome::failed || record.verdict == rollout_verdict::failed)
        return base::fail(
            errc::rejected, fmt::format("component {}: {} has failed; machines that have it go back",
                                of.name.text(), name_of((*wanted)->number)));
    if (record.held || record.verdict == rollout_verdict::paused)
        return std::nullopt;
    record.held = true;
    record.held_by = std::move(who);
    return record;
}

base::result<std::optional<model::rollout>> resumed(const component_overview& of, base::wall_time now)
{
    const auto wanted = under_way(of);
    if (!wanted)
        return std::unexpected(wanted.error());
    auto record = record_of(of, **wanted, now);
    const bool halted = record.verdict == rollout_verdict::paused;
    if (!record.held && !halted) {
        if ((*wanted)->outcome == release_outcome::failed || record.verdict == rollout_verdict::failed)
            return base::fail(errc::rejected,
                fmt::format(
                    "component {}: {} has failed and is not tried again; `update` or `rollback` makes "
                    "a new one",
                    of.name.text(), name_of((*wanted)->number)));
        return std::nullopt;
    }
    record.held = false;
    record.held_by.clear();
    if (halted) {
        record.verdict = rollout_verdict::running;
        record.machine = model::machine_id();
        record.why.clear();
        record.began_at = now;
        record.ended_at.reset();
    }
    return record;
}

boost::asio::awaitable<base::result<hold_change>> hold_rollout(store::store& to, model::project_name project,
    model::component_name component, bool held, std::string who, runtime::clock& clk,
    runtime::time_point deadline)
{
    hold_change out;
    decision decide = [&](const project_overview& all) -> base::result<std::optional<store::transaction>> {
        const auto* of = all.find(component);
        if (of == nullptr)
            return unknown_component(project, component);
        const auto record = held ? paused(*of, who, clk.wall_now()) : resumed(*of, clk.wall_now());
        if (!record)
            return std::unexpected(record.error());
        out = {of->wanted()->number, record->has_value()};
        if (!*record)
            return std::nullopt;
        const auto key = records::rollout_key(project, component);
        store::transaction write;
        write.conditions.push_back(
            {records::state_key(project, component), store::compare::target::modified, of->state_revision});
        write.conditions.push_back({key, store::compare::target::modified, of->rollout_revision});
        write.operations.push_back(put(key, records::encode(**record)));
        return write;
    };
    auto done = co_await change_project(to, project, std::move(decide), deadline);
    if (!done)
        co_return std::unexpected(done.error());
    co_return out;
}

}  // namespace gantryd::control
