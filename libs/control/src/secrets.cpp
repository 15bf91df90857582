#include <gantryd/control/secrets.hpp>

#include "races.hpp"
#include "release_writer.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace gantryd::control {
namespace {

using base::errc;

/// The highest version of a secret that anything knows of: a secret that was removed and is set again is
/// another one than it was.
std::int64_t last_version(const project_overview& all, const std::string& secret)
{
    const auto stored = all.secrets.find(secret);
    auto out = stored == all.secrets.end() ? 0 : stored->second.what.version;
    for (const auto& of : all.components)
        for (const auto& [number, release] : of.releases)
            for (const auto& variable : release.spec.environment_variables) {
                const auto held = release.secrets.find(variable.name);
                if (variable.secret && variable.secret->name == secret && held != release.secrets.end())
                    out = std::max(out, held->second.version);
            }
    return out;
}

bool names(const model::environment_variable& variable, const std::string& secret)
{
    return variable.secret && variable.secret->name == secret;
}

store::compare unchanged(
    const model::project_name& project, const project_overview& all, const std::string& secret)
{
    const auto stored = all.secrets.find(secret);
    return {records::secret_key(project, secret), store::compare::target::modified,
        stored == all.secrets.end() ? store::revision{} : stored->second.revision};
}

std::string joined(const std::vector<std::string>& names)
{
    std::string out;
    for (const auto& name : names)
        out += (out.empty() ? "" : ", ") + name;
    return out;
}

}  // namespace

std::vector<secret_use> uses_of(const project_overview& all, const std::string& secret)
{
    std::vector<secret_use> out;
    for (const auto& of : all.components) {
        secret_use use{.component = of.name, .release = {}};
        if (of.configured)
            use.configured = std::ranges::any_of(of.configured->environment_variables,
                [&](const auto& variable) { return names(variable, secret); });
        if (const auto* wanted = of.wanted())
            for (const auto& variable : wanted->spec.environment_variables)
                if (const auto held = wanted->secrets.find(variable.name);
                    names(variable, secret) && held != wanted->secrets.end()) {
                    use.release = wanted->number;
                    use.version = held->second.version;
                }
        if (use.configured || use.release)
            out.push_back(std::move(use));
    }
    return out;
}

boost::asio::awaitable<base::result<secret_set>> set_secret(store::store& to, model::project_name project,
    std::string secret, sealer seal, std::string set_by, runtime::clock& clk, runtime::time_point deadline)
{
    secret_set out;
    decision decide = [&](const project_overview& all) -> base::result<std::optional<store::transaction>> {
        out.version = last_version(all, secret) + 1;
        out.uses = uses_of(all, secret);
        auto sealed = seal(out.version);
        if (!sealed)
            return std::unexpected(sealed.error());
        const model::stored_secret fresh{out.version, std::move(*sealed), clk.wall_now(), set_by};
        store::transaction write;
        write.conditions.push_back(unchanged(project, all, secret));
        write.operations.push_back(put(records::secret_key(project, secret), records::encode(fresh)));
        return write;
    };
    auto done = co_await change_project(to, project, std::move(decide), deadline);
    if (!done)
        co_return std::unexpected(done.error());
    co_return out;
}

boost::asio::awaitable<base::result<void>> remove_secret(store::store& to, model::project_name project,
    std::string secret, bool also_used, runtime::time_point deadline)
{
    decision decide = [&](const project_overview& all) -> base::result<std::optional<store::transaction>> {
        if (!all.secrets.contains(secret))
            return base::fail(
                errc::not_found, fmt::format("project {} has no secret {}", project.text(), secret));
        std::vector<std::string> users;
        for (const auto& use : uses_of(all, secret))
            if (use.configured)
                users.push_back(use.component.text());
        if (!users.empty() && !also_used)
            return base::fail(
                errc::rejected, fmt::format("secret {}: the stored config of {} uses it, which could not be "
                                            "released any more; --force removes it all the same",
                                    secret, joined(users)));
        store::transaction write;
        write.conditions.push_back(unchanged(project, all, secret));
        write.operations.push_back(
            {store::operation::kind::erase, records::secret_key(project, secret), {}, {}});
        return write;
    };
    auto done = co_await change_project(to, project, std::move(decide), deadline);
    co_return done;
}

base::result<model::held_secrets> hold_secrets(
    const project_overview& all, const model::component_spec& spec, model::held_secrets held)
{
    for (const auto& variable : spec.environment_variables) {
        if (!variable.secret || variable.secret->name.empty())
            continue;
        const auto stored = all.secrets.find(variable.secret->name);
        if (stored == all.secrets.end() || stored->second.what.sealed.empty())
            return base::fail(errc::rejected,
                fmt::format("component {}: the store has no secret {}, which its variable {} is to have; "
                            "`gantryd secret set` stores one",
                    spec.name.text(), variable.secret->name, variable.name));
        held[variable.name] = {stored->second.what.version, stored->second.what.sealed, {}};
    }
    return held;
}

}  // namespace gantryd::control
