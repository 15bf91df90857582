#include "races.hpp"
#include "release_writer.hpp"

#include <gantryd/control/secrets.hpp>
#include <gantryd/model/component_json.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

namespace gantryd::control {
namespace {

/// History kept per component; the wanted release and the newest live one are kept in any case.
constexpr std::size_t kept_releases = 50;

void drop_old_history(const model::project_name& project, const model::component_name& component,
    const component_overview& of, store::transaction& write)
{
    if (of.releases.size() < kept_releases)
        return;
    auto surplus = of.releases.size() + 1 - kept_releases;
    model::release_number newest_live{};
    for (const auto& [number, release] : of.releases)
        if (release.outcome == model::release_outcome::live)
            newest_live = number;
    for (const auto& [number, release] : of.releases) {
        if (surplus == 0)
            return;
        --surplus;
        if (&release == of.wanted() || number == newest_live)
            continue;
        write.operations.push_back(
            {store::operation::kind::erase, records::release_key(project, component, number), {}, {}});
    }
}

}  // namespace

store::operation put(std::string key, std::string value)
{
    return {store::operation::kind::put, std::move(key), std::move(value), {}};
}

bool is_released(const component_overview& of, const std::string& spec_hash, const model::image_id& image)
{
    const auto* wanted = of.wanted();
    return wanted != nullptr && is_same(*wanted, spec_hash, image) &&
           wanted->outcome != model::release_outcome::failed;
}

released add_release(const model::project_name& project, const release_request& request,
    const component_overview& of, const std::string& created_by, base::wall_time now,
    store::transaction& write)
{
    const auto& name = request.spec.name;
    released out{name, {}, false};
    const auto hash = model::spec_hash(request.spec, request.secrets);
    const auto* wanted = of.wanted();
    if (!request.again && is_released(of, hash, request.image)) {
        out.number = wanted->number;
    } else {
        out.number = model::next(of.last);
        out.is_new = true;
        const model::release fresh{.number = out.number,
            .spec = request.spec,
            .image = request.image,
            .digest = request.digest,
            .architecture = request.architecture,
            .secrets = request.secrets,
            .spec_hash = hash,
            .created_by = created_by,
            .created_at = now};
        write.operations.push_back(
            put(records::release_key(project, name, out.number), records::encode(fresh)));
        // That one before it is superseded is not written: every machine would be sent that one again.
        drop_old_history(project, name, of, write);
    }
    const model::component_state state{model::intent::ready, request.image, out.number};
    const auto key = records::state_key(project, name);
    write.conditions.push_back({key, store::compare::target::modified, of.state_revision});
    write.operations.push_back(put(key, records::encode(state)));
    return out;
}

boost::asio::awaitable<base::result<std::vector<released>>> release_components(store::store& to,
    model::project_name project, std::vector<release_request> requests, std::string created_by,
    runtime::clock& clk, runtime::time_point deadline)
{
    std::vector<released> out;
    decision decide = [&](const project_overview& all) -> base::result<std::optional<store::transaction>> {
        store::transaction write;
        out.clear();
        for (auto request : requests) {
            auto held = hold_secrets(all, request.spec, std::move(request.secrets));
            if (!held)
                return std::unexpected(held.error());
            request.secrets = std::move(*held);
            const auto* of = all.find(request.spec.name);
            out.push_back(add_release(project, request, of == nullptr ? component_overview() : *of,
                created_by, clk.wall_now(), write));
        }
        return write;
    };
    auto done = co_await change_project(to, project, std::move(decide), deadline);
    if (!done)
        co_return std::unexpected(done.error());
    co_return out;
}

boost::asio::awaitable<base::result<released>> release_order(store::store& to, model::project_name project,
    model::component_name component, model::image_id image, std::string created_by, runtime::clock& clk,
    runtime::time_point deadline)
{
    auto all = co_await read_overview(to, project, deadline);
    if (!all)
        co_return std::unexpected(all.error());
    const auto* of = all->find(component);
    if (of == nullptr || !of->state || of->state->status != model::intent::ready || of->state->release ||
        of->state->image != image)
        co_return base::fail(base::errc::conflict, "the order is another one now");
    if (!of->configured)
        co_return base::fail(base::errc::rejected,
            "the stored config has no component " + component.text() + "; `gantryd setconfig` stores one");
    auto before = *of;
    if (!before.releases.empty())  // what was wanted before somebody left the number out
        before.state->release = before.releases.rbegin()->first;
    auto held = hold_secrets(*all, *of->configured, of->configured_secrets);
    if (!held)
        co_return std::unexpected(held.error());
    release_request request{*of->configured, std::move(image)};
    request.secrets = std::move(*held);
    store::transaction write;
    auto made = add_release(project, request, before, created_by, clk.wall_now(), write);
    auto done = co_await to.commit(std::move(write), deadline);
    if (!done)
        co_return std::unexpected(done.error());
    co_return made;
}

}  // namespace gantryd::control
